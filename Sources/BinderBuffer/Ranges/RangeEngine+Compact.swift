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

  /// A place for some units, and how good it is.
  private struct Place {
    /// All but the frames: the smaller the better. 11 bits of idle pages, above or below 40 of the
    /// range, and the end's.
    var rank = UInt64.max
    var missing = UInt64.max
    var start: UInt32 = 0
    /// The range it lies in, by node or by index in the array.
    var range: UInt32 = 0

    var isAtEnd: Bool { rank & 1 == 1 }
  }

  /// Looks at both ends of a free range of `room` units at `start`.
  @inline(__always)
  private func consider(
    _ best: inout Place, _ range: UInt32, _ start: UInt32, _ room: UInt32, _ size: UInt32
  ) {
    guard room >= size else { return }
    // The whole pages of the range are the idle ones.
    let firstIdle = (start &+ 511) >> Self.pageShift
    let endOfIdle = (start &+ room) >> Self.pageShift
    let end = start &+ room &- size
    let atStart = min((start &+ size &+ 511) >> Self.pageShift, endOfIdle) &- firstIdle
    let atEnd = endOfIdle &- max(end >> Self.pageShift, firstIdle)
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

  /// Whether a range is the best whatever others there are: a short request is content with the
  /// smallest range if that lacks no frames.
  @inline(__always)
  private func isContent(_ place: Place, _ size: UInt32) -> Bool {
    size <= Self.longSize && place.missing == 0
  }

  // MARK: In the array

  /// Where `size` units go while few ranges live: the entry's index and its start.
  @inline(__always)
  mutating func placeCompactlyInArray(_ size: UInt32) -> (index: UInt32, start: UInt32)? {
    guard let best = array.smallestGap(size, units: units) else { return nil }
    guard best.room >= Self.longSize else { return (best.index, best.start) }
    var place = Place()
    consider(&place, best.index, best.start, best.room, size)
    if !isContent(place, size) { considerAllInArray(&place, size) }
    return (place.range, place.start)
  }

  @inline(never)
  private func considerAllInArray(_ best: inout Place, _ size: UInt32) {
    for index in 0...array.count {
      let gap = array.gap(index, units: units)
      consider(&best, index, gap.start, gap.room, size)
    }
  }

  // MARK: In the list

  /// Takes a place for `units`, given the key of the smallest range that fits.
  @inline(never)
  mutating func reserveCompactly(
    _ smallest: UInt64, _ units: UInt32, _ flags: UInt32, _ owner: RangeOwner
  ) -> PlacedRange {
    var best = Place()
    consider(&best, smallest, units)
    if !isContent(best, units) {
      bestFit.bins.forEachLong { consider(&best, $0, units) }
    }
    if best.isAtEnd { return takeEnd(best.range, units, flags, owner) }
    return takeBestFit(best.range, units, flags, owner)
  }

  @inline(__always)
  private func consider(_ best: inout Place, _ key: UInt64, _ size: UInt32) {
    consider(&best, TieBins.low(key), TieBins.start(key), TieBins.size(key), size)
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
