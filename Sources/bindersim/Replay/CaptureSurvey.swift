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
