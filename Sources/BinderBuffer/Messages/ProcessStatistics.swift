/// The counts of a process at one moment, taken under its lock. Sizes in bytes.
///
/// Asking costs no walk over buffers, however many there are: see `BinderProcess.statistics`.
public struct ProcessStatistics: Sendable, Hashable {
  /// Whose they are.
  public var pid: Int32
  /// Nil while the process has no region, and after it has gone; the counts of it are then zero.
  public var policy: PlacementPolicy?
  /// The length of the region.
  public var regionLength = 0

  /// Live buffers, whatever their state.
  public var bufferCount = 0
  /// The most buffers that were live at one time.
  public var peakBuffers = 0
  /// Bytes that live buffers take.
  public var bytesInUse = 0
  /// The most bytes that live buffers took at one time.
  public var peakBytes = 0
  /// Bytes in free ranges.
  public var freeBytes = 0
  /// The longest free range.
  public var largestFreeRange = 0
  /// What oneway transactions may still take; half the region when there are none.
  public var freeOnewaySpace = 0
  /// The least of it that was ever left.
  public var lowestFreeOnewaySpace = 0

  /// Pages that live buffers touch.
  public var pagesInUse = 0
  /// The most pages that live buffers touched at one time.
  public var peakPagesInUse = 0
  /// Pages with a frame that nothing touches: they wait on the LRU.
  public var pagesAvailable = 0
  /// Pages without a frame.
  public var pagesFree = 0
  /// The highest page index that ever had to be given a frame, plus one.
  public var pageHighWatermark = 0
  /// Frames given to pages so far, repeats counted.
  public var framesAllocated = 0
  /// Frames that were taken back so far.
  public var framesReclaimed = 0

  /// Nodes that the process has made.
  public var nodeCount = 0
  /// Calls that this process has made and not seen the end of.
  public var outstandingCalls = 0
  /// Transactions that the next `receive` finds.
  public var queuedTransactions = 0
  /// Oneway transactions that wait behind another of their node: each comes when that is freed.
  public var waitingTransactions = 0
  /// Replies that have come and not been taken.
  public var waitingReplies = 0
  /// Transactions and replies received so far.
  public var received = 0
  /// Payload bytes copied into this region so far.
  public var bytesCopied = 0
  /// Reservations that told their sender of suspected oneway spam.
  public var spamReports = 0
  /// Failed attempts to send to this process, and failed frees, by kind.
  public var failures = FailureCounts()

  /// Counts of nothing.
  public init(pid: Int32) { self.pid = pid }

  /// All that waits to be received: transactions, those behind their node's order too, and replies.
  public var pendingTransactions: Int { queuedTransactions + waitingTransactions + waitingReplies }

  /// How much of the free space the largest free range does not cover: 0 is one range.
  public var fragmentation: Double {
    freeBytes == 0 ? 0 : 1 - Double(largestFreeRange) / Double(freeBytes)
  }
}

/// How many failures there were of each kind.
public struct FailureCounts: Sendable, Hashable, BitwiseCopyable {
  private var counts = InlineArray<8, Int>(repeating: 0)

  /// None yet.
  public init() {}

  /// The failures of one kind.
  public subscript(kind: FailureKind) -> Int {
    get { counts[kind.rawValue] }
    set { counts[kind.rawValue] = newValue }
  }

  /// The failures of all kinds.
  public var total: Int { FailureKind.allCases.reduce(0) { $0 + self[$1] } }

  public static func == (a: Self, b: Self) -> Bool {
    FailureKind.allCases.allSatisfy { a[$0] == b[$0] }
  }

  public func hash(into hasher: inout Hasher) {
    for kind in FailureKind.allCases { hasher.combine(self[kind]) }
  }
}

extension Inbox {
  /// The counts of this moment.
  var statistics: ProcessStatistics {
    var result = ProcessStatistics(pid: pid)
    result.nodeCount = nodeCount
    result.outstandingCalls = isDead ? 0 : calls.awaitedCount
    result.queuedTransactions = counters.queued
    result.waitingTransactions = counters.waiting
    result.waitingReplies = counters.replied
    result.received = counters.received
    result.bytesCopied = counters.bytesCopied
    result.failures = counters.failures
    if !space.isEmpty { space.value.describe(into: &result) }
    return result
  }
}

extension BufferSpace {
  func describe(into result: inout ProcessStatistics) {
    result.policy = ranges.policy
    result.regionLength = length
    result.bufferCount = ranges.bufferCount
    result.peakBuffers = peakBuffers
    result.bytesInUse = bytesInUse
    result.peakBytes = peakBytes
    result.freeBytes = ranges.freeBytes
    result.largestFreeRange = ranges.largestFreeRange
    result.freeOnewaySpace = ranges.freeOnewaySpace
    result.lowestFreeOnewaySpace = lowestFreeOnewaySpace
    result.spamReports = spamReports
    result.pagesInUse = pages.pagesInUse
    result.peakPagesInUse = pages.peakPagesInUse
    result.pagesAvailable = pages.pagesAvailable
    result.pagesFree = pages.pagesFree
    result.pageHighWatermark = pages.highWatermark
    result.framesAllocated = pages.framesAllocated
    result.framesReclaimed = pages.framesReclaimed
  }
}
