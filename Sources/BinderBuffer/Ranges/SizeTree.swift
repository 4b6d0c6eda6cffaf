/// One free range in the ``SizeTree``.
struct SizeTreeNode: BitwiseCopyable {
  var left: UInt32
  var right: UInt32
  var parent: UInt32
  /// Size in units, with the colour in the top bit.
  var key: UInt32

  static let red: UInt32 = 1 << 31
  @inline(__always) var size: UInt32 { key & ~Self.red }
  @inline(__always) var isRed: Bool { key & Self.red != 0 }
}

/// The C driver's index of free ranges: a red-black tree keyed by size alone, equal sizes to the
/// right, with the balancing of the textbooks (Cormen, Leiserson, Rivest, Stein).
///
/// The shape decides between ranges of equal size, so the steps are part of the behaviour: insert
/// a red leaf and recolour or rotate upwards; erase a node with two children by moving its
/// in-order successor into its place with its colour; repair in four cases.
///
/// A node has the number of its range; node 0 is the black nil. O(log n) for each operation.
struct SizeTree {
  var nodes = Table<SizeTreeNode>()
  private(set) var root: UInt32 = 0

  /// The range that a request of `size` units takes, or 0: from the root down, a node of exactly
  /// that size is taken at once, else the last larger one that was passed.
  @inline(__always)
  func find(_ size: UInt32) -> UInt32 {
    var best: UInt32 = 0
    var id = root
    while id != 0 {
      let node = nodes[id]
      if size < node.size {
        best = id
        id = node.left
      } else if size > node.size {
        id = node.right
      } else {
        return id
      }
    }
    return best
  }

  /// The largest free range, in units.
  var largest: UInt32 {
    var id = root
    guard id != 0 else { return 0 }
    while nodes[id].right != 0 { id = nodes[id].right }
    return nodes[id].size
  }

  mutating func reset() { root = 0 }

  /// Cuts a node's size where it stands. The tree may be out of order until it is erased.
  @inline(__always)
  func cut(_ id: UInt32, to size: UInt32) {
    nodes[id].key = nodes[id].key & SizeTreeNode.red | size
  }

  @inline(__always)
  mutating func insert(_ id: UInt32, size: UInt32) {
    var parent: UInt32 = 0
    var child = root
    var goesLeft = false
    while child != 0 {
      parent = child
      goesLeft = size < nodes[child].size
      child = goesLeft ? nodes[child].left : nodes[child].right
    }
    nodes[id] = SizeTreeNode(left: 0, right: 0, parent: parent, key: size | SizeTreeNode.red)
    if parent == 0 {
      root = id
    } else if goesLeft {
      nodes[parent].left = id
    } else {
      nodes[parent].right = id
    }
    repairAfterInsert(id)
  }

  @inline(__always)
  private mutating func repairAfterInsert(_ inserted: UInt32) {
    var id = inserted
    var parent = nodes[id].parent
    while nodes[parent].isRed {
      let grandparent = nodes[parent].parent
      let parentIsLeft = nodes[grandparent].left == parent
      let uncle = parentIsLeft ? nodes[grandparent].right : nodes[grandparent].left
      if nodes[uncle].isRed {
        nodes[parent].key &= ~SizeTreeNode.red
        nodes[uncle].key &= ~SizeTreeNode.red
        nodes[grandparent].key |= SizeTreeNode.red
        id = grandparent
        parent = nodes[id].parent
        continue
      }
      if parentIsLeft {
        if nodes[parent].right == id {
          rotateLeft(parent)
          parent = id
        }
        nodes[parent].key &= ~SizeTreeNode.red
        nodes[grandparent].key |= SizeTreeNode.red
        rotateRight(grandparent)
      } else {
        if nodes[parent].left == id {
          rotateRight(parent)
          parent = id
        }
        nodes[parent].key &= ~SizeTreeNode.red
        nodes[grandparent].key |= SizeTreeNode.red
        rotateLeft(grandparent)
      }
      break
    }
    nodes[root].key &= ~SizeTreeNode.red
  }

  @inline(__always)
  mutating func erase(_ id: UInt32) {
    let node = nodes[id]
    var wasRed = node.isRed
    // What moves up into the gap, and its parent there (it may be nil, which has none).
    let child: UInt32
    var childParent: UInt32
    if node.left == 0 {
      child = node.right
      childParent = node.parent
      replace(id, under: node.parent, with: child)
    } else if node.right == 0 {
      child = node.left
      childParent = node.parent
      replace(id, under: node.parent, with: child)
    } else {
      var successor = node.right
      while nodes[successor].left != 0 { successor = nodes[successor].left }
      wasRed = nodes[successor].isRed
      child = nodes[successor].right
      childParent = nodes[successor].parent
      if childParent == id {
        childParent = successor
      } else {
        nodes[childParent].left = child
        if child != 0 { nodes[child].parent = childParent }
        nodes[successor].right = node.right
        nodes[node.right].parent = successor
      }
      replace(id, under: node.parent, with: successor)
      nodes[successor].left = node.left
      nodes[node.left].parent = successor
      nodes[successor].key =
        nodes[successor].size | (node.key & SizeTreeNode.red)
    }
    if !wasRed { repairAfterErase(child, under: childParent) }
  }

  private mutating func repairAfterErase(_ start: UInt32, under startParent: UInt32) {
    var id = start
    var parent = startParent
    while id != root && !nodes[id].isRed {
      if nodes[parent].left == id {
        var sibling = nodes[parent].right
        if nodes[sibling].isRed {
          nodes[sibling].key &= ~SizeTreeNode.red
          nodes[parent].key |= SizeTreeNode.red
          rotateLeft(parent)
          sibling = nodes[parent].right
        }
        let far = nodes[sibling].right
        if !nodes[far].isRed && !nodes[nodes[sibling].left].isRed {
          nodes[sibling].key |= SizeTreeNode.red
          id = parent
          parent = nodes[id].parent
          continue
        }
        if !nodes[far].isRed {
          nodes[nodes[sibling].left].key &= ~SizeTreeNode.red
          nodes[sibling].key |= SizeTreeNode.red
          rotateRight(sibling)
          sibling = nodes[parent].right
        }
        nodes[sibling].key = nodes[sibling].size | (nodes[parent].key & SizeTreeNode.red)
        nodes[parent].key &= ~SizeTreeNode.red
        nodes[nodes[sibling].right].key &= ~SizeTreeNode.red
        rotateLeft(parent)
      } else {
        var sibling = nodes[parent].left
        if nodes[sibling].isRed {
          nodes[sibling].key &= ~SizeTreeNode.red
          nodes[parent].key |= SizeTreeNode.red
          rotateRight(parent)
          sibling = nodes[parent].left
        }
        let far = nodes[sibling].left
        if !nodes[far].isRed && !nodes[nodes[sibling].right].isRed {
          nodes[sibling].key |= SizeTreeNode.red
          id = parent
          parent = nodes[id].parent
          continue
        }
        if !nodes[far].isRed {
          nodes[nodes[sibling].right].key &= ~SizeTreeNode.red
          nodes[sibling].key |= SizeTreeNode.red
          rotateLeft(sibling)
          sibling = nodes[parent].left
        }
        nodes[sibling].key = nodes[sibling].size | (nodes[parent].key & SizeTreeNode.red)
        nodes[parent].key &= ~SizeTreeNode.red
        nodes[nodes[sibling].left].key &= ~SizeTreeNode.red
        rotateRight(parent)
      }
      id = root
    }
    nodes[id].key &= ~SizeTreeNode.red
  }

  /// Hangs `other` (maybe nil) where `id` hangs under `parent`.
  @inline(__always)
  private mutating func replace(_ id: UInt32, under parent: UInt32, with other: UInt32) {
    if parent == 0 {
      root = other
    } else if nodes[parent].left == id {
      nodes[parent].left = other
    } else {
      nodes[parent].right = other
    }
    if other != 0 { nodes[other].parent = parent }
  }

  private mutating func rotateLeft(_ id: UInt32) {
    let up = nodes[id].right
    let inner = nodes[up].left
    nodes[id].right = inner
    if inner != 0 { nodes[inner].parent = id }
    replace(id, under: nodes[id].parent, with: up)
    nodes[up].left = id
    nodes[id].parent = up
  }

  private mutating func rotateRight(_ id: UInt32) {
    let up = nodes[id].left
    let inner = nodes[up].right
    nodes[id].left = inner
    if inner != 0 { nodes[inner].parent = id }
    replace(id, under: nodes[id].parent, with: up)
    nodes[up].right = id
    nodes[id].parent = up
  }
}
