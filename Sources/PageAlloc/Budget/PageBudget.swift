internal import Synchronization

/// Bounds the frames in use over any number of arenas: the memory of the machine.
///
/// Arenas charge the budget before they back a page, and give back after they have released it.
/// When an allocation with the flag `kernel` does not fit, or the system has no memory for it, the
/// registered shrinkers run and it tries again, for as long as pages come back; other allocations
/// fail at once.
///
/// Safe to share between threads. Charging is lock-free.
public final class PageBudget: Sendable {
  private let maximum: Atomic<Int>
  private let charged = Atomic<Int>(0)
  private let highest = Atomic<Int>(0)
  /// Counts the times that pages came back, whoever gave them: what a shrinker says of itself is
  /// not relied on.
  private let returns = Atomic<Int>(0)
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

  /// Adds a shrinker, to run when the budget, or the system's memory, is used up.
  ///
  /// It is told how many pages are missing and answers how many it gave back. It runs on the
  /// thread that allocates. This library holds no lock then: a shrinker may use every arena and
  /// process, ask for counts, drop deliveries, and register and unregister shrinkers. It must not
  /// allocate with `kernel`, which would run it again, nor wait for a lock that the allocating
  /// caller holds.
  ///
  /// - Complexity: O(number of shrinkers).
  public func register(_ shrinker: @escaping @Sendable (Int) -> Int) -> ShrinkerRegistration {
    shrinkers.withLock { $0.add(shrinker) }
  }

  /// Removes a shrinker. One that is running on another thread finishes there.
  public func unregister(_ registration: ShrinkerRegistration) {
    // Its closure may hold the last reference to anything, so it goes outside the lock.
    let removed = shrinkers.withLock { $0.remove(registration) }
    _ = consume removed
  }
}

extension PageBudget {
  /// How often one allocation runs the shrinkers while others take what comes back.
  package static let mostPasses = 1000

  /// Takes `pages` from the budget, or nothing.
  ///
  /// - Throws: `.budgetExhausted`, when shrinkers bring nothing any more, or `flags` forbids them.
  func charge(_ pages: Int, _ flags: AllocationFlags) throws(PageAllocError) {
    var passes = 0
    while !tryCharge(pages) {
      passes += 1
      guard flags.mayReclaim, passes <= Self.mostPasses, shrink(toFit: pages) else {
        throw exhausted(pages)
      }
    }
  }

  package func exhausted(_ pages: Int) -> PageAllocError {
    .budgetExhausted(requested: pages, inUse: pagesInUse, limit: limit)
  }

  /// Runs the shrinkers until `pages` may fit; false if nothing came back. Hold no lock.
  ///
  /// What exceeds the whole budget cannot be made to fit: nobody is disturbed for it.
  package func shrink(toFit pages: Int) -> Bool {
    guard pages <= limit else { return false }
    let missing = pagesInUse + pages - limit
    return missing <= 0 || shrink(by: missing)
  }

  /// Runs the shrinkers, in the order in which they were registered, until they have given back
  /// `pages`; false if nothing came back meanwhile. Hold no lock.
  package func shrink(by pages: Int) -> Bool {
    let before = returns.load(ordering: .relaxed)
    var missing = pages
    for shrinker in shrinkers.withLock({ $0.all }) where missing > 0 {
      missing -= min(max(0, shrinker(missing)), missing)
    }
    return returns.load(ordering: .relaxed) != before
  }

  /// Gives back what `charge` or `tryCharge` took.
  package func uncharge(_ pages: Int) {
    let now = charged.subtract(pages, ordering: .relaxed).newValue
    assert(now >= 0, "more pages given back than taken")
    noteReturned()
  }

  /// Memory came back to the system.
  package func noteReturned() { returns.wrappingAdd(1, ordering: .relaxed) }

  /// Takes `pages` if they fit now.
  package func tryCharge(_ pages: Int) -> Bool {
    var seen = charged.load(ordering: .relaxed)
    while true {
      guard pages <= limit - seen else { return false }
      let (done, current) = charged.weakCompareExchange(
        expected: seen, desired: seen + pages, ordering: .relaxed)
      if done { break }
      seen = current
    }
    highest.max(seen + pages, ordering: .relaxed)
    return true
  }
}

/// Names a shrinker that is registered with a `PageBudget`.
public struct ShrinkerRegistration: Hashable, Sendable {
  fileprivate let id: UInt64
}

/// The shrinkers of a budget, in the order in which they were registered.
private struct ShrinkerTable {
  typealias Shrinker = @Sendable (Int) -> Int
  private var entries: [(id: UInt64, shrink: Shrinker)] = []
  private var lastID: UInt64 = 0

  var all: [Shrinker] { entries.map(\.shrink) }

  mutating func add(_ shrink: @escaping Shrinker) -> ShrinkerRegistration {
    lastID += 1
    entries.append((lastID, shrink))
    return ShrinkerRegistration(id: lastID)
  }

  mutating func remove(_ registration: ShrinkerRegistration) -> Shrinker? {
    let index = entries.firstIndex { $0.id == registration.id }
    return index.map { entries.remove(at: $0).shrink }
  }
}
