internal import Synchronization

/// Bounds the frames in use over any number of arenas: the memory of the machine.
///
/// Arenas charge the budget before they back a page, and give back after they have released it.
/// When an allocation with the flag `kernel` does not fit, the registered shrinkers run once and
/// it tries again; other allocations fail at once.
///
/// Safe to share between threads. Charging is lock-free.
public final class PageBudget: Sendable {
  private let maximum: Atomic<Int>
  private let charged = Atomic<Int>(0)
  private let highest = Atomic<Int>(0)
  private let shrinkers = Protected(ShrinkerTable(), rank: .budget)

  /// - Parameter pages: How many pages may be in use; a negative number counts as 0.
  public init(pages: Int) {
    maximum = Atomic(max(0, pages))
  }

  /// How many pages may be in use. May be set below what is in use: then nothing is taken away,
  /// and nothing more is given until enough has come back. A negative number counts as 0.
  public var limit: Int {
    get { maximum.load(ordering: .relaxed) }
    set { maximum.store(max(0, newValue), ordering: .relaxed) }
  }

  /// Pages that are charged now.
  public var pagesInUse: Int { charged.load(ordering: .relaxed) }

  /// The most pages that were charged at one time.
  public var peak: Int { highest.load(ordering: .relaxed) }

  /// Adds a shrinker, to run when the budget is used up.
  ///
  /// It is told how many pages are missing and answers how many it gave back. It runs on the
  /// thread that allocates, which may hold locks of its own: a shrinker only tries locks. It may
  /// register and unregister shrinkers, and release pages, but not allocate with `kernel`.
  ///
  /// - Complexity: O(number of shrinkers).
  public func register(_ shrinker: @escaping @Sendable (Int) -> Int) -> ShrinkerRegistration {
    shrinkers.withLock { $0.add(shrinker) }
  }

  /// Removes a shrinker. One that is running on another thread finishes there.
  public func unregister(_ registration: ShrinkerRegistration) {
    shrinkers.withLock { $0.remove(registration) }
  }
}

extension PageBudget {
  /// Takes `pages` from the budget, or nothing.
  func charge(_ pages: Int, _ flags: AllocationFlags) throws(PageAllocError) {
    if tryCharge(pages) { return }
    // What exceeds the whole budget cannot be made to fit: disturb nobody for it.
    if flags.mayReclaim, pages <= limit {
      shrink()
      if tryCharge(pages) { return }
    }
    throw .budgetExhausted(requested: pages, inUse: pagesInUse, limit: limit)

    func shrink() {
      var missing = pagesInUse + pages - limit
      // The lock is not held while they run: they release pages, and may (un)register.
      for shrinker in shrinkers.withLock({ $0.all }) where missing > 0 {
        missing -= shrinker(missing)
      }
    }
  }

  /// Gives back what `charge` took.
  func uncharge(_ pages: Int) {
    let now = charged.subtract(pages, ordering: .relaxed).newValue
    assert(now >= 0, "more pages given back than taken")
  }

  private func tryCharge(_ pages: Int) -> Bool {
    var seen = charged.load(ordering: .relaxed)
    while true {
      guard seen + pages <= limit else { return false }
      let (done, current) = charged.weakCompareExchange(
        expected: seen, desired: seen + pages, ordering: .relaxed)
      if done { break }
      seen = current
    }
    highest.max(seen + pages, ordering: .relaxed)
    return true
  }
}
