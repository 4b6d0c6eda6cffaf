/// A red-black tree of descriptors by size, as textbooks draw it: objects, links, a nil object.
///
/// Kept recursive and symmetric where the allocator's is flat and unrolled.
final class NaiveTree {
  final class Node {
    var size: Int
    var offset: Int
    /// Who owned it last.
    var owner: Int32?
    var isLive = false
    fileprivate var isRed = false
    fileprivate var children: [Node] = []
    fileprivate unowned(unsafe) var parent: Node!

    init(offset: Int, size: Int) {
      self.offset = offset
      self.size = size
    }
  }

  private let leaf = Node(offset: -1, size: -1)
  private var root: Node

  init() {
    root = leaf
    unsafe leaf.parent = leaf
    leaf.children = []
  }

  deinit {
    // Children hold children; parents are unowned, so nothing is left behind.
    root = leaf
  }

  /// From the root: equal is taken at once, else the last larger one that was passed.
  func find(_ size: Int) -> Node? {
    var best: Node?
    var node = root
    while node !== leaf {
      if node.size == size { return node }
      if node.size > size { best = node }
      node = node.children[node.size > size ? 0 : 1]
    }
    return best
  }

  func insert(_ node: Node) {
    var parent = leaf
    var place = root
    var side = 0
    while place !== leaf {
      parent = place
      side = node.size < place.size ? 0 : 1
      place = place.children[side]
    }
    node.children = [leaf, leaf]
    unsafe node.parent = parent
    node.isRed = true
    if parent === leaf { root = node } else { parent.children[side] = node }
    balanceRed(node)
  }

  private func balanceRed(_ node: Node) {
    let parent = unsafe node.parent!
    guard parent.isRed else {
      root.isRed = false
      return
    }
    let grandparent = unsafe parent.parent!
    let side = grandparent.children[0] === parent ? 0 : 1
    let uncle = grandparent.children[1 - side]
    if uncle.isRed {
      parent.isRed = false
      uncle.isRed = false
      grandparent.isRed = true
      balanceRed(grandparent)
    } else if parent.children[1 - side] === node {
      rotate(parent, towards: side)
      balanceRed(parent)
    } else {
      parent.isRed = false
      grandparent.isRed = true
      rotate(grandparent, towards: 1 - side)
      root.isRed = false
    }
  }

  func erase(_ node: Node) {
    var lostRed = node.isRed
    let mover: Node
    if let side = [1, 0].first(where: { node.children[1 - $0] === leaf }) {
      mover = node.children[side]
      put(mover, inPlaceOf: node)
    } else {
      var successor = node.children[1]
      while successor.children[0] !== leaf { successor = successor.children[0] }
      lostRed = successor.isRed
      mover = successor.children[1]
      if unsafe successor.parent === node {
        unsafe mover.parent = successor
      } else {
        put(mover, inPlaceOf: successor)
        successor.children[1] = node.children[1]
        unsafe successor.children[1].parent = successor
      }
      put(successor, inPlaceOf: node)
      successor.children[0] = node.children[0]
      unsafe successor.children[0].parent = successor
      successor.isRed = node.isRed
    }
    node.children = []
    if !lostRed { balanceBlack(mover) }
  }

  private func balanceBlack(_ start: Node) {
    var node = start
    while node !== root && !node.isRed {
      let parent = unsafe node.parent!
      let side = parent.children[0] === node ? 0 : 1
      var sibling = parent.children[1 - side]
      if sibling.isRed {
        sibling.isRed = false
        parent.isRed = true
        rotate(parent, towards: side)
        sibling = parent.children[1 - side]
      }
      if sibling.children.allSatisfy({ !$0.isRed }) {
        sibling.isRed = true
        node = parent
        continue
      }
      if !sibling.children[1 - side].isRed {
        sibling.children[side].isRed = false
        sibling.isRed = true
        rotate(sibling, towards: 1 - side)
        sibling = parent.children[1 - side]
      }
      sibling.isRed = parent.isRed
      parent.isRed = false
      sibling.children[1 - side].isRed = false
      rotate(parent, towards: side)
      node = root
    }
    node.isRed = false
  }

  private func put(_ other: Node, inPlaceOf node: Node) {
    let parent = unsafe node.parent!
    if parent === leaf {
      root = other
    } else {
      parent.children[parent.children[0] === node ? 0 : 1] = other
    }
    unsafe other.parent = parent
  }

  private func rotate(_ node: Node, towards side: Int) {
    let riser = node.children[1 - side]
    node.children[1 - side] = riser.children[side]
    if riser.children[side] !== leaf { unsafe riser.children[side].parent = node }
    put(riser, inPlaceOf: node)
    riser.children[side] = node
    unsafe node.parent = riser
  }
}
