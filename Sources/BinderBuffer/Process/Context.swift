@_spi(Engine) public import PageAlloc
internal import Synchronization

/// Processes that can send to each other, with one pool of page frames.
///
/// Thread-safe.
public final class Context: @unchecked Sendable {
  /// Without a bound of its own, when none was given: shrinkers are found through it.
  let budget: PageBudget
  let faults: FaultInjector?
  let shrinker = Shrinker()
  let debugIDs = Atomic<UInt32>(1)
  private let shrinkerRegistration: ShrinkerRegistration
  private let processes = Protected(ProcessTable(), rank: .context)

  /// - Parameters:
  ///   - budget: bounds the page frames of all processes; nil leaves it to the system. When it, or
  ///     the system's memory, is used up, idle pages of any process are taken back before an
  ///     allocation fails.
  ///   - faults: makes steps fail on purpose, for tests.
  public init(budget: PageBudget? = nil, faults: FaultInjector? = nil) {
    self.budget = budget ?? PageBudget(pages: .max)
    self.faults = faults
    let shrinker = shrinker
    shrinkerRegistration = self.budget.register { shrinker.reclaim(upTo: $0) }
  }

  deinit { budget.unregister(shrinkerRegistration) }

  /// Makes a process without a region.
  ///
  /// - Throws: `invalidArgument` unless `pid` is positive, `busy` while a process has that pid.
  public func makeProcess(pid: Int32) throws(BinderError) -> BinderProcess {
    guard pid > 0 else { throw .invalidArgument(.pid(pid)) }
    let isNew = processes.withLock { $0.pids.insert(pid).inserted }
    guard isNew else { throw .busy(pid: pid, .pid) }
    let core = ProcessCore(pid: pid, context: self)
    processes.withLock { $0.cores[ObjectIdentifier(core)] = ProcessTable.WeakCore(core: core) }
    return BinderProcess(core: core)
  }

  /// Makes a process with a region: see `BinderProcess.mapRegion`.
  public func makeProcess(
    pid: Int32, regionLength: Int, policy: PlacementPolicy = .rust,
    sharing: RegionSharing = .inProcess
  ) throws(BinderError) -> BinderProcess {
    let process = try makeProcess(pid: pid)
    try process.mapRegion(length: regionLength, policy: policy, sharing: sharing)
    return process
  }

  /// Takes back up to `pages` idle pages, longest idle first over all processes.
  ///
  /// - Returns: how many went.
  @discardableResult
  public func reclaim(_ pages: Int = .max) -> Int { shrinker.reclaim(upTo: pages) }

  /// Pages taken back since the start.
  public var pagesReclaimed: Int { shrinker.pagesReclaimed }

  /// Whether the next copy fails on purpose.
  @inline(__always)
  var injectsCopyFault: Bool { faults?.check(.userCopy) ?? false }

  func remove(_ core: ProcessCore) {
    shrinker.unregister(core)
    processes.withLock { _ = $0.pids.remove(core.pid) }
  }

  /// A process is gone, its region with it.
  func forget(_ core: ObjectIdentifier) {
    processes.withLock { _ = $0.cores.removeValue(forKey: core) }
  }

  /// All processes that are still there, alive or pinned.
  func allCores() -> [ProcessCore] {
    processes.withLock { $0.cores.values.compactMap(\.core) }
  }
}

/// The processes of a context.
private struct ProcessTable {
  struct WeakCore { weak var core: ProcessCore? }

  var pids: Set<Int32> = []
  // Every process that still has a region or a handle, the dead ones too, for `checkInvariants`.
  var cores: [ObjectIdentifier: WeakCore] = [:]
}
