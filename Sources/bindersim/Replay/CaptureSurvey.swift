/// What must be known of a whole capture before its first line can be replayed: which buffers have
/// a recorded release (the others' must be inferred), and which process a thread belongs to when
/// only later lines tell.
struct CaptureSurvey {
  private static let mostThreads = 1 << 18

  private(set) var released = ReleaseIndex()
  /// Those of failed transactions: their buffers were given back, and never received.
  private(set) var failed = ReleaseIndex()
  private(set) var processOfThread: [Int32: Int32] = [:]
  /// False for input that can be read only once: then releases are not known beforehand.
  private(set) var isComplete = false
  /// Which context each node belongs to.
  private(set) var contexts = ContextMap()
  /// What the first reading counted, and what the capture tells beside its events.
  private(set) var summary = CaptureSummary()
  private(set) var facts = CaptureFacts()
  /// What becomes of the first messages of the capture.
  private(set) var first = FirstMessages()

  /// How many messages of the capture were received, and how many were released.
  ///
  /// In a short capture those of messages that it does not have are left out: of one thread's events,
  /// for instance, they say nothing of what the thread sent. In a long one they do not matter.
  var ends: (received: Int, released: Int, updated: Int) {
    if first.areAll { return (first.received, first.released, first.updated) }
    let others = summary.failedReleases + summary.updateReleases
    return (summary.receiveds, summary.releases - others, summary.updateReleases)
  }

  init() {}

  /// Reads the capture to its end, unless it is stopped.
  init(_ reader: inout CaptureReader, shouldStop: () -> Bool = { false }) throws(InputError) {
    var filter = SurveyFilter()
    while let record = try reader.next(&filter) {
      add(record)
      if shouldStop() { return }
    }
    summary = reader.summary
    facts = reader.facts
    isComplete = true
  }

  mutating func add(_ record: CaptureRecord) {
    if case .known(let process) = record.process { learn(record.thread, process) }
    contexts.note(record)
    first.note(record.event)
    switch record.event {
    case .bufferRelease(let buffer), .updateBufferRelease(let buffer):
      released.insert(buffer.transaction)
    case .failedBufferRelease(let buffer):
      released.insert(buffer.transaction)
      failed.insert(buffer.transaction)
    case .transaction(let transaction) where transaction.thread > 0:
      learn(transaction.thread, transaction.process)
    case .setPriority(let process, let thread):
      learn(thread, process)
    default: break
    }
  }

  /// The first to be known counts: what comes later corrects it when it comes.
  private mutating func learn(_ thread: Int32, _ process: Int32) {
    guard thread > 0, process > 0, processOfThread.count < Self.mostThreads else { return }
    if processOfThread[thread] == nil { processOfThread[thread] = process }
  }
}

/// The messages that a capture begins with, as far as a survey reads all of its lines.
struct FirstMessages {
  private var messages: Set<UInt32> = []
  private var buffers = 0
  private(set) var received = 0
  private(set) var released = 0
  private(set) var updated = 0

  /// Whether the capture has no others.
  var areAll: Bool { buffers < SurveyFilter.mostReadAll }

  mutating func note(_ event: CaptureEvent) {
    guard areAll else { return }
    switch event {
    case .transaction(let transaction):
      // Those without a buffer are not counted by `areAll`.
      if messages.count < 1 << 12 { messages.insert(transaction.id) }
    case .allocBuf(let buffer):
      buffers += 1
      messages.insert(buffer.transaction)
    case .received(let transaction): received += messages.contains(transaction) ? 1 : 0
    case .bufferRelease(let buffer): released += messages.contains(buffer.transaction) ? 1 : 0
    case .updateBufferRelease(let buffer):
      updated += messages.contains(buffer.transaction) ? 1 : 0
    default: break
    }
  }
}
