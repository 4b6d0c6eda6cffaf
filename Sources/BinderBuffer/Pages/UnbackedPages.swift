import PageAlloc

/// Pages that a reservation has in use and that lack memory: work to be done outside all locks.
///
/// `RegionPages.unbacked` makes it under the owner's lock, `back` does the work without it, and
/// `RegionPages.settle` ends it, under the lock again:
///
///     if pages.beginUse(offset: offset, size: size) { return }
///     var unbacked: UnbackedPages? = pages.unbacked(offset: offset, size: size)
///     while var work = unbacked.take() {
///       lock.unlock()
///       work.back()
///       lock.lock()
///       unbacked = try pages.settle(work)
///     }
///
/// Whoever holds it keeps the region, and its range reserved. When two reservations share a page,
/// both back it, which harms nothing, and neither writes before the page has memory. One that is
/// dropped before it was settled stops the program.
@safe struct UnbackedPages: ~Copyable {
  /// Up to four runs of pages; when there are more, the last is long enough to cover the rest.
  struct Runs {
    private var runs = InlineArray<4, Range<Int>>(repeating: 0..<0)
    private var count = 0

    mutating func append(_ run: Range<Int>) {
      if count == runs.count {
        runs[count - 1] = runs[count - 1].lowerBound..<run.upperBound
      } else {
        runs[count] = run
        count += 1
      }
    }

    func visit(_ body: (Range<Int>) throws(PageAllocError) -> Void) throws(PageAllocError) {
      for index in 0..<count { try body(runs[index]) }
    }
  }

  enum Outcome: Equatable {
    /// All pages have memory.
    case backed
    case failed(PageAllocError)
    /// The budget was too small for them; shrinkers have run, and pages came back or not.
    case shrunk, nothingShrunk
  }

  let pages: Range<Int>
  // INVARIANT: alive; whoever holds this keeps the region.
  private let memory: Unmanaged<PageMemory>
  /// Pages among them for which the budget has not been charged yet.
  var owed = 0
  var runs = Runs()
  private(set) var outcome = Outcome.nothingShrunk
  private var passes = 0

  init(_ pages: Range<Int>, _ memory: PageMemory) {
    self.pages = pages
    unsafe self.memory = .passUnretained(memory)
  }

  // There is always a page: this traps.
  deinit { precondition(pages.isEmpty, "pages \(pages) were never settled") }

  /// The settled end of it.
  consuming func end() { discard self }

  /// Backs the pages, or makes room for them in the budget first. Hold no lock: shrinkers run, and
  /// fresh memory costs some 3 µs a page.
  mutating func back() {
    // SAFETY: see the invariant.
    outcome = unsafe memory._withUnsafeGuaranteedRef { memory in
      do throws(PageAllocError) {
        if owed > 0, let budget = memory.budget {
          passes += 1
          let cameBack = passes <= PageBudget.mostPasses && budget.shrink(toFit: owed)
          return cameBack ? .shrunk : .nothingShrunk
        }
        try runs.visit { (run) throws(PageAllocError) in
          if memory.faults?.check(.pageAllocation) == true { throw .injected(.pageAllocation) }
          try memory.back(run, .kernel)
        }
        return .backed
      } catch {
        return .failed(error)
      }
    }
  }
}
