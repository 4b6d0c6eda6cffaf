internal import BinderBuffer

/// One setting and what came of the capture in it. Peaks and means are those of all regions
/// together: of sums, not sums of what each region reached at another time.
struct ReplayRun: Codable, Equatable, Sendable {
  var policy: String
  var regionLength: Int
  var budgetPages: Int?
  /// Buffers that could not be placed.
  var failed: Int
  /// When, as the capture tells the time.
  var failedOverTime = TimeCounts()
  /// Of these, those that the driver had placed: in the capture's own setting they show that the
  /// region is longer, or that frees are missing.
  var contradictions: Int
  var peakBuffers: Int
  var peakBytes: Int
  var peakPages: Int
  /// Weighted by the capture's time; absent where none has passed.
  var meanPages: Double?
  /// Frames given to pages, repeats counted.
  var framesAllocated: Int
  var framesReclaimed: Int
  var spamReports: Int
  /// Of the region where it was worst.
  var worstFragmentation: ReplayFragmentation?
  /// Of any process.
  var firstFailure: ReplayFailure?
  /// By peak of bytes, largest first.
  var processes: [ReplayResult]

  /// The process with most failures; of those with equally many the one whose buffers took most.
  var worstProcess: ReplayResult? {
    processes.max { ($0.failed, $0.peakBytes, $1.pid) < ($1.failed, $1.peakBytes, $0.pid) }
  }

  /// Failures of all processes, by kind.
  var failures: [String: Int] {
    processes.reduce(into: [:]) { sum, process in sum.merge(process.failures, uniquingKeysWith: +) }
  }
}

/// One process's region over the whole replay.
struct ReplayResult: Codable, Equatable, Sendable {
  var pid: Int32
  var context: BinderContext
  var name: String
  var regionLength: Int
  /// Buffers placed in its region.
  var buffers: Int
  /// Buffers that could not be placed.
  var failed: Int
  /// Of these, those that the driver had placed.
  var contradictions: Int
  /// Those, by the kind of failure.
  var failures: [String: Int]
  var firstFailure: ReplayFailure?
  var peakBuffers: Int
  var peakBytes: Int
  var peakPages: Int
  /// Weighted by the capture's time; absent where none has passed.
  var meanPages: Double?
  /// Frames given to pages, repeats counted.
  var framesAllocated: Int
  var framesReclaimed: Int
  var lowestFreeOnewaySpace: Int
  var spamReports: Int
  /// What the setting's driver logs at the first of them; empty without one, and where it logs none.
  var spamLog: [String]
  /// Absent where the region was never partly free.
  var worstFragmentation: ReplayFragmentation?
  var liveBuffers: Int
  var liveBytes: Int
}

/// A region at the moment when its free space was most in pieces.
struct ReplayFragmentation: Codable, Equatable, Sendable {
  /// 1 − largest free range / all free space: 0 is one piece.
  var share: Double
  var freeBytes: Int
  var largestFreeRange: Int
  /// Since the beginning of the capture.
  var nanoseconds: UInt64
}

/// The first buffer that could not be placed, and what the region looked like then.
struct ReplayFailure: Codable, Equatable, Sendable {
  var line: Int
  /// As the capture tells the time.
  var nanoseconds: UInt64
  var transaction: UInt32
  var receiver: Int32
  var context: BinderContext
  var sender: Int32
  var kind: String
  var message: String
  /// What it would have taken of the region.
  var size: Int
  var dataSize: Int
  var offsetsSize: Int
  var extraSize: Int
  var freeBytes: Int
  var largestFreeRange: Int
  var freeOnewaySpace: Int
  /// The five senders that held most of the region.
  var holders: [ReplayHolder]
  /// What the setting's driver logs when it finds no room; empty for other failures.
  var kernelLog: [String]
}

struct ReplayHolder: Codable, Equatable, Sendable {
  var pid: Int32
  var bytes: Int
  var buffers: Int
}

extension ReplayRun {
  /// `c with 1,040,384 bytes`
  var settingText: String { "\(policy) with \(Format.grouped(regionLength)) bytes" }

  init(
    _ setting: ReplaySetting, _ total: TotalGauge, _ processes: [ReplayResult], until end: UInt64
  ) {
    policy = setting.policy.name
    regionLength = setting.regionLength
    budgetPages = setting.budget
    failed = processes.reduce(0) { $0 + $1.failed }
    contradictions = 0
    peakBuffers = total.peakBuffers
    peakBytes = total.peakBytes
    peakPages = total.pages.peak
    meanPages = total.pages.mean(until: end)
    framesAllocated = processes.reduce(0) { $0 + $1.framesAllocated }
    framesReclaimed = processes.reduce(0) { $0 + $1.framesReclaimed }
    spamReports = processes.reduce(0) { $0 + $1.spamReports }
    worstFragmentation = processes.compactMap(\.worstFragmentation).max {
      ($0.share, $1.nanoseconds) < ($1.share, $0.nanoseconds)
    }
    firstFailure = processes.compactMap(\.firstFailure).min { $0.line < $1.line }
    self.processes = processes
  }
}

extension ReplayResult {
  init(_ statistics: ProcessStatistics, _ member: ReplayedProcess, until end: UInt64) {
    pid = member.key.pid
    context = member.key.context
    name = ""
    regionLength = statistics.regionLength
    buffers = member.buffers
    failed = member.failed
    contradictions = member.contradictions
    failures = [:]
    for (kind, count) in member.failures { failures["\(kind)"] = count }
    firstFailure = member.firstFailure
    peakBuffers = statistics.peakBuffers
    peakBytes = statistics.peakBytes
    peakPages = statistics.peakPagesInUse
    meanPages = member.gauge.pages.mean(until: end)
    framesAllocated = statistics.framesAllocated
    framesReclaimed = statistics.framesReclaimed
    lowestFreeOnewaySpace = statistics.lowestFreeOnewaySpace
    spamReports = statistics.spamReports
    spamLog = member.spamLog
    worstFragmentation = member.gauge.worst.map {
      ReplayFragmentation(
        share: 1 - Double($0.largest) / Double($0.free), freeBytes: $0.free,
        largestFreeRange: $0.largest, nanoseconds: $0.at)
    }
    liveBuffers = statistics.bufferCount
    liveBytes = statistics.bytesInUse
  }
}
