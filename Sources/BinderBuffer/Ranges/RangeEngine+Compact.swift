/// The rule of `compact`: exact best fit, the lowest among equals, at its start — unless that range
/// is long and the place would need page frames. Then, of all ranges that fit and both ends of
/// each, the place that needs the fewest; among equal ones in the smallest range, the lowest, at
/// the start.
///
/// A short range holds at most one whole page: there is little to choose, and a lot to lose by
/// cutting a range that fits badly. When the best range is long, all that fit are; there are at
/// most 511 of them, and they are looked at only when a frame would have to be made, which costs
/// thousands of times as much as looking at one.
extension RangeEngine {
  /// Ranges from this many units on (8 KiB) are long.
  private static let longSize = TieBins.binCount

  /// Frames that `size` units from `start` would need.
  @inline(__always)
  private func missingFrames(_ frames: FrameMap, _ start: UInt32, _ size: UInt32) -> UInt32 {
    var missing = 0
    let pages = Int(start >> 9)..<Int((start &+ size &+ 511) >> 9)
    PageSet.forEachWord(of: pages) { index, mask in
      // SAFETY: the map covers the region, in which the units lie.
      missing += unsafe (mask & ~frames.words[index]).nonzeroBitCount
    }
    return UInt32(truncatingIfNeeded: missing)
  }

  /// The map, if the best range for `size` units is one beside which others must be looked at.
  @inline(__always)
  private func framesToSpare(_ start: UInt32, _ room: UInt32, _ size: UInt32) -> FrameMap? {
    guard room >= Self.longSize, let frames, missingFrames(frames, start, size) > 0 else {
      return nil
    }
    return frames
  }

  /// A place for some units, and how good it is.
  private struct Place {
    /// Frames it needs, its range's size and start, whether it is at the range's end: the smaller
    /// the better. They take 11, 20, 20 and 1 bits.
    var rank = UInt64.max
    var start: UInt32 = 0
    /// The range it lies in, by node or by index in the array.
    var range: UInt32 = 0

    var isAtEnd: Bool { rank & 1 == 1 }
  }

  /// Looks at both ends of a free range of `room` units at `start`.
  @inline(__always)
  private func consider(
    _ best: inout Place, _ frames: FrameMap, _ range: UInt32, _ start: UInt32, _ room: UInt32,
    _ size: UInt32
  ) {
    guard room >= size else { return }
    let rank = UInt64(room) << 21 | UInt64(start) << 1
    let atStart = UInt64(missingFrames(frames, start, size)) << 41 | rank
    if atStart < best.rank { best = Place(rank: atStart, start: start, range: range) }
    let end = start &+ room &- size
    let atEnd = UInt64(missingFrames(frames, end, size)) << 41 | rank | 1
    if atEnd < best.rank { best = Place(rank: atEnd, start: end, range: range) }
  }

  // MARK: In the array

  /// Where `size` units go while few ranges live: the entry's index and its start.
  @inline(__always)
  mutating func placeCompactlyInArray(_ size: UInt32) -> (index: UInt32, start: UInt32)? {
    guard let best = array.smallestGap(size, units: units) else { return nil }
    guard let frames = framesToSpare(best.start, best.room, size) else {
      return (best.index, best.start)
    }
    return placeWithFewestFramesInArray(size, frames)
  }

  @inline(never)
  private func placeWithFewestFramesInArray(
    _ size: UInt32, _ frames: FrameMap
  ) -> (index: UInt32, start: UInt32) {
    var best = Place()
    for index in 0...array.count {
      let gap = array.gap(index, units: units)
      consider(&best, frames, index, gap.start, gap.room, size)
    }
    return (best.range, best.start)
  }

  // MARK: In the list

  /// Whether to look beyond the smallest range that fits.
  @inline(__always)
  func needsFrames(_ node: RangeNode, _ size: UInt32) -> FrameMap? {
    framesToSpare(node.start, node.word.size, size)
  }

  /// Takes the place that needs the fewest frames.
  @inline(never)
  mutating func reserveWithFewestFrames(
    _ units: UInt32, _ flags: UInt32, _ owner: RangeOwner, _ frames: FrameMap
  ) -> PlacedRange {
    var best = Place()
    for i in 0..<bestFit.longCount {
      let id = bestFit.longNode(i)
      consider(&best, frames, id, list.nodes[id].start, list.nodes[id].word.size, units)
    }
    if bestFit.trailingSize > 0 {
      let id = bestFit.trailing
      consider(&best, frames, id, list.nodes[id].start, bestFit.trailingSize, units)
    }
    let node = list.nodes[best.range]
    guard best.isAtEnd, node.word.size > units else {
      return takeBestFit(best.range, node, units, flags, owner)
    }
    bestFit.remove(best.range, node)
    let taken = list.cut(best.range, node, at: node.word.size &- units)
    let rest = node.word.size &- units
    list.nodes[best.range].word = RangeWord(bits: rest)
    list.take(taken, list.nodes[taken], units | flags | RangeWord.live, owner)
    bestFit.insert(best.range, start: node.start, size: rest, isLast: false)
    return account(taken, best.start, units, flags, owner.sender)
  }
}
