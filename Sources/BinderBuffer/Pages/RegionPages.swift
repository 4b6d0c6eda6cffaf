public import PageAlloc

/// The pages of one region: which have memory, which of those live buffers touch, which are idle.
///
/// A page is *free* (no frame), *in use* (a live buffer touches it) or *available* (it has a frame
/// and nothing touches it: it waits on the LRU). `use` makes pages in use and gives frames to those
/// that lack one; `stopUsing` makes them available; `reclaim` takes available pages' frames back,
/// longest idle first. Contents survive until then, as in the driver.
///
/// Choose it to put your own placement over lazily backed memory. It knows nothing of buffers: that
/// no two owners overlap is their affair.
///
///     var pages = try RegionPages(pageCount: 256)
///     try pages.use(offset: 0, size: 10_000)              // pages 0 to 2
///     try pages.write(message.span.bytes, at: 0)
///     pages.stopUsing(0..<3, stamp: 1)
///
/// Not thread-safe: the owner calls it under one lock. In a forked child it is inert: nothing of
/// the memory, which the parent uses, changes.
@safe public struct RegionPages: ~Copyable {
  let memory: PageMemory
  // INVARIANT: the budget is charged exactly for the pages of `charged`. Those of `backed` have
  // memory. backed ⊆ charged; inUse ⊇ charged − backed; `idle` lists exactly backed − inUse.
  private var charged: PageSet
  private var backed: PageSet
  /// The same as ``hasFrame(_:)``, for an allocator to read.
  public let frameMap: FrameMap
  private var inUse: PageSet
  private(set) var idle: IdleList
  // INVARIANT: the size of inUse − backed: pages whose memory is being fetched outside the lock.
  private var unbackedCount = 0

  /// The length of the region.
  public let pageCount: Int
  /// Pages that live buffers touch.
  public private(set) var pagesInUse = 0
  /// The most pages that were in use at one time.
  public private(set) var peakPagesInUse = 0
  /// Frames given to pages so far, repeats counted.
  public private(set) var framesAllocated = 0
  /// Frames that were taken back so far.
  public private(set) var framesReclaimed = 0
  /// The highest page index that ever had to be given a frame, plus one.
  public private(set) var highWatermark = 0

  /// Maps memory of `pageCount` pages, 1 to 65,534, none of which has a frame yet.
  ///
  /// - Throws: as `PageArena.init`.
  public init(
    pageCount: Int, sharing: RegionSharing = .inProcess, budget: PageBudget? = nil,
    faults: FaultInjector? = nil
  ) throws(PageAllocError) {
    guard pageCount <= IdleList.longest else {
      throw .invalidArgument(.pageCount, value: pageCount)
    }
    memory = try PageMemory(
      pageCount: pageCount, sharing: sharing, budget: budget, faults: faults)
    self.pageCount = pageCount
    charged = PageSet(pageCount: pageCount)
    frameMap = FrameMap(pageCount: pageCount, isKept: true)
    backed = PageSet(of: frameMap)
    inUse = PageSet(pageCount: pageCount)
    idle = IdleList(pageCount: pageCount)
  }

  deinit { charged.forEachRun(in: 0..<pageCount) { memory.giveBack($0) } }

  /// Pages with a frame that no live buffer touches.
  public var pagesAvailable: Int { idle.count }
  /// Pages without a frame.
  public var pagesFree: Int { pageCount - pagesInUse - idle.count }

  /// The bytes of the region, for those who have the pages under them in use.
  var view: RegionView {
    // SAFETY: the driver view has `pageCount` pages and stays for as long as `memory` lives.
    unsafe RegionView(base: memory.driverView, count: pageCount << Page.shift)
  }

  /// The pages that the bytes `offset ..< offset + size` touch.
  @inline(__always)
  static func pages(touching offset: Int, _ size: Int) -> Range<Int> {
    let first = offset >> Page.shift
    return unsafe Range(uncheckedBounds: (first, (offset + size + Page.size - 1) >> Page.shift))
  }

  /// Whether a live buffer touches the page; false outside the region. O(1).
  public func isInUse(_ page: Int) -> Bool { (0..<pageCount).contains(page) && inUse[page] }
  /// Whether the page has a frame; false outside the region. O(1).
  public func hasFrame(_ page: Int) -> Bool { (0..<pageCount).contains(page) && backed[page] }

  /// The runs of pages that have a frame now, low to high. O(pages).
  public func framedRuns() -> [Range<Int>] {
    var runs: [Range<Int>] = []
    backed.forEachRun(in: 0..<pageCount) { runs.append($0) }
    return runs
  }

  // MARK: use

  /// Makes every page that touches the bytes in use: available ones leave the LRU, free ones get
  /// zeroed frames, a whole missing run in one or two system calls.
  ///
  /// - Throws: `PageAllocError`, the reason why a frame could not be had. No page is in use for the
  ///   bytes then; those that were idle are the newest on the LRU, as in the driver.
  /// - Complexity: O(pages), a few instructions for pages already in use. Shrinkers may run.
  public mutating func use(offset: Int, size: Int) throws(PageAllocError) {
    precondition(
      offset >= 0 && size > 0 && offset <= pageCount << Page.shift - size,
      "bytes outside the region")
    let pages = Self.pages(touching: offset, size)
    let before = PageSet(copying: inUse, pages)
    if beginUse(offset: offset, size: size) { return }
    var unbacked: UnbackedPages? = self.unbacked(offset: offset, size: size)
    do throws(PageAllocError) {
      while var work = unbacked.take() {
        work.back()
        unbacked = try settle(work)
      }
    } catch {
      var added: [Range<Int>] = []
      before.forEachRun(in: pages, present: false) { added.append($0) }
      let stamp = idle.newestStamp
      for run in added { stopUsing(run, .up, stamp: stamp) }
      throw error
    }
  }

  /// Makes every page that touches the bytes in use, without a system call: the part that happens
  /// under the owner's lock. Never fails.
  ///
  /// - Returns: whether all of them have memory. If not, nobody may write to them before what
  ///   `unbacked` says is done.
  @inline(__always)
  mutating func beginUse(offset: Int, size: Int) -> Bool {
    defer { checkAfterChange() }
    let pages = Self.pages(touching: offset, size)
    let index = pages.lowerBound >> 6
    if index == (pages.upperBound &- 1) >> 6 {
      // Most messages touch pages of one word.
      let mask = PageSet.mask(ofOneWord: pages)
      if mask & ~backed.word(index) == 0 {
        markInUse(index, mask)
        if pagesInUse > peakPagesInUse { peakPagesInUse = pagesInUse }
        return true
      }
    }
    return beginUseOfMany(pages)
  }

  @inline(never)
  private mutating func beginUseOfMany(_ pages: Range<Int>) -> Bool {
    var missing: UInt64 = 0
    PageSet.forEachWord(of: pages) { index, mask in
      let unbacked = mask & ~backed.word(index)
      missing |= unbacked
      let added = unbacked & ~inUse.word(index)
      inUse.insert(added, inWord: index)
      pagesInUse += added.nonzeroBitCount
      unbackedCount += added.nonzeroBitCount
      markInUse(index, mask)
    }
    guard missing == 0 else { return false }
    if pagesInUse > peakPagesInUse { peakPagesInUse = pagesInUse }
    return true
  }

  /// What is left to do for bytes whose pages are in use and lack memory.
  mutating func unbacked(offset: Int, size: Int) -> UnbackedPages {
    defer { checkAfterChange() }
    let pages = Self.pages(touching: offset, size)
    var unbacked = UnbackedPages(pages, memory)
    unbacked.owed = chargeWhatIsUnpaid(of: pages)
    unbacked.runs = missingRuns(in: pages)
    return unbacked
  }

  /// Idle pages of one word leave the LRU, a run at a time.
  @inline(__always)
  private mutating func markInUse(_ index: Int, _ mask: UInt64) {
    var added = mask & ~inUse.word(index)
    inUse.insert(added, inWord: index)
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

  /// Ends the work on pages that lacked memory, under the owner's lock.
  ///
  /// - Returns: nil when they have it: the buffer may be filled. Else there is more to do.
  /// - Throws: why memory cannot be had. The pages are still in use: whoever gives the bytes up, as
  ///   any other buffer that is dropped, gives them up with `stopUsing`.
  mutating func settle(_ work: consuming UnbackedPages) throws(PageAllocError) -> UnbackedPages? {
    defer { checkAfterChange() }
    let pages = work.pages
    switch work.outcome {
    case .failed(let error):
      work.end()
      throw error
    case .backed:
      work.end()
      // A neighbour that shares the first or the last page may have been faster.
      PageSet.forEachWord(of: pages) { index, mask in
        let added = mask & ~backed.word(index)
        guard added != 0 else { return }
        backed.insert(added, inWord: index)
        unbackedCount -= added.nonzeroBitCount
        framesAllocated += added.nonzeroBitCount
        highWatermark = max(highWatermark, index << 6 + 64 - added.leadingZeroBitCount)
      }
      peakPagesInUse = max(peakPagesInUse, pagesInUse)
      return nil
    case .shrunk, .nothingShrunk:
      // Others may have paid for a shared page, or taken what came back.
      work.owed = chargeWhatIsUnpaid(of: pages)
      if work.owed > 0, work.outcome == .nothingShrunk, let budget = memory.budget {
        let error = budget.exhausted(work.owed)
        work.end()
        throw error
      }
      return work
    }
  }

  /// Charges the budget for all pages that are not paid yet, or for none.
  ///
  /// - Returns: how many are still to be paid.
  private mutating func chargeWhatIsUnpaid(of pages: Range<Int>) -> Int {
    var unpaid = 0
    PageSet.forEachWord(of: pages) { unpaid += ($1 & ~charged.word($0)).nonzeroBitCount }
    if unpaid > 0, let budget = memory.budget, !budget.tryCharge(unpaid) { return unpaid }
    charged.insert(pages)
    return 0
  }

  /// The runs without memory; if they are many, some of them with what lies between.
  private func missingRuns(in pages: Range<Int>) -> UnbackedPages.Runs {
    var runs = UnbackedPages.Runs()
    backed.forEachRun(in: pages, present: false) { runs.append($0) }
    return runs
  }

  // MARK: stop using

  /// Makes pages in use available, in the LRU's order: upwards or downwards. Pages that have no
  /// memory yet become free.
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
    pagesInUse -= pages.count
    guard unbackedCount == 0 else { return stopUsingUnbacked(pages, direction, stamp) }
    idle.append(pages, direction, stamp: stamp)
  }

  @inline(never)
  private mutating func stopUsingUnbacked(
    _ pages: Range<Int>, _ direction: IdleList.Direction, _ stamp: UInt64
  ) {
    var withMemory: [Range<Int>] = []
    var without: [Range<Int>] = []
    backed.forEachRun(in: pages) { withMemory.append($0) }
    backed.forEachRun(in: pages, present: false) { without.append($0) }
    for run in without {
      unbackedCount -= run.count
      // All of a run are paid, or none: one reservation alone touched them to the end, or two that
      // share a page, of which each pays for all that it finds unpaid.
      charged.forEachRun(in: run) { memory.giveBackUnwritten($0) }
      _ = charged.remove(run)
    }
    if direction == .down { withMemory.reverse() }
    for run in withMemory { idle.append(run, direction, stamp: stamp) }
  }

  /// Makes pages in use available, upwards.
  ///
  /// - Parameters:
  ///   - pages: pages of which all are in use; else this traps.
  ///   - stamp: a clock's time, never smaller than at an earlier call.
  /// - Complexity: O(pages / 64).
  public mutating func stopUsing(_ pages: Range<Int>, stamp: UInt64) {
    stopUsing(pages, .up, stamp: stamp)
  }

  // MARK: reclaim

  /// Whether reclaimed memory really returns to the system; a region sealed against new writers
  /// keeps its memory.
  public var canReclaim: Bool { memory.returnsMemory && !memory.isInherited }

  /// Takes back up to `limit` available pages that became idle before `deadline`, longest idle
  /// first; their memory returns to the system in runs as long as possible.
  ///
  /// - Returns: how many went; none of a forked child's copy.
  /// - Complexity: O(pages that go · log of their number).
  public mutating func reclaim(upTo limit: Int, before deadline: UInt64 = .max) -> Int {
    guard !memory.isInherited else { return 0 }
    var taken: [Range<Int>] = []
    idle.removeOldest(limit, before: deadline) { taken.append($0) }
    guard !taken.isEmpty else { return 0 }
    defer { checkAfterChange() }
    taken.sort { $0.lowerBound < $1.lowerBound }
    var count = 0
    var next = 0
    while next < taken.count {
      var run = taken[next]
      next += 1
      while next < taken.count, taken[next].lowerBound == run.upperBound {
        run = run.lowerBound..<taken[next].upperBound
        next += 1
      }
      memory.giveBack(run)
      _ = charged.remove(run)
      _ = backed.remove(run)
      count += run.count
    }
    framesReclaimed += count
    return count
  }

  /// Gives back memory of pages that have no frame: a receiver in another process brings it in by
  /// reading there, outside any budget.
  ///
  /// - Returns: how many pages came back.
  /// - Complexity: one system call when there are none, else O(pages).
  public mutating func reclaimStrays() -> Int {
    guard !memory.isInherited, let there = memory.filePageCount,
      there > pagesInUse + idle.count - unbackedCount
    else { return 0 }
    charged.forEachRun(in: 0..<pageCount, present: false) { run in
      inUse.forEachRun(in: run, present: false) { memory.releaseStrays($0) }
    }
    return max(0, there - (memory.filePageCount ?? there))
  }

  // MARK: contents

  /// Copies `length` bytes from a reader into the region, once.
  ///
  /// - Throws: `PageAllocError.outOfBounds`; `.invalidArgument(.pageNotInUse)` for the first such
  ///   page; `.inherited` in a forked child; what reading ends with.
  public mutating func copy(from reader: inout UserSliceReader, at offset: Int, length: Int)
    throws(PageAllocError)
  {
    try checkWritable(offset, length)
    try view.copy(from: &reader, at: offset, length: length)
  }

  /// Writes bytes at an offset. Throws as `copy(from:at:length:)`.
  public mutating func write(_ bytes: RawSpan, at offset: Int) throws(PageAllocError) {
    try checkWritable(offset, bytes.byteCount)
    try view.write(bytes, at: offset)
  }

  /// Reads bytes at an offset. Throws as `copy(from:at:length:)`, but for `.inherited`.
  public func read(at offset: Int, into target: inout MutableRawSpan) throws(PageAllocError) {
    try check(offset, target.byteCount)
    try view.read(at: offset, into: &target)
  }

  /// Zeroes bytes at an offset. Throws as `copy(from:at:length:)`.
  public mutating func fillZero(at offset: Int, length: Int) throws(PageAllocError) {
    try checkWritable(offset, length)
    try view.fillZero(at: offset, length: length)
  }

  private func checkWritable(_ offset: Int, _ length: Int) throws(PageAllocError) {
    if memory.isInherited { throw .inherited }
    try check(offset, length)
  }

  private func check(_ offset: Int, _ length: Int) throws(PageAllocError) {
    let size = pageCount << Page.shift
    guard offset >= 0, length >= 0, offset <= size, length <= size - offset else {
      throw .outOfBounds(offset: offset, length: length, size: size)
    }
    guard length > 0 else { return }
    for page in Self.pages(touching: offset, length) where !(inUse[page] && backed[page]) {
      throw .invalidArgument(.pageNotInUse, value: page)
    }
  }

  // MARK: invariants

  /// Whether the page states agree with each other, and the frames with the budget's view of them.
  ///
  /// - Parameter touched: whether a live buffer touches a page, as the placement knows it.
  /// - Returns: the first disagreement, in words.
  package func violation(touched: (Int) -> Bool) -> String? {
    var listed = 0
    var disagreement: String?
    idle.visit { page, _ in
      listed += 1
      if !backed[page] || inUse[page] {
        disagreement = "page \(page) is on the LRU, backed \(backed[page]), in use \(inUse[page])"
      }
    }
    if let disagreement { return disagreement }
    if listed != idle.count { return "the LRU holds \(listed) pages and counts \(idle.count)" }
    var (backedCount, usedCount, unbacked) = (0, 0, 0)
    for page in 0..<pageCount {
      if backed[page] { backedCount += 1 }
      if inUse[page] { usedCount += 1 }
      if inUse[page] && !backed[page] { unbacked += 1 }
      if charged[page] ? !(backed[page] || inUse[page]) : backed[page] {
        return "page \(page): charged \(charged[page]), backed \(backed[page])"
      }
      if inUse[page] != touched(page) {
        return "page \(page): in use \(inUse[page]), touched by a live buffer \(touched(page))"
      }
    }
    if usedCount != pagesInUse { return "\(usedCount) pages in use, counted \(pagesInUse)" }
    if unbacked != unbackedCount {
      return "\(unbacked) pages in use without memory, counted \(unbackedCount)"
    }
    if backedCount != usedCount - unbacked + idle.count {
      return "\(backedCount) frames for \(usedCount) pages in use and \(idle.count) on the LRU"
    }
    if framesAllocated - framesReclaimed != backedCount {
      return "\(framesAllocated) frames given, \(framesReclaimed) taken back, \(backedCount) held"
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
