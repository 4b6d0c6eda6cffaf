/// The Rust driver's rule while up to eight ranges live; `compact` keeps as few in the same array.
extension RangeEngine {
  @usableFromInline
  mutating func reserveInArray(
    _ size: Int, _ flags: UInt32, _ sender: Int32, _ debugID: UInt32
  ) throws(RangeError) -> PlacedRange {
    if array.count >= arrayLimit { return try reserveAfterArray(size, flags, sender, debugID) }
    guard let units = roundUp(size, flags) else { throw refusal(size, flags) }
    guard let place = array.place(units, units: self.units) else { throw noSpace(size) }
    let placed = takeInArray(place, units, flags, RangeOwner(sender: sender, debugID: debugID))
    guard flags & RangeWord.oneway != 0, policy == .rust, isSpamInArray(sender) else {
      return placed
    }
    return PlacedRange(start: place.start, units: units, slot: placed.slot, isSpam: true)
  }

  /// Few buffers can be spam by their bytes alone. The new one counts already.
  @inline(never)
  mutating func isSpamInArray(_ sender: Int32) -> Bool {
    freeOneway < length / 10 && isSuspicious(array.onewayTotal(of: sender))
  }

  @inline(__always)
  mutating func takeInArray(
    _ place: (position: UInt32, start: UInt32), _ units: UInt32, _ flags: UInt32,
    _ owner: RangeOwner
  ) -> PlacedRange {
    let slot = array.insert(
      at: place.position, start: place.start, word: units | flags | RangeWord.live, owner: owner)
    if flags & RangeWord.oneway != 0 { freeOneway &-= units &* 8 }
    liveCount &+= 1
    liveUnits &+= units
    return PlacedRange(start: place.start, units: units, slot: slot, isSpam: false)
  }

  @usableFromInline
  mutating func freeInArray(_ offset: Int, _ committed: Bool) throws(RangeError) -> FreedSlot {
    removeFromArray(try findInArray(offset, committed: committed))
  }

  @inline(__always)
  mutating func removeFromArray(_ slot: UInt32) -> FreedSlot {
    let entry = array[slot: slot]
    let size = entry.word.size
    liveCount &-= 1
    liveUnits &-= size
    if entry.word.isOneway { freeOneway &+= size &* 8 }
    let hole = array.remove(slot: slot, units: units)
    return FreedSlot(
      start: entry.start, units: size, holeStart: hole.start, holeEnd: hole.end, slot: slot)
  }

  /// A request that comes while the array is full moves to the list, even if it then fails.
  @inline(never)
  mutating func reserveAfterArray(
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
