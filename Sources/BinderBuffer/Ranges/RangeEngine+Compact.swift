/// The rule of `compact`: exact best fit, the lowest among equals, at its start, as long as that
/// range is short. When it is long, all that fit are; then both ends of each are looked at, and the
/// place is taken that
///
/// 1. needs the fewest new page frames;
/// 2. for a long request: puts the fewest idle pages to use;
/// 3. lies in the smallest range, the lowest among equals;
/// 4. for a short request: puts the fewest idle pages to use;
/// 5. is at the start.
///
/// A short range holds at most one whole page: there is little to choose, and a lot to lose by
/// cutting a range that fits badly. There are at most 511 long ranges, and each costs a few
/// nanoseconds; a new frame costs thousands.
///
/// Which pages are idle follows from the ranges: those that lie wholly in a free one. Which have
/// frames does not: a `FrameMap` tells.
extension RangeEngine {
  /// Ranges from this many units on (8 KiB) are long, and so are requests beyond it.
  @inline(__always)
  private static var longSize: UInt32 { TieBins.long }
  private static var pageShift: UInt32 { 9 }

  /// Frames that `size` units from `start` would need.
  @inline(__always)
  private func missingFrames(_ start: UInt32, _ size: UInt32) -> UInt64 {
    guard let frames else { return 0 }
    var missing = 0
    let end = (start &+ size &+ 511) >> Self.pageShift
    PageSet.forEachWord(of: Int(start >> Self.pageShift)..<Int(end)) { index, mask in
      // SAFETY: the map covers the region, in which the units lie.
      missing += unsafe (mask & ~frames.words[index]).nonzeroBitCount
    }
    return UInt64(missing)
  }

  /// Idle pages that `size` units would put to use at either end of a long free range: of its whole
  /// pages, those that they touch.
  @inline(__always)
  private func idlePages(
    _ start: UInt32, _ room: UInt32, _ size: UInt32
  ) -> (atStart: UInt32, atEnd: UInt32) {
    let firstIdle = (start &+ 511) >> Self.pageShift
    let endOfIdle = (start &+ room) >> Self.pageShift
    return (
      min((start &+ size &+ 511) >> Self.pageShift, endOfIdle) &- firstIdle,
      endOfIdle &- max((start &+ room &- size) >> Self.pageShift, firstIdle)
    )
  }

  /// A place for some units, and how good it is.
  private struct Place {
    /// All but the frames: the smaller the better. 11 bits of idle pages, above or below 40 of the
    /// range, and the end's.
    var rank = UInt64.max
    var missing = UInt64.max
    var start: UInt32 = 0
    /// The range it lies in, by node or by position in the array.
    var range: UInt32 = 0

    var isAtEnd: Bool { rank & 1 == 1 }
  }

  /// Looks at both ends of a free range of `room` units at `start`.
  @inline(__always)
  private func consider(
    _ best: inout Place, _ range: UInt32, _ start: UInt32, _ room: UInt32, _ size: UInt32
  ) {
    guard room >= size else { return }
    let (atStart, atEnd) = idlePages(start, room, size)
    let end = start &+ room &- size
    let isLong = size > Self.longSize
    let shift: UInt64 = isLong ? 41 : 1
    let rest = (UInt64(room) << 20 | UInt64(start)) << (isLong ? 1 : 12)
    compare(&best, UInt64(atStart) << shift | rest, range, start, size)
    compare(&best, UInt64(atEnd) << shift | rest | 1, range, end, size)
  }

  @inline(__always)
  private func compare(
    _ best: inout Place, _ rank: UInt64, _ range: UInt32, _ start: UInt32, _ size: UInt32
  ) {
    // Where nothing is missing, most are beaten before their frames are counted.
    guard rank < best.rank || best.missing > 0 else { return }
    let missing = missingFrames(start, size)
    if missing < best.missing || missing == best.missing && rank < best.rank {
      best = Place(rank: rank, missing: missing, start: start, range: range)
    }
  }

  /// Whether the start of the smallest range that fits is the best place whatever others there are:
  /// for a short request, if it lacks no frames and puts no more pages to use than the end would.
  @inline(__always)
  private func startIsContent(_ start: UInt32, _ room: UInt32, _ size: UInt32) -> Bool {
    guard size <= Self.longSize else { return false }
    let idle = idlePages(start, room, size)
    return idle.atStart <= idle.atEnd && missingFrames(start, size) == 0
  }

  // MARK: In the array

  @usableFromInline
  mutating func reserveCompactlyInArray(
    _ size: Int, _ flags: UInt32, _ sender: Int32, _ debugID: UInt32
  ) throws(RangeError) -> PlacedRange {
    if array.count >= arrayLimit { return try reserveAfterArray(size, flags, sender, debugID) }
    guard let units = roundUp(size, flags) else { throw refusal(size, flags) }
    guard let best = array.smallestGap(units, units: self.units) else { throw noSpace(size) }
    let place =
      best.room < Self.longSize || startIsContent(best.start, best.room, units)
      ? (position: best.position, start: best.start) : placeByRankInArray(units)
    return takeInArray(place, units, flags, RangeOwner(sender: sender, debugID: debugID))
  }

  @usableFromInline
  mutating func freeCompactlyInArray(
    _ offset: Int, _ committed: Bool
  ) throws(RangeError) -> FreedSlot {
    // Best fit scatters buffers of all ages; one alone is the lowest.
    removeFromArray(
      try findInArray(offset, committed: committed, lowestFirst: array.count == 1))
  }

  @inline(never)
  private func placeByRankInArray(_ size: UInt32) -> (position: UInt32, start: UInt32) {
    var best = Place()
    for position in 0...array.count {
      let gap = array.gap(position, units: units)
      consider(&best, position, gap.start, gap.room, size)
    }
    return (best.range, best.start)
  }

  // MARK: In the list

  /// Takes a place for `units`, given the key of the smallest range that fits.
  @inline(never)
  mutating func reserveCompactly(
    _ smallest: UInt64, _ units: UInt32, _ flags: UInt32, _ owner: RangeOwner
  ) -> PlacedRange {
    let (id, start, room) = Self.parts(smallest)
    if startIsContent(start, room, units) { return takeBestFit(id, units, flags, owner) }
    var best = Place()
    bestFit.bins.forEachLong { key in
      let (id, start, room) = Self.parts(key)
      consider(&best, id, start, room, units)
    }
    if best.isAtEnd { return takeEnd(best.range, units, flags, owner) }
    return takeBestFit(best.range, units, flags, owner)
  }

  @inline(__always)
  private static func parts(_ key: UInt64) -> (id: UInt32, start: UInt32, room: UInt32) {
    (TieBins.low(key), TieBins.start(key), TieBins.size(key))
  }

  /// Takes the end of a free range that is longer than the request.
  private mutating func takeEnd(
    _ id: UInt32, _ units: UInt32, _ flags: UInt32, _ owner: RangeOwner
  ) -> PlacedRange {
    let node = list.nodes[id]
    let rest = node.word.size &- units
    bestFit.remove(id, node)
    let taken = list.cut(id, start: node.start &+ rest, size: units)
    list.nodes[id].word = RangeWord(bits: rest)
    list.take(taken, list.nodes[taken], units | flags | RangeWord.live, owner)
    bestFit.insert(id, start: node.start, size: rest)
    return account(taken, node.start &+ rest, units, flags, owner.sender)
  }
}
