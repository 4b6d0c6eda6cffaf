internal import BinderBuffer

/// What a run found.
struct RunReport: Encodable, Sendable {
  struct Configuration: Encodable, Sendable {
    var workload: String
    var policy: String
    /// What the policy's driver does, and why it is this one.
    var rules: RuleReport
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

  struct Latency: Encodable, Sendable {
    let step: Step
    let histogram: LatencyHistogram
  }

  struct Failure: Encodable, Sendable {
    var kind: String
    var count: Int
  }

  struct LeakSummary: Encodable, Sendable {
    var pid: Int32
    var buffers: Int
    var bytes: Int
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
  /// In simulated time in a deterministic run, and only of the steps that take such time.
  var latencies: [Latency]
  /// Requests and replies that were refused, by kind.
  var failures: [Failure]
  /// When they were, from the run's start on.
  var refusedOverTime: TimeCounts
  /// Of these, replies, and the calls that failed because of that: as many, unless a call had timed
  /// out.
  var refusedReplies: Int
  var failedCalls: Int
  /// Other steps that the engine refused, by kind.
  var errors: [Failure]
  var timeouts: Int
  var spamReports: Int
  var processes: [ProcessSummary]
  /// Buffers that receivers forgot to free, by process.
  var leaks: [LeakSummary]
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
    latencies = Latency.all(tally.latencies)
    failures = Failure.all(tally.refusals)
    refusedOverTime = tally.refusalTimes
    failedCalls = tally.failedCalls
    refusedReplies = tally.refusedReplies
    errors = Failure.all(tally.errors)
    timeouts = tally.timeouts
    spamReports = tally.spam
    processes = simulation.members.map { ProcessSummary($0.process) }
    corruptionCount = tally.corruptionCount
    corruptions = tally.corruptions.map(\.description)
    leaks = simulation.leakSummaries(tally.leaks)
    simulation.free(tally.leaks)
    leftovers = simulation.leftovers()
    self.checksum = checksum
  }

  /// Whether something went wrong that no workload may cause. Transactions that were refused for
  /// want of room or memory are a result, not a fault.
  var foundFaults: Bool {
    corruptionCount > 0 || timeouts > 0 || !leftovers.isEmpty || !errors.isEmpty
      || failedCalls != refusedReplies
      || failures.contains { !Self.refusals.contains($0.kind) }
  }

  var status: ExitStatus {
    foundFaults || !failures.isEmpty || !leaks.isEmpty ? .failure : .success
  }

  private static let refusals = Set(
    [FailureKind.noSpace, .noOnewaySpace, .noMemory].map(\.description))
}

extension RunReport.Failure {
  static func all(_ counts: [Int]) -> [Self] {
    FailureKind.allCases.compactMap { kind in
      let count = counts[kind.rawValue]
      return count > 0 ? Self(kind: kind.description, count: count) : nil
    }
  }
}

extension RunReport.Configuration {
  fileprivate init(_ options: RunOptions) {
    workload = options.workload.name
    policy = options.policy.name
    rules = options.chosen.report
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
  /// Of all steps that were timed.
  static func all(_ histograms: [LatencyHistogram]) -> [Self] {
    Step.allCases.compactMap { step in
      let histogram = histograms[step.rawValue]
      return histogram.count > 0 ? Self(step: step, histogram: histogram) : nil
    }
  }

  /// As columns of figures: the step, how often, how long.
  static func table(_ latencies: [Self], title: String) -> Table {
    var table = Table([title, "count", "p50", "p99", "p99.9", "max"])
    for latency in latencies {
      let histogram = latency.histogram
      table.add(
        [latency.step.explanation, Format.grouped(Int(histogram.count))]
          + [0.5, 0.99, 0.999].map { Format.time(nanoseconds: histogram.quantile($0)) }
          + [Format.time(nanoseconds: histogram.maximum)])
    }
    return table
  }

  var series: LatencySeries {
    LatencySeries(name: step.name, title: step.explanation, histogram: histogram)
  }

  private enum CodingKeys: CodingKey { case step, count, p50, p90, p99, p999, max }

  /// Nanoseconds.
  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(step.name, forKey: .step)
    try container.encode(histogram.count, forKey: .count)
    try container.encode(histogram.quantile(0.5), forKey: .p50)
    try container.encode(histogram.quantile(0.9), forKey: .p90)
    try container.encode(histogram.quantile(0.99), forKey: .p99)
    try container.encode(histogram.quantile(0.999), forKey: .p999)
    try container.encode(histogram.maximum, forKey: .max)
  }
}

extension Simulation {
  fileprivate func leakSummaries(_ leaks: [Leak]) -> [RunReport.LeakSummary] {
    members.enumerated().compactMap { index, member in
      let offsets = Set(leaks.lazy.filter { $0.member == index }.map(\.offset))
      guard !offsets.isEmpty else { return nil }
      let bytes = member.process.inspect().buffers.lazy.filter { offsets.contains($0.offset) }
        .reduce(0) { $0 + $1.size }
      return RunReport.LeakSummary(pid: member.process.pid, buffers: offsets.count, bytes: bytes)
    }
  }
}

extension RunReport.ProcessSummary {
  fileprivate init(_ process: BinderProcess) {
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
