/// One free range in the ``SizeTree``.
struct SizeTreeNode: BitwiseCopyable {
  var left: UInt32
  var right: UInt32
  var parent: UInt32
  /// Size in units, with the colour in the top bit.
  var key: UInt32
  /// The neighbours in the tree's order; node 0 beyond either end.
  var before: UInt32 = 0
  var after: UInt32 = 0

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
/// What is not part of the behaviour is how a node's place is found. The nodes are also chained in
/// order, and for each size below 8 KiB the first and the last of its nodes are known, so a place
/// is found without walking down: a new leaf stands right behind the last node that is not larger,
/// either as its right child or as the left child of the one that followed. Only exact ties and
/// long ranges walk.
///
/// A node has the number of its range; node 0 is the black nil and both ends of the chain.
/// O(log n) at worst for each operation, balancing O(1) on average.
///
/// INVARIANT: the chain is the tree's order; `runs[size]` and the bitmap say which of it has that
/// size. Within `cut` a rest may stand behind larger ones.
struct SizeTree {
  var nodes = Table<SizeTreeNode>()
  var sizes = SizeBitmap()
  /// `first << 32 | last` of the nodes of each size that has any.
  var runs = Table<UInt64>()
  private(set) var root: UInt32 = 0

  /// The largest free range, in units.
  @inline(__always)
  var largest: UInt32 { nodes[nodes[0].before].size }

  @inline(__always)
  private func first(_ size: UInt32) -> UInt32 { UInt32(truncatingIfNeeded: runs[size] >> 32) }
  @inline(__always)
  private func last(_ size: UInt32) -> UInt32 { UInt32(truncatingIfNeeded: runs[size]) }

  /// The range that a request of `size` units takes, or 0: from the root down, a node of exactly
  /// that size is taken at once, else the last larger one that was passed.
  @inline(__always)
  mutating func find(_ size: UInt32) -> UInt32 {
    // Often there is but one, and no choice.
    if nodes[root].left | nodes[root].right == 0 { return nodes[root].size >= size ? root : 0 }
    guard size < SizeBitmap.sizeCount else { return walk(size) }
    let smallest = sizes.smallest(from: size)
    // Without an exact fit the walk ends at the first node of the smallest larger size; with one
    // at whichever of them is highest.
    if smallest > size { return first(smallest) }
    return smallest != 0 && first(size) == last(size) ? first(size) : walk(size)
  }

  @inline(never)
  private mutating func walk(_ size: UInt32) -> UInt32 {
    var best: UInt32 = 0
    var id = root
    while id != 0 {
      let key = nodes[id].size
      if key == size { return id }
      best = size < key ? id : best
      id = size < key ? nodes[id].left : nodes[id].right
    }
    return best
  }

  /// Takes out a range of `size` units whose first `cutSize` are taken; the rest goes in.
  ///
  /// The driver inserts the rest while the cut range, with its new size, still stands in its old
  /// place, and then erases that. Everything before the cut range is smaller than the request, or
  /// it would have been taken. So a rest that is smaller never passes the cut range on its way
  /// down, and one that is not comes to stand right behind it.
  @inline(__always)
  mutating func cut(_ id: UInt32, size: UInt32, to cutSize: UInt32, rest: UInt32) {
    let restSize = size &- cutSize
    if restSize < cutSize {
      leaveRun(id, nodes[id], size: size)
      insert(rest, size: restSize)
    } else {
      if takesPlace(nodes[id]) {
        return substitute(rest, size: restSize, for: id, size: size)
      }
      leaveRun(id, nodes[id], size: size)
      insert(rest, size: restSize, behind: id)
    }
    unhook(id)
  }

  /// Whether a leaf inserted right behind a node, which is then erased, ends in its place with its
  /// colour and all else as it was.
  @inline(__always)
  private func takesPlace(_ node: SizeTreeNode) -> Bool {
    // A red leaf below a black node needs no repair, and is then what the erased one's place falls
    // to. Below the only, red child of a black one it turns up there by rotation.
    if node.right == 0 { return !node.isRed }
    return !nodes[node.after].isRed || (!node.isRed && node.left == 0)
  }

  /// Takes one range out and puts another in.
  @inline(__always)
  mutating func exchange(
    _ old: UInt32, size oldSize: UInt32, for id: UInt32, size: UInt32
  ) {
    let node = nodes[old]
    // Whether the new one belongs between the same neighbours.
    let stays =
      size >= nodes[node.before].size && (node.after == 0 || size < nodes[node.after].size)
    if stays && node.left | node.right == 0 && (node.isRed || old == root) {
      // A red leaf leaves without repair, and a new one enters in its place without.
      return substitute(id, size: size, for: old, size: oldSize)
    }
    erase(old, size: oldSize)
    insert(id, size: size)
  }

  /// Puts a range in another one's place, with its colour; the order must stay right.
  @inline(__always)
  private mutating func substitute(
    _ id: UInt32, size: UInt32, for old: UInt32, size oldSize: UInt32
  ) {
    var node = nodes[old]
    leaveRun(old, node, size: oldSize)
    joinRun(id, size: size)
    if id != old {
      replace(old, under: node.parent, with: id)
      if node.left != 0 { nodes[node.left].parent = id }
      if node.right != 0 { nodes[node.right].parent = id }
      nodes[node.before].after = id
      nodes[node.after].before = id
    }
    node.key = node.key & SizeTreeNode.red | size
    nodes[id] = node
  }

  /// Makes a node the last of its size.
  @inline(__always)
  private mutating func joinRun(_ id: UInt32, size: UInt32) {
    guard size < SizeBitmap.sizeCount else { return }
    let first = sizes.contains(size) ? runs[size] & ~0xFFFF_FFFF : UInt64(id) << 32
    runs[size] = first | UInt64(id)
    sizes.insert(size)
  }

  @inline(__always)
  private mutating func leaveRun(_ id: UInt32, _ node: SizeTreeNode, size: UInt32) {
    guard size < SizeBitmap.sizeCount else { return }
    let run = runs[size]
    let first = UInt32(truncatingIfNeeded: run >> 32)
    let last = UInt32(truncatingIfNeeded: run)
    runs[size] =
      UInt64(first == id ? node.after : first) << 32 | UInt64(last == id ? node.before : last)
    sizes.remove(size, if: first == last)
  }

  @inline(__always)
  mutating func insert(_ id: UInt32, size: UInt32) {
    insert(id, size: size, behind: lastUpTo(size))
  }

  /// The last node in order that is not larger than `size`, or 0.
  @inline(__always)
  private mutating func lastUpTo(_ size: UInt32) -> UInt32 {
    guard size < SizeBitmap.sizeCount else { return lastLongUpTo(size) }
    let largest = sizes.largest(upTo: size)
    return largest == 0 ? 0 : last(largest)
  }

  @inline(never)
  private mutating func lastLongUpTo(_ size: UInt32) -> UInt32 {
    var best = nodes[0].before
    if nodes[best].size <= size { return best }
    best = 0
    var id = root
    while id != 0 {
      let key = nodes[id].size
      best = size < key ? best : id
      id = size < key ? nodes[id].left : nodes[id].right
    }
    return best
  }

  @inline(never)
  private mutating func insert(_ id: UInt32, size: UInt32, behind before: UInt32) {
    let after = nodes[before].after
    nodes[before].after = id
    nodes[after].before = id
    joinRun(id, size: size)
    // The leaf goes below whichever of its two neighbours has room on that side.
    let parent: UInt32
    if before != 0 && nodes[before].right == 0 {
      parent = before
      nodes[before].right = id
    } else if after != 0 {
      parent = after
      nodes[after].left = id
    } else {
      parent = 0
      root = id
    }
    nodes[id] = SizeTreeNode(
      left: 0, right: 0, parent: parent, key: size | SizeTreeNode.red, before: before,
      after: after)
    repairAfterInsert(id)
  }

  /// Takes a node out that has been in the tree with `size`.
  @inline(__always)
  mutating func erase(_ id: UInt32, size: UInt32) {
    leaveRun(id, nodes[id], size: size)
    unhook(id)
  }

  /// Takes a node out of the tree and the chain.
  @inline(never)
  private mutating func unhook(_ id: UInt32) {
    let node = nodes[id]
    nodes[node.before].after = node.after
    nodes[node.after].before = node.before
    var wasRed = node.isRed
    // What moves up into the gap, and its parent there (it may be nil, which has none).
    let child: UInt32
    var childParent: UInt32
    if node.left == 0 || node.right == 0 {
      child = node.left | node.right
      childParent = node.parent
      replace(id, under: node.parent, with: child)
    } else {
      let successor = node.after
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
      nodes[successor].key = nodes[successor].size | (node.key & SizeTreeNode.red)
    }
    if wasRed { return }
    if nodes[child].isRed {
      nodes[child].key &= ~SizeTreeNode.red
    } else if child != root {
      repairAfterErase(child, under: childParent)
    }
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

  @inline(never)
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
