internal import BinderBuffer

/// The steps of a transaction that are timed.
enum Step: Int, CaseIterable, Sendable {
  case send, delivery, read, free, roundTrip

  var name: String {
    switch self {
    case .send: "send"
    case .delivery: "delivery"
    case .read: "read"
    case .free: "free"
    case .roundTrip: "roundTrip"
    }
  }

  var explanation: String {
    switch self {
    case .send: "send: reserve, copy, commit"
    case .delivery: "from send to received"
    case .read: "read and check in place"
    case .free: "free"
    case .roundTrip: "call and reply"
    }
  }
}

/// A buffer that its receiver forgot to free.
struct Leak: Sendable {
  let member: Int
  let offset: Int
}

/// What one thread did; the tallies of all threads add up to the run.
struct Tally: Sendable {
  /// Requests and replies that were sent.
  var sync = 0
  var oneway = 0
  var replies = 0
  /// Data and offsets bytes of those.
  var bytes = 0
  var received = 0
  /// Data and offsets bytes that were compared with what was sent.
  var checkedBytes = 0
  var spam = 0
  /// Requests and replies that the engine refused, by kind.
  var refusals = [Int](repeating: 0, count: FailureKind.allCases.count)
  /// Of these, replies, each of which fails the call that it was to answer.
  var refusedReplies = 0
  /// Calls that failed because their reply was refused: no refusals of their own.
  var failedCalls = 0
  /// When messages were refused, from the run's start on.
  var refusalTimes = TimeCounts()
  /// Other steps that the engine refused, by kind: no workload may cause any.
  var errors = [Int](repeating: 0, count: FailureKind.allCases.count)
  /// Calls that no reply came to in time.
  var timeouts = 0
  var corruptions: [Corruption] = []
  var corruptionCount = 0
  /// Buffers that are not freed before stock was taken.
  var leaks: [Leak] = []
  var latencies = [LatencyHistogram](repeating: LatencyHistogram(), count: Step.allCases.count)

  /// Corruptions that are kept in full; the others are only counted.
  static let keptCorruptions = 8

  mutating func record(_ step: Step, from start: UInt64, to end: UInt64) {
    latencies[step.rawValue].record(end > start ? end - start : 0)
  }

  /// Counts a request or a reply that was refused.
  ///
  /// - Parameter time: nanoseconds since the run's start.
  mutating func countRefusal(_ error: BinderError, isReply: Bool, at time: UInt64) {
    refusals[error.kind.rawValue] += 1
    if isReply { refusedReplies += 1 }
    refusalTimes.add(at: time)
  }

  /// Counts how a call ended that got no reply.
  mutating func countCallError(_ error: BinderError) {
    if error.kind == .failedReply { failedCalls += 1 } else { countError(error) }
  }

  /// Counts a failed step that was no message.
  mutating func countError(_ error: BinderError) { errors[error.kind.rawValue] += 1 }

  mutating func count(_ corruption: Corruption) {
    corruptionCount += 1
    if corruptions.count < Self.keptCorruptions { corruptions.append(corruption) }
  }

  mutating func merge(_ other: Tally) {
    sync += other.sync
    oneway += other.oneway
    replies += other.replies
    bytes += other.bytes
    received += other.received
    checkedBytes += other.checkedBytes
    spam += other.spam
    timeouts += other.timeouts
    for index in refusals.indices { refusals[index] += other.refusals[index] }
    for index in errors.indices { errors[index] += other.errors[index] }
    refusedReplies += other.refusedReplies
    failedCalls += other.failedCalls
    refusalTimes.merge(other.refusalTimes)
    for index in latencies.indices { latencies[index].merge(other.latencies[index]) }
    leaks += other.leaks
    corruptionCount += other.corruptionCount
    corruptions += other.corruptions.prefix(Self.keptCorruptions - corruptions.count)
  }
}
