/// The C driver's rule.
extension RangeEngine {
  @usableFromInline
  mutating func reserveInSizeTree(
    _ size: Int, _ flags: UInt32, _ sender: Int32, _ debugID: UInt32
  ) throws(RangeError) -> PlacedRange {
    guard let units = roundUp(size, flags) else { throw refusal(size, flags) }
    let id = sizeTree.find(units)
    guard id != 0 else { throw noSpace(size) }
    let node = list.nodes[id]
    if node.word.size == units {
      sizeTree.erase(id, size: units)
    } else {
      let rest = list.cut(id, node, at: units)
      sizeTree.cut(id, size: node.word.size, to: units, rest: rest)
    }
    let isOneway = flags & RangeWord.oneway != 0
    // The descriptor has its former owner until the end; one that is the rest of a cut has none.
    let spam: SpamFinding =
      isOneway
      ? takeOneway(units, sender, formerOwner: node.word.isOwned ? node.sender : nil) : .none
    list.take(
      id, node, units | flags | RangeWord.live | RangeWord.owned,
      RangeOwner(sender: sender, debugID: debugID))
    liveCount &+= 1
    liveUnits &+= units
    return PlacedRange(start: node.start, units: units, slot: id, spam: spam)
  }

  /// Frees in the driver's order: the right neighbour leaves the tree, then the left one, then
  /// the merged range enters. The leftmost node survives, with whatever owner it had last.
  @usableFromInline
  mutating func freeInSizeTree(_ offset: Int, _ committed: Bool) throws(RangeError) -> FreedSlot {
    let id = try findNode(offset, committed: committed)
    let node = list.nodes[id]
    forget(node)
    var start = node.start
    var size = node.word.size
    var next = node.next
    var survivor = id
    var word = node.word

    let right = list.nodes[next]
    let left = list.nodes[node.previous]
    if !right.word.isLive {
      if !left.word.isLive { sizeTree.erase(next, size: right.word.size) }
      list.recycle(next)
      size &+= right.word.size
      next = right.next
    }
    list.unindex(id, start: node.start, nextLive: next)
    if !left.word.isLive {
      list.recycle(id)
      start = left.start
      size &+= left.word.size
      survivor = node.previous
      word = left.word
      sizeTree.exchange(survivor, size: left.word.size, for: survivor, size: size)
    } else if !right.word.isLive {
      sizeTree.exchange(node.next, size: right.word.size, for: id, size: size)
    } else {
      sizeTree.insert(id, size: size)
    }
    list.join(survivor, RangeWord(bits: word.bits & RangeWord.owned | size), next: next)
    return FreedSlot(
      start: node.start, units: node.word.size, holeStart: start, holeEnd: start &+ size,
      slot: id)
  }

  /// Starts the list: one free range.
  mutating func enterSizeTree() {
    list.reset(units: units, first: 1)
    let id = list.append(start: 0, word: RangeWord(bits: units))
    sizeTree.insert(id, size: units)
    mode = .sizeTree
  }
}
