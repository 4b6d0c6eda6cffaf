/// The usual cases of the Rust driver's rule in its tree, straight through.
///
/// Each function looks first whether all that it is going to touch can be touched without a call:
/// short ranges, bins with room. If not it has changed nothing, and the general one takes over.
/// So the usual path calls nothing and keeps everything in registers.
extension RangeEngine {
  @usableFromInline
  mutating func reserveBestFit(
    _ size: Int, _ flags: UInt32, _ sender: Int32, _ debugID: UInt32
  ) throws(RangeError) -> PlacedRange {
    let bins = bestFit.bins
    let units = max(UInt32(truncatingIfNeeded: size) &+ 7, 8) >> 3
    guard UInt(bitPattern: size) <= 8000, flags & RangeWord.oneway == 0,
      case let bin = bins.sizes.near(units), bin != 0,
      bestFit.trailingSize < units || bestFit.trailingSize >= bin,
      case let head = bins.head(bin), head.isInline,
      case let rest = bin &- units, case let restHead = bins.head(rest),
      restHead.hasRoom || rest == 0
    else { return try reserveBestFitSlowly(size, flags, sender, debugID) }

    let key = bins.lowestKey(inLineOf: bin)
    let id = TieBins.low(key)
    let start = TieBins.start(key)
    let nodes = list.nodes
    bins.drop(id, from: bin, nodes: nodes)
    nodes[id].word = RangeWord(bits: units | flags | RangeWord.live)
    nodes[id].sender = sender
    nodes[id].tag = debugID
    list.index(id, start: start)
    liveCount &+= 1
    liveUnits &+= units
    if rest != 0 {
      let other = list.makeNode()
      let next = nodes[id].next
      nodes[id].next = other
      nodes[next].previous = other
      nodes[other] = RangeNode(
        start: start &+ units, word: RangeWord(bits: rest), previous: id, next: next,
        tag: bins.add(other, start: start &+ units, to: rest, restHead))
    }
    return PlacedRange(start: start, units: units, slot: id, isSpam: false)
  }

  @usableFromInline
  mutating func freeBestFit(_ offset: Int, _ committed: Bool) throws(RangeError) -> FreedSlot {
    let unit = self.unit(offset)
    guard unit < UInt(units) else { throw .noRange(offset: offset) }
    let start = UInt32(truncatingIfNeeded: unit)
    let bins = bestFit.bins
    let nodes = list.nodes
    let id = list.heads[start >> RangeList.entryShift]
    let node = nodes[id]
    let right = nodes[node.next]
    let rightSize = right.word.freeSize
    let leftSize = nodes[node.previous].word.freeSize
    let next = right.word.isLive ? node.next : right.next
    let size = node.word.size &+ rightSize &+ leftSize
    guard node.start == start,
      node.word.bits & (RangeWord.committed | RangeWord.oneway)
        == (committed ? RangeWord.committed : 0),
      // Neither the region's end nor a long range.
      next != 0, size < TieBins.binCount,
      case let head = bins.head(size), head.hasRoom,
      bins.head(rightSize).isFlat, bins.head(leftSize).isFlat
    else { return try freeBestFitSlowly(offset, committed) }

    liveCount &-= 1
    liveUnits &-= node.word.size
    list.unindex(id, start: start, nextLive: next)
    if rightSize != 0 {
      bins.drop(node.next, from: rightSize, nodes: nodes)
      list.recycle(node.next)
    }
    var survivor = id
    if leftSize != 0 {
      bins.drop(node.previous, from: leftSize, nodes: nodes)
      list.recycle(id)
      survivor = node.previous
    }
    let holeStart = start &- leftSize
    nodes[survivor].word = RangeWord(bits: size)
    nodes[survivor].next = next
    nodes[next].previous = survivor
    nodes[survivor].tag = bins.add(survivor, start: holeStart, to: size, head)
    return FreedSlot(
      start: start, units: node.word.size, holeStart: holeStart, holeEnd: holeStart &+ size,
      slot: id)
  }
}
