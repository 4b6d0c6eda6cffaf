public import PageAlloc

/// Whose protocol is spoken where released kernels differ (recordings of 6.1 and 6.12).
public enum DriverKernel: Sendable, Hashable, CaseIterable {
  /// No freeze notices; a oneway call to a frozen process completes like any other.
  case linux61
  /// `BR_TRANSACTION_PENDING_FROZEN` and the freeze notices.
  case linux612
}

/// What one process may hold in the driver, so that its memory stays bounded by it.
///
/// The kernel has none of these: there the machine's memory is the limit. A command that would go
/// beyond one fails as it does there when memory is short (ENOMEM).
public struct DriverLimits: Sendable, Hashable {
  /// Handles, each with its counts and notices.
  public var handles = 1 << 20
  /// Nodes that it owns.
  public var nodes = 1 << 20
  /// Threads that have called the driver and not exited.
  public var threads = 1 << 15
  /// Death and freeze notices that it asked for, those too that it has cleared and not read.
  public var notices = 1 << 20
  /// Completions and errors that it has not read.
  public var unreadCompletions = 1 << 18

  /// The usual limits: far above what programs hold.
  public init() {}
}

/// How a driver is set up.
public struct DriverOptions: Sendable {
  /// Whose protocol.
  public var kernel: DriverKernel
  /// Where buffers are placed.
  public var policy: PlacementPolicy
  /// Whether other real processes can map the regions.
  public var sharing: RegionSharing
  /// Bounds the page frames of all regions; nil leaves it to the system.
  public var budget: PageBudget?
  /// Makes steps fail on purpose, for tests.
  public var faults: FaultInjector?
  /// What one process may hold.
  public var limits = DriverLimits()
  /// Tells what happens to every buffer (`Effects.buffers`), for recorders.
  public var reportsBuffers = false

  /// As the C driver of Linux 6.12 with regions of this process, unless said otherwise.
  public init(
    kernel: DriverKernel = .linux612, policy: PlacementPolicy = .c,
    sharing: RegionSharing = .inProcess, budget: PageBudget? = nil, faults: FaultInjector? = nil
  ) {
    self.kernel = kernel
    self.policy = policy
    self.sharing = sharing
    self.budget = budget
    self.faults = faults
  }
}
