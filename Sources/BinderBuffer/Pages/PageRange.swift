public import PageAlloc

/// Which pages of a region have frames, which of those live buffers touch, and which are idle.
///
/// A page is *free* (no frame), *in use* (a live buffer touches it) or *available* (it has a frame
/// and nothing touches it: it waits on the LRU). `use` makes pages in use and gives frames to those
/// that lack one; `stopUsing` makes them available; the shrinker takes available pages' frames
/// back, longest idle first. Contents survive until then, as in the driver.
///
/// Choose it to put your own placement over lazily backed memory; `BinderProcess` does that with
/// `RangeAllocator`. It knows nothing of buffers: that no two owners overlap is their affair.
///
/// Not thread-safe: the owner calls it under one lock, and reaches the contents through windows
/// whose pages are in use, outside that lock.
@safe public struct PageRange: ~Copyable {
  let arena: PageArena
  // INVARIANT: `frames[p]` holds a page exactly when `framed` holds p: the budget is charged and
  // file page p is backed.
  private let frames: SparseTable<Page>
  private var framed: PageSet
  /// The same as ``hasFrame(_:)``, for an allocator to read.
  public let frameMap: FrameMap
  // INVARIANT: inUse ⊆ framed, and `idle` lists exactly framed − inUse.
  private var inUse: PageSet
  private(set) var idle: IdleList

  public let pageCount: Int
  public private(set) var pagesInUse = 0
  public private(set) var peakPagesInUse = 0
  /// Frames given to pages so far, repeats counted.
  public private(set) var framesAllocated = 0
  /// Frames that the shrinker took back so far.
  public private(set) var framesReclaimed = 0
  /// The highest page index that ever had to be given a frame, plus one.
  public private(set) var highWatermark = 0

  /// Takes over an arena exactly as long as the region: at most 65,534 pages, none of them taken.
  public init(arena: PageArena) {
    self.arena = arena
    pageCount = arena.pageCount
    frames = SparseTable(count: pageCount)
    frameMap = FrameMap(pageCount: pageCount, isKept: true)
    framed = PageSet(of: frameMap)
    inUse = PageSet(pageCount: pageCount)
    idle = IdleList(pageCount: pageCount)
  }

  deinit {
    framed.forEachRun(in: 0..<pageCount) { run in
      // SAFETY: the pages of the run are framed, so their entries are initialised.
      unsafe arena.release(run: run) { unsafe frames[$0] }
    }
  }

  /// Pages with a frame that no live buffer touches.
  public var pagesAvailable: Int { idle.count }
  /// Pages without a frame.
  public var pagesFree: Int { pageCount - pagesInUse - idle.count }

  /// The bytes of the region, for those who have the pages under them in use.
  var view: RegionView {
    // SAFETY: the arena maps `pageCount` pages at its driver view for as long as it lives.
    unsafe RegionView(base: arena.driverView, count: pageCount << Page.shift)
  }

  /// The pages that the bytes `offset ..< offset + size` touch.
  @inline(__always)
  static func pages(touching offset: Int, _ size: Int) -> Range<Int> {
    let first = offset >> Page.shift
    return unsafe Range(uncheckedBounds: (first, (offset + size + Page.size - 1) >> Page.shift))
  }

  public func isInUse(_ page: Int) -> Bool { (0..<pageCount).contains(page) && inUse[page] }
  public func hasFrame(_ page: Int) -> Bool { (0..<pageCount).contains(page) && framed[page] }

  /// The runs of pages that have a frame now, low to high.
  public func framedRuns() -> [Range<Int>] {
    var runs: [Range<Int>] = []
    framed.forEachRun(in: 0..<pageCount) { runs.append($0) }
    return runs
  }

  // MARK: use and stop using

  /// Makes every page that touches the bytes in use: available ones leave the LRU, free ones get
  /// zeroed frames, a whole missing run in one or two system calls.
  ///
  /// - Throws: the reason why a frame could not be had; the state is then what it was before.
  /// - Complexity: O(pages), a few instructions for pages already in use.
  @inline(__always)
  public mutating func use(offset: Int, size: Int, flags: AllocationFlags = [.kernel, .zero])
    throws(PageAllocError)
  {
    precondition(
      offset >= 0 && size > 0 && offset <= pageCount << Page.shift - size,
      "bytes outside the region")
    defer { checkAfterChange() }
    let pages = Self.pages(touching: offset, size)
    let index = pages.lowerBound >> 6
    if index == (pages.upperBound &- 1) >> 6 {
      // Most messages touch pages of one word.
      let mask = PageSet.mask(ofOneWord: pages)
      if mask & ~framed.word(index) != 0 { try allocateMissing(in: pages, flags) }
      markInUse(index, mask)
    } else {
      try useMany(pages, flags)
    }
    if pagesInUse > peakPagesInUse { peakPagesInUse = pagesInUse }
  }

  @inline(never)
  private mutating func useMany(_ pages: Range<Int>, _ flags: AllocationFlags)
    throws(PageAllocError)
  {
    var missing: UInt64 = 0
    PageSet.forEachWord(of: pages) { missing |= $1 & ~framed.word($0) }
    if missing != 0 { try allocateMissing(in: pages, flags) }
    PageSet.forEachWord(of: pages) { markInUse($0, $1) }
  }

  @inline(__always)
  private mutating func markInUse(_ index: Int, _ mask: UInt64) {
    var added = mask & ~inUse.word(index)
    inUse.insert(added, inWord: index)
    // The added pages were idle: they leave the LRU a run at a time.
    while added != 0 {
      let lower = added.trailingZeroBitCount
      let length = (~(added &>> UInt64(truncatingIfNeeded: lower))).trailingZeroBitCount
      let start = index << 6 | lower
      pagesInUse &+= length
      idle.remove(unsafe Range(uncheckedBounds: (start, start &+ length)))
      let run = ~UInt64(0) &>> UInt64(truncatingIfNeeded: 64 &- length)
      added &= ~(run &<< UInt64(truncatingIfNeeded: lower))
    }
  }

  /// Gives frames to the pages of `pages` that have none and makes them in use; all or nothing.
  @inline(never)
  private mutating func allocateMissing(in pages: Range<Int>, _ flags: AllocationFlags)
    throws(PageAllocError)
  {
    // `framed` changes only when all runs have frames, so every pass below meets the same runs.
    var next = pages.lowerBound
    while let run = missingRun(from: next, to: pages.upperBound) {
      do throws(PageAllocError) {
        // SAFETY: the pages of the run have no frame, so their entries are uninitialised.
        try unsafe arena.allocate(run: run, flags: flags) { unsafe frames.place($0) }
      } catch {
        next = pages.lowerBound
        while let given = missingRun(from: next, to: run.lowerBound) {
          // SAFETY: the first pass initialised the entries of every run before the failed one.
          unsafe arena.release(run: given) { unsafe frames[$0] }
          next = given.upperBound
        }
        throw error
      }
      next = run.upperBound
    }
    next = pages.lowerBound
    while let run = missingRun(from: next, to: pages.upperBound) {
      framed.insert(run)
      inUse.insert(run)
      pagesInUse += run.count
      framesAllocated += run.count
      highWatermark = max(highWatermark, run.upperBound)
      next = run.upperBound
    }
  }

  /// The first maximal run of pages without a frame in `start ..< end`.
  private func missingRun(from start: Int, to end: Int) -> Range<Int>? {
    var lower = start
    while lower < end, framed[lower] { lower += 1 }
    guard lower < end else { return nil }
    var upper = lower + 1
    while upper < end, !framed[upper] { upper += 1 }
    return lower..<upper
  }

  /// Makes pages in use available, in the LRU's order: upwards or downwards.
  ///
  /// - Parameters:
  ///   - pages: a run of pages in use that no live buffer touches any more.
  ///   - stamp: the shrinker's clock, never smaller than at an earlier call.
  @inline(__always)
  mutating func stopUsing(_ pages: Range<Int>, _ direction: IdleList.Direction, stamp: UInt64) {
    guard !pages.isEmpty else { return }
    precondition(
      pages.lowerBound >= 0 && pages.upperBound <= pageCount, "pages outside the region")
    defer { checkAfterChange() }
    // Not inside the precondition, which unchecked builds do not evaluate.
    let wereInUse = inUse.remove(pages)
    precondition(wereInUse, "pages that are not all in use")
    idle.append(pages, direction, stamp: stamp)
    pagesInUse -= pages.count
  }

  /// Makes pages in use available, upwards.
  public mutating func stopUsing(_ pages: Range<Int>, stamp: UInt64) {
    stopUsing(pages, .up, stamp: stamp)
  }

  // MARK: reclaim

  /// Whether reclaimed memory really returns to the system; a region sealed against new writers
  /// keeps its memory.
  public var canReclaim: Bool { arena.returnsMemory }

  /// Takes back up to `limit` available pages that became idle before `deadline`, longest idle
  /// first; their memory returns to the system in runs as long as possible.
  ///
  /// - Returns: how many went.
  public mutating func reclaim(upTo limit: Int, before deadline: UInt64 = .max) -> Int {
    var taken = PageSet(pageCount: pageCount)
    var count = 0
    idle.removeOldest(limit, before: deadline) { pages in
      taken.insert(pages)
      count += pages.count
    }
    guard count > 0 else { return 0 }
    defer { checkAfterChange() }
    taken.forEachRun(in: 0..<pageCount) { run in
      // SAFETY: idle pages are framed, so their entries are initialised.
      unsafe arena.release(run: run) { unsafe frames[$0] }
    }
    framed.subtract(taken)
    framesReclaimed += count
    return count
  }

  // MARK: contents

  /// Copies `length` bytes from a reader into the region, once. The pages must be in use.
  public func copy(from reader: inout UserSliceReader, at offset: Int, length: Int)
    throws(PageAllocError)
  {
    try view.copy(from: &reader, at: offset, length: length)
  }

  /// Writes bytes at an offset. The pages must be in use.
  public func write(_ bytes: RawSpan, at offset: Int) throws(PageAllocError) {
    try view.write(bytes, at: offset)
  }

  /// Reads bytes at an offset. The pages must have frames.
  public func read(at offset: Int, into target: inout MutableRawSpan) throws(PageAllocError) {
    try view.read(at: offset, into: &target)
  }

  /// Zeroes bytes at an offset. The pages must be in use.
  public func fillZero(at offset: Int, length: Int) throws(PageAllocError) {
    try view.fillZero(at: offset, length: length)
  }

  /// Whether the page states agree with each other, and the frames with the budget's view of them.
  ///
  /// - Parameter touched: whether a live buffer touches a page, as the placement knows it.
  /// - Returns: the first disagreement, in words.
  package func violation(touched: (Int) -> Bool) -> String? {
    var listed = 0
    var disagreement: String?
    idle.visit { page, _ in
      listed += 1
      if !framed[page] || inUse[page] {
        disagreement = "page \(page) is on the LRU, framed \(framed[page]), in use \(inUse[page])"
      }
    }
    if let disagreement { return disagreement }
    if listed != idle.count { return "the LRU holds \(listed) pages and counts \(idle.count)" }
    var (framedCount, usedCount) = (0, 0)
    for page in 0..<pageCount {
      if framed[page] { framedCount += 1 }
      if inUse[page] { usedCount += 1 }
      if inUse[page] && !framed[page] { return "page \(page) is in use without a frame" }
      if inUse[page] != touched(page) {
        return "page \(page): in use \(inUse[page]), touched by a live buffer \(touched(page))"
      }
    }
    if usedCount != pagesInUse { return "\(usedCount) pages in use, counted \(pagesInUse)" }
    if framedCount != usedCount + idle.count {
      return "\(framedCount) frames for \(usedCount) pages in use and \(idle.count) on the LRU"
    }
    if framesAllocated - framesReclaimed != framedCount {
      return "\(framesAllocated) frames given, \(framesReclaimed) taken back, \(framedCount) held"
    }
    return nil
  }

  /// In a build with `BINDERBUFFER_INTERNAL_CHECKS`, stops at a disagreement after every change.
  @inline(__always)
  private func checkAfterChange() {
    #if BINDERBUFFER_INTERNAL_CHECKS
      // What buffers touch is known above; the process compares it.
      if let violation = violation(touched: { inUse[$0] }) { fatalError(violation) }
    #endif
  }
}
