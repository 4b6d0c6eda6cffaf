/// The usual cases of the Rust driver's rule in its tree, and of `compact`, straight through.
///
/// Each function first looks whether its case is a usual one: no oneway range, the first of its
/// index entry, not the last live one. If not it has changed nothing, and the general one takes
/// over. What remains rare (a bin without room, a tree) is a call away.
extension RangeEngine {
  @usableFromInline
  mutating func reserveBestFit(
    _ size: Int, _ flags: UInt32, _ sender: Int32, _ debugID: UInt32
  ) throws(RangeError) -> PlacedRange {
    guard UInt(bitPattern: size) <= UInt(length), flags & RangeWord.oneway == 0 else {
      return try reserveBestFitSlowly(size, flags, sender, debugID)
    }
    let units = max(UInt32(truncatingIfNeeded: size) &+ 7, 8) >> 3
    let key: UInt64
    let found: UInt32
    // From here on up the next 64 sizes would reach the bin that says nothing of the size.
    if units <= TieBins.long &- 64, case let near = bestFit.bins.sizes.near(units), near != 0,
      bestFit.bins.head(near).isInline
    {
      key = bestFit.bins.lowestKey(inLineOf: near)
      found = near
    } else {
      key = bestFit.bins.find(units)
      if key == 0 { throw noSpace(size) }
      found = TieBins.size(key)
      if found >= TieBins.long && search == .compact {
        let owner = RangeOwner(sender: sender, debugID: debugID)
        return reserveCompactly(key, units, flags, owner)
      }
    }
    let id = TieBins.low(key)
    let start = TieBins.start(key)
    let nodes = list.nodes
    bestFit.bins.remove(id, from: TieBins.bin(found), nodes: nodes)
    nodes[id].word = RangeWord(bits: units | flags | RangeWord.live)
    nodes[id].sender = sender
    nodes[id].tag = debugID
    list.index(id, start: start)
    liveCount &+= 1
    liveUnits &+= units
    if found != units {
      let rest = list.cut(id, start: start &+ units, size: found &- units)
      bestFit.insert(rest, start: start &+ units, size: found &- units)
    }
    return PlacedRange(start: start, units: units, slot: id, spam: .none)
  }

  @usableFromInline
  mutating func freeBestFit(_ offset: Int, _ committed: Bool) throws(RangeError) -> FreedSlot {
    let unit = self.unit(offset)
    guard unit < UInt(units) else { throw .noRange(offset: offset) }
    let start = UInt32(truncatingIfNeeded: unit)
    let nodes = list.nodes
    let id = list.heads[start >> RangeList.entryShift]
    let word = nodes[id].word
    guard nodes[id].start == start,
      word.bits & (RangeWord.committed | RangeWord.oneway)
        == (committed ? RangeWord.committed : 0),
      liveCount != 1
    else { return try freeBestFitSlowly(offset, committed) }

    liveCount &-= 1
    liveUnits &-= word.size
    var size = word.size
    let right = nodes[id].next
    let rightWord = nodes[right].word
    var next = right
    if !rightWord.isLive {
      bestFit.bins.remove(right, from: TieBins.bin(rightWord.size), nodes: nodes)
      size &+= rightWord.size
      next = nodes[right].next
      list.recycle(right)
    }
    list.unindex(id, start: start, nextLive: next)
    var survivor = id
    var holeStart = start
    let left = nodes[id].previous
    let leftWord = nodes[left].word
    if !leftWord.isLive {
      bestFit.bins.remove(left, from: TieBins.bin(leftWord.size), nodes: nodes)
      size &+= leftWord.size
      holeStart &-= leftWord.size
      list.recycle(id)
      survivor = left
    }
    list.join(survivor, RangeWord(bits: size), next: next)
    bestFit.insert(survivor, start: holeStart, size: size)
    return FreedSlot(
      start: start, units: word.size, holeStart: holeStart, holeEnd: holeStart &+ size, slot: id)
  }
}
