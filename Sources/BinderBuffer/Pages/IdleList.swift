/// The idle pages of one region in the order in which they became idle: its share of the LRU.
///
/// Pages become idle in runs, so the list is one of *extents*: runs of neighbouring pages that
/// became idle at one moment, upwards or downwards. A page leaves from anywhere when it is used
/// again; its extent shrinks or splits. Extents live in an array indexed by their first page, so
/// that the list allocates nothing.
///
/// Every extent carries the shrinker's clock of its moment, by which the shrinker merges the lists
/// of all processes into one order. Appending and removing an extent are O(1), whatever its length.
/// Not thread-safe: it lives under its owner's lock.
@safe
struct IdleList: ~Copyable {
  /// In which order the pages of one extent became idle.
  enum Direction { case up, down }

  struct Extent {
    var stamp: UInt64
    /// One past the last page.
    var end: UInt16
    /// Neighbours in the order of time, by their first pages.
    var older: UInt16
    var newer: UInt16
    var direction: Direction
  }

  private static var none: UInt16 { .max }
  /// The most pages that a list can have.
  static var longest: Int { Int(none) - 1 }

  // INVARIANT: `extents[p]` is initialised when an extent begins at page p; nothing else reads it.
  private let extents: SparseTable<Extent>
  private let pageCount: Int
  // INVARIANT: holds the first page of every extent and no other page.
  private var starts: PageSet
  private var oldestStart = Self.none
  private var newestStart = Self.none
  /// Pages on the list.
  private(set) var count = 0

  init(pageCount: Int) {
    precondition(pageCount <= Self.longest)
    self.pageCount = pageCount
    starts = PageSet(pageCount: pageCount)
    extents = SparseTable(count: pageCount)
  }

  /// When the longest idle page became idle; nil when none is.
  var oldestStamp: UInt64? {
    guard oldestStart != Self.none else { return nil }
    // SAFETY: an extent begins at `oldestStart`.
    return unsafe extents[Int(oldestStart)].pointee.stamp
  }

  /// When the page that became idle last did so; 0 when none is idle.
  var newestStamp: UInt64 {
    // SAFETY: an extent begins at `newestStart`.
    newestStart == Self.none ? 0 : unsafe extents[Int(newestStart)].pointee.stamp
  }

  /// Adds pages that are not on the list as its newest.
  mutating func append(_ pages: Range<Int>, _ direction: Direction, stamp: UInt64) {
    assert(pages.lowerBound >= 0 && pages.upperBound <= pageCount && !pages.isEmpty)
    link(
      pages.lowerBound,
      Extent(
        stamp: stamp, end: UInt16(truncatingIfNeeded: pages.upperBound), older: newestStart,
        newer: Self.none, direction: direction))
    count += pages.count
  }

  /// Removes pages that are all on the list, wherever they are in it.
  @inline(__always)
  mutating func remove(_ pages: Range<Int>) {
    let start = pages.lowerBound
    // What became idle last is often what is used first. SAFETY: an extent begins at `newestStart`.
    guard start == Int(newestStart), unsafe Int(extents[start].pointee.end) == pages.upperBound
    else { return removeAnywhere(pages) }
    unsafe unlink(start, extents[start].pointee)
    count &-= pages.count
  }

  @inline(never)
  private mutating func removeAnywhere(_ pages: Range<Int>) {
    var page = pages.lowerBound
    while page < pages.upperBound {
      let start = starts.last(through: page)
      // SAFETY: the page is on the list, so the nearest extent below it covers it.
      let end = min(Int(unsafe extents[start].pointee.end), pages.upperBound)
      assert(page < end, "page \(page) is not idle")
      cut(page..<end, outOf: start)
      page = end
    }
    count -= pages.count
  }

  /// Removes up to `limit` pages that became idle before `deadline`, longest idle first.
  mutating func removeOldest(_ limit: Int, before deadline: UInt64, _ body: (Range<Int>) -> Void) {
    var left = limit
    while left > 0, oldestStart != Self.none {
      let start = Int(oldestStart)
      // SAFETY: an extent begins at `oldestStart`.
      let extent = unsafe extents[start].pointee
      guard extent.stamp < deadline else { return }
      let length = min(left, Int(extent.end) - start)
      let taken =
        extent.direction == .up
        ? start..<start + length : Int(extent.end) - length..<Int(extent.end)
      remove(taken)
      body(taken)
      left -= length
    }
  }

  /// The pages and their stamps, longest idle first.
  func visit(_ body: (Int, UInt64) -> Void) {
    var start = oldestStart
    while start != Self.none {
      // SAFETY: an extent begins at `start`.
      let extent = unsafe extents[Int(start)].pointee
      let pages = Int(start)..<Int(extent.end)
      if extent.direction == .up {
        for page in pages { body(page, extent.stamp) }
      } else {
        for page in pages.reversed() { body(page, extent.stamp) }
      }
      start = extent.newer
    }
  }

  // MARK: extents

  /// Takes `pages` out of the extent that begins at `start` and covers them.
  private mutating func cut(_ pages: Range<Int>, outOf start: Int) {
    // SAFETY: an extent begins at `start`.
    let extent = unsafe extents[start].pointee
    let end = Int(extent.end)
    if pages.upperBound == end {
      guard start < pages.lowerBound else { return unlink(start, extent) }
      // SAFETY: as above.
      unsafe extents[start].pointee.end = UInt16(truncatingIfNeeded: pages.lowerBound)
      return
    }
    var rest = extent
    if start == pages.lowerBound {
      unlink(start, extent)
    } else {
      // SAFETY: as above.
      unsafe extents[start].pointee.end = UInt16(truncatingIfNeeded: pages.lowerBound)
      let lower = UInt16(truncatingIfNeeded: start)
      if extent.direction == .up { rest.older = lower } else { rest.newer = lower }
    }
    link(pages.upperBound, rest)
  }

  /// Puts an extent at `start` between the neighbours that it names.
  private mutating func link(_ start: Int, _ extent: Extent) {
    let place = UInt16(truncatingIfNeeded: start)
    // SAFETY: `start` is a page of the region, where no extent begins; neighbours are extents.
    unsafe extents.place(start).initialize(to: extent)
    starts.insert(1 << UInt64(start & 63), inWord: start >> 6)
    if extent.older == Self.none {
      oldestStart = place
    } else {
      unsafe extents[Int(extent.older)].pointee.newer = place
    }
    if extent.newer == Self.none {
      newestStart = place
    } else {
      unsafe extents[Int(extent.newer)].pointee.older = place
    }
  }

  @inline(__always)
  private mutating func unlink(_ start: Int, _ extent: Extent) {
    starts.remove(1 << UInt64(start & 63), inWord: start >> 6)
    // SAFETY: neighbours on the list are extents.
    if extent.older == Self.none {
      oldestStart = extent.newer
    } else {
      unsafe extents[Int(extent.older)].pointee.newer = extent.newer
    }
    if extent.newer == Self.none {
      newestStart = extent.older
    } else {
      unsafe extents[Int(extent.newer)].pointee.older = extent.older
    }
  }
}
