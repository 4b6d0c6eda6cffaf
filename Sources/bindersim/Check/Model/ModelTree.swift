/// The red-black tree of the textbook, keyed by size alone, equal sizes to the right.
///
/// Which of several free ranges of one size the C driver takes depends on the tree's shape, so the
/// model keeps the shape too: by the book and without regard to speed.
struct ModelTree {
  private struct Node {
    var size = 0
    var start = 0
    var parent = 0
    var left = 0
    var right = 0
    var isRed = false
  }

  // Node 0 is the book's nil: black, its parent is set while erasing.
  private var nodes = [Node()]
  private var spare: [Int] = []
  private var root = 0

  /// The start of the range that a request of `size` is given: smaller goes left, larger right, and
  /// an equal one is taken where it is met.
  func find(_ size: Int) -> Int? {
    var best = 0
    var node = root
    while node != 0 {
      if size == nodes[node].size { return nodes[node].start }
      if size < nodes[node].size {
        best = node
        node = nodes[node].left
      } else {
        node = nodes[node].right
      }
    }
    return best == 0 ? nil : nodes[best].start
  }

  /// The key of a node that stays where it is.
  mutating func resize(_ node: Int, to size: Int) { nodes[node].size = size }

  mutating func insert(size: Int, start: Int) -> Int {
    let new = spare.popLast() ?? nodes.count
    if new == nodes.count { nodes.append(Node()) }
    var parent = 0
    var place = root
    while place != 0 {
      parent = place
      place = size < nodes[place].size ? nodes[place].left : nodes[place].right
    }
    nodes[new] = Node(size: size, start: start, parent: parent, isRed: true)
    if parent == 0 {
      root = new
    } else if size < nodes[parent].size {
      nodes[parent].left = new
    } else {
      nodes[parent].right = new
    }
    repairInsertion(new)
    return new
  }

  mutating func erase(_ node: Int) {
    var wasRed = nodes[node].isRed
    let orphan: Int
    if nodes[node].left == 0 {
      orphan = nodes[node].right
      transplant(node, orphan)
    } else if nodes[node].right == 0 {
      orphan = nodes[node].left
      transplant(node, orphan)
    } else {
      var successor = nodes[node].right
      while nodes[successor].left != 0 { successor = nodes[successor].left }
      wasRed = nodes[successor].isRed
      orphan = nodes[successor].right
      if nodes[successor].parent == node {
        nodes[orphan].parent = successor
      } else {
        transplant(successor, orphan)
        nodes[successor].right = nodes[node].right
        nodes[nodes[successor].right].parent = successor
      }
      transplant(node, successor)
      nodes[successor].left = nodes[node].left
      nodes[nodes[successor].left].parent = successor
      nodes[successor].isRed = nodes[node].isRed
    }
    if !wasRed { repairErasure(orphan) }
    spare.append(node)
  }

  private mutating func transplant(_ old: Int, _ new: Int) {
    let parent = nodes[old].parent
    if parent == 0 {
      root = new
    } else if nodes[parent].left == old {
      nodes[parent].left = new
    } else {
      nodes[parent].right = new
    }
    nodes[new].parent = parent
  }

  private func child(_ node: Int, left: Bool) -> Int {
    left ? nodes[node].left : nodes[node].right
  }

  /// Rotates `node` down to the left, or to the right; its other child takes its place.
  private mutating func rotate(_ node: Int, left: Bool) {
    let riser = child(node, left: !left)
    let inner = child(riser, left: left)
    if left { nodes[node].right = inner } else { nodes[node].left = inner }
    if inner != 0 { nodes[inner].parent = node }
    transplant(node, riser)
    if left { nodes[riser].left = node } else { nodes[riser].right = node }
    nodes[node].parent = riser
  }

  private mutating func repairInsertion(_ new: Int) {
    var node = new
    while nodes[nodes[node].parent].isRed {
      var parent = nodes[node].parent
      let grandparent = nodes[parent].parent
      let isLeft = parent == nodes[grandparent].left
      let uncle = child(grandparent, left: !isLeft)
      if nodes[uncle].isRed {
        nodes[parent].isRed = false
        nodes[uncle].isRed = false
        nodes[grandparent].isRed = true
        node = grandparent
        continue
      }
      if node == child(parent, left: !isLeft) {
        node = parent
        rotate(node, left: isLeft)
        parent = nodes[node].parent
      }
      nodes[parent].isRed = false
      nodes[grandparent].isRed = true
      rotate(grandparent, left: !isLeft)
    }
    nodes[root].isRed = false
  }

  private mutating func repairErasure(_ orphan: Int) {
    var node = orphan
    while node != root, !nodes[node].isRed {
      let parent = nodes[node].parent
      let isLeft = node == nodes[parent].left
      var sibling = child(parent, left: !isLeft)
      if nodes[sibling].isRed {
        nodes[sibling].isRed = false
        nodes[parent].isRed = true
        rotate(parent, left: isLeft)
        sibling = child(parent, left: !isLeft)
      }
      let (near, far) = (child(sibling, left: isLeft), child(sibling, left: !isLeft))
      if !nodes[near].isRed, !nodes[far].isRed {
        nodes[sibling].isRed = true
        node = parent
        continue
      }
      if !nodes[far].isRed {
        nodes[near].isRed = false
        nodes[sibling].isRed = true
        rotate(sibling, left: !isLeft)
        sibling = child(parent, left: !isLeft)
      }
      nodes[sibling].isRed = nodes[parent].isRed
      nodes[parent].isRed = false
      nodes[child(sibling, left: !isLeft)].isRed = false
      rotate(parent, left: isLeft)
      node = root
    }
    nodes[node].isRed = false
  }
}
