/// The Rust driver's rule while up to eight ranges live; `compact` keeps as few in the same array.
extension RangeEngine {
  @usableFromInline
  mutating func reserveInArray(
    _ size: Int, _ flags: UInt32, _ sender: Int32, _ debugID: UInt32
  ) throws(RangeError) -> PlacedRange {
    if array.count >= arrayLimit { return try reserveAfterArray(size, flags, sender, debugID) }
    guard let units = roundUp(size, flags) else { throw refusal(size, flags) }
    let place =
      policy == .rust ? array.place(units, units: self.units) : placeCompactlyInArray(units)
    guard let place else { throw noSpace(size) }
    let slot = array.insert(
      at: place.index, start: place.start, word: units | flags | RangeWord.live,
      owner: RangeOwner(sender: sender, debugID: debugID))
    if flags & RangeWord.oneway != 0 { freeOneway &-= units &* 8 }
    liveCount &+= 1
    liveUnits &+= units
    let isSpam =
      flags & RangeWord.oneway != 0 && policy == .compact && freeOneway < length / 10
      && isSuspicious(array.onewayTotal(of: sender))
    return PlacedRange(start: place.start, units: units, slot: slot, isSpam: isSpam)
  }

  @usableFromInline
  mutating func freeInArray(_ offset: Int, _ committed: Bool) throws(RangeError) -> FreedSlot {
    let index = try find(offset, committed: committed)
    let entry = array.entries[index]
    let size = entry.word.size
    liveCount &-= 1
    liveUnits &-= size
    if entry.word.isOneway { freeOneway &+= size &* 8 }
    let hole = array.remove(at: index, units: units)
    return FreedSlot(
      start: entry.start, units: size, holeStart: hole.start, holeEnd: hole.end, slot: entry.slot)
  }

  /// A request that comes while the array is full moves to the list, even if it then fails.
  @inline(never)
  private mutating func reserveAfterArray(
    _ size: Int, _ flags: UInt32, _ sender: Int32, _ debugID: UInt32
  ) throws(RangeError) -> PlacedRange {
    if size < 0 { throw .invalidSize(size) }
    try mapTables()
    if policy.isBestFitByAddress {
      enterBestFit()
      return try reserveBestFit(size, flags, sender, debugID)
    }
    enterSizeTree()
    return try reserveInSizeTree(size, flags, sender, debugID)
  }
}
