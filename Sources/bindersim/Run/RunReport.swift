internal import BinderBuffer

/// What a run found.
struct RunReport: Encodable, Sendable {
  struct Configuration: Encodable, Sendable {
    var workload: String
    var policy: String
    var seed: UInt64
    var processes: Int
    /// In each process; 1 for all processes together in a deterministic run.
    var threads: Int
    var regionBytes: Int
    var budgetPages: Int?
    var isDeterministic: Bool
  }

  struct Traffic: Encodable, Sendable {
    var sync: Int
    var oneway: Int
    var replies: Int
    /// Requests and replies, and the bytes of their data and offsets.
    var transactions: Int
    var bytes: Int
    var transactionsPerSecond: Int
    var bytesPerSecond: Int
    var received: Int
    var checkedBytes: Int
  }

  /// Nanoseconds.
  struct Latency: Encodable, Sendable {
    var step: String
    var count: UInt64
    var p50: UInt64
    var p99: UInt64
    var p999: UInt64
    var max: UInt64
  }

  struct Failure: Encodable, Sendable {
    var kind: String
    var count: Int
  }

  /// One process when all its buffers had been freed, before idle pages were taken back.
  struct ProcessSummary: Encodable, Sendable {
    var pid: Int32
    var peakBuffers: Int
    var peakBytes: Int
    var pagesInUse: Int
    var pagesAvailable: Int
    var peakPagesInUse: Int
    var framesAllocated: Int
    var framesReclaimed: Int
    var lowestFreeOnewaySpace: Int
    var spamReports: Int
  }

  var configuration: Configuration
  /// Real time, or simulated time in a deterministic run.
  var elapsedNanoseconds: UInt64
  var wasInterrupted: Bool
  var traffic: Traffic
  /// Empty in a deterministic run.
  var latencies: [Latency]
  /// Transactions that were refused, by kind.
  var failures: [Failure]
  var timeouts: Int
  var spamReports: Int
  var processes: [ProcessSummary]
  var corruptionCount: Int
  /// The first of them, in words.
  var corruptions: [String]
  /// What was not given back at the end, in words.
  var leftovers: [String]
  /// Of a deterministic run: a hash of all that happened, in order.
  var checksum: String?

  /// Takes stock after every buffer was freed, and takes idle pages back.
  init(
    _ simulation: Simulation, _ tally: Tally, elapsed: UInt64, checksum: String? = nil,
    wasInterrupted: Bool
  ) {
    configuration = Configuration(simulation.options)
    elapsedNanoseconds = elapsed
    self.wasInterrupted = wasInterrupted
    traffic = Traffic(tally, elapsed)
    latencies = Step.allCases.compactMap { step in
      Latency(step, tally.latencies[step.rawValue])
    }
    failures = FailureKind.allCases.compactMap { kind in
      let count = tally.failures[kind.rawValue]
      return count > 0 ? Failure(kind: kind.description, count: count) : nil
    }
    timeouts = tally.timeouts
    spamReports = tally.spam
    processes = simulation.members.map { ProcessSummary($0.process) }
    corruptionCount = tally.corruptionCount
    corruptions = tally.corruptions.map(\.description)
    leftovers = simulation.leftovers()
    self.checksum = checksum
  }

  /// Whether something went wrong that no workload may cause. Transactions that were refused for
  /// want of room or memory are a result, not a fault.
  var foundFaults: Bool {
    corruptionCount > 0 || timeouts > 0 || !leftovers.isEmpty
      || failures.contains { !Self.refusals.contains($0.kind) }
  }

  private static let refusals = Set(
    [FailureKind.noSpace, .noOnewaySpace, .noMemory, .failedReply].map(\.description))
}

extension RunReport.Configuration {
  fileprivate init(_ options: RunOptions) {
    workload = options.workload.name
    policy = options.policy.name
    seed = options.seed
    processes = options.processes
    threads = options.isDeterministic ? 1 : options.threads
    regionBytes = options.region
    budgetPages = options.budget
    isDeterministic = options.isDeterministic
  }
}

extension RunReport.Traffic {
  fileprivate init(_ tally: Tally, _ elapsed: UInt64) {
    sync = tally.sync
    oneway = tally.oneway
    replies = tally.replies
    transactions = sync + oneway + replies
    bytes = tally.bytes
    transactionsPerSecond = Format.rate(transactions, in: elapsed)
    bytesPerSecond = Format.rate(bytes, in: elapsed)
    received = tally.received
    checkedBytes = tally.checkedBytes
  }
}

extension RunReport.Latency {
  fileprivate init?(_ step: Step, _ histogram: LatencyHistogram) {
    guard histogram.count > 0 else { return nil }
    self.step = step.name
    count = histogram.count
    p50 = histogram.quantile(0.5)
    p99 = histogram.quantile(0.99)
    p999 = histogram.quantile(0.999)
    max = histogram.maximum
  }
}

extension RunReport.ProcessSummary {
  fileprivate init(_ process: Process) {
    let statistics = process.statistics
    pid = process.pid
    peakBuffers = statistics.peakBuffers
    peakBytes = statistics.peakBytes
    pagesInUse = statistics.pagesInUse
    pagesAvailable = statistics.pagesAvailable
    peakPagesInUse = statistics.peakPagesInUse
    framesAllocated = statistics.framesAllocated
    framesReclaimed = statistics.framesReclaimed
    lowestFreeOnewaySpace = statistics.lowestFreeOnewaySpace
    spamReports = statistics.spamReports
  }
}
