/// The Rust driver's rule while up to eight ranges live; `compact` keeps as few in the same array.
extension RangeEngine {
  @usableFromInline
  mutating func reserveInArray(
    _ size: Int, _ flags: UInt32, _ sender: Int32, _ debugID: UInt32
  ) throws(RangeError) -> PlacedRange {
    if array.count >= arrayLimit { return try reserveAfterArray(size, flags, sender, debugID) }
    guard let units = roundUp(size, flags) else { throw refusal(size, flags) }
    guard let place = array.place(units, units: self.units) else { throw noSpace(size) }
    return takeInArray(place, units, flags, RangeOwner(sender: sender, debugID: debugID))
  }

  @inline(__always)
  mutating func takeInArray(
    _ place: (position: UInt32, start: UInt32), _ units: UInt32, _ flags: UInt32,
    _ owner: RangeOwner
  ) -> PlacedRange {
    let slot = array.insert(
      at: place.position, start: place.start, word: units | flags | RangeWord.live, owner: owner)
    liveCount &+= 1
    liveUnits &+= units
    // Few buffers can be spam by their bytes alone.
    let spam = flags & RangeWord.oneway != 0 ? takeOneway(units, owner.sender) : .none
    return PlacedRange(start: place.start, units: units, slot: slot, spam: spam)
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
    if entry.word.isOneway { returnOneway(entry.word) }
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
    if search != .c {
      enterBestFit()
      return try reserveBestFit(size, flags, sender, debugID)
    }
    enterSizeTree()
    return try reserveInSizeTree(size, flags, sender, debugID)
  }
}
