/// Which pages of a region have a frame: written where pages come and go, read where buffers are
/// placed.
///
/// Policy ``PlacementPolicy/compact`` prefers places that need few new frames. It learns which
/// pages have one from this map and from nothing else; other policies never look. A `RegionPages`
/// keeps the map of its region (``RegionPages/frameMap``); whoever places without one (a file's
/// extents, a simulation) keeps their own:
///
///     let frames = FrameMap(pageCount: 256)
///     var ranges = try RangeAllocator<Void>(length: 1 << 20, policy: .compact, frames: frames)
///     frames.insert(0..<4)                // pages 0 to 3 were given frames
///
/// Not thread-safe: it lives under the lock of the allocator and the pages that share it.
@safe
public final class FrameMap {
  /// Pages of 4096 bytes that it covers, from the region's start.
  public let pageCount: Int
  /// Its pages come and go with a `RegionPages`, which alone may change it.
  private let isKept: Bool
  // INVARIANT: a bit for each page in whole words, at this address until deinit; further bits are 0.
  let words: UnsafeMutablePointer<UInt64>

  /// A map of `pageCount` pages, none of which has a frame. Traps if that is negative.
  public convenience init(pageCount: Int) { self.init(pageCount: pageCount, isKept: false) }

  /// - Parameter isKept: Whether it follows the pages of a `RegionPages`, through a `PageSet`.
  init(pageCount: Int, isKept: Bool) {
    self.isKept = isKept
    precondition(pageCount >= 0, "a negative number of pages")
    self.pageCount = pageCount
    let count = (pageCount + 63) >> 6
    unsafe words = .allocate(capacity: count)
    unsafe words.initialize(repeating: 0, count: count)
  }

  deinit {
    // SAFETY: allocated in `init`; whoever holds the address holds the map too.
    unsafe words.deallocate()
  }

  /// Whether a page has a frame; false for a page outside the region. O(1).
  public func contains(_ page: Int) -> Bool {
    guard page >= 0, page < pageCount else { return false }
    // SAFETY: the page is one of the map's, so its word exists.
    return unsafe words[page >> 6] >> UInt64(page & 63) & 1 == 1
  }

  /// Notes that pages were given frames. O(pages / 64).
  ///
  /// Traps if the map does not have such pages, or is that of a `RegionPages`, which keeps it.
  public func insert(_ pages: Range<Int>) { change(pages) { $0 | $1 } }

  /// Notes that pages lost their frames. As ``insert(_:)``.
  public func remove(_ pages: Range<Int>) { change(pages) { $0 & ~$1 } }

  @inline(__always)
  private func change(_ pages: Range<Int>, _ body: (UInt64, UInt64) -> UInt64) {
    precondition(!isKept, "the map of a page range, which keeps it")
    precondition(
      pages.lowerBound >= 0 && pages.upperBound <= pageCount, "pages outside the region")
    PageSet.forEachWord(of: pages) { index, mask in
      // SAFETY: the pages are the map's, so their words exist.
      unsafe words[index] = body(words[index], mask)
    }
  }
}
