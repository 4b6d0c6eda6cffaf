import BinderBuffer

@testable import bindersim

/// Writes small captures, one event a line, a microsecond apart.
struct SyntheticCapture {
  private(set) var text = ""
  private var time = 1_000_000

  /// `process` nil: no group column; 0: `(-----)`.
  mutating func line(_ thread: Int, _ process: Int?, _ event: String) {
    time += 1
    let fraction = String(time % 1_000_000)
    let group = process.map { $0 == 0 ? " (-----)" : " (\($0))" } ?? ""
    text +=
      "task\(thread)-\(thread)\(group) [000] .... \(time / 1_000_000)."
      + String(repeating: "0", count: 6 - fraction.count) + "\(fraction): \(event)\n"
  }

  mutating func transaction(
    _ id: Int, from thread: Int, _ process: Int?, to destination: Int, thread target: Int = 0,
    node: Int = 7, reply: Bool = false, oneway: Bool = false
  ) {
    line(
      thread, process,
      "binder_transaction: transaction=\(id) dest_node=\(reply ? 0 : node) "
        + "dest_proc=\(destination) dest_thread=\(target) reply=\(reply ? 1 : 0) "
        + "flags=\(oneway ? "0x11" : "0x10") code=0x1")
  }

  mutating func allocBuf(
    _ id: Int, from thread: Int, _ process: Int?, data: Int = 100, offsets: Int = 0, extra: Int = 0
  ) {
    line(
      thread, process,
      "binder_transaction_alloc_buf: transaction=\(id) data_size=\(data) offsets_size=\(offsets) "
        + "extra_buffers_size=\(extra)")
  }

  mutating func received(_ id: Int, by thread: Int, _ process: Int?) {
    line(thread, process, "binder_transaction_received: transaction=\(id)")
  }

  mutating func released(_ id: Int, by thread: Int, _ process: Int?, failed: Bool = false) {
    line(
      thread, process,
      "binder_transaction_\(failed ? "failed_" : "")buffer_release: transaction=\(id) "
        + "data_size=100 offsets_size=0 extra_buffers_size=0")
  }

  /// A request or oneway with its sizes.
  mutating func send(
    _ id: Int, from thread: Int, _ process: Int?, to destination: Int, thread target: Int = 0,
    node: Int = 7, oneway: Bool = false, data: Int = 100
  ) {
    transaction(
      id, from: thread, process, to: destination, thread: target, node: node, oneway: oneway)
    allocBuf(id, from: thread, process, data: data)
  }

  mutating func reply(
    _ id: Int, from thread: Int, _ process: Int?, to destination: Int, thread target: Int,
    data: Int = 4
  ) {
    transaction(id, from: thread, process, to: destination, thread: target, reply: true)
    allocBuf(id, from: thread, process, data: data)
  }

  /// What the planner makes of it: sends and frees in order, and its counts.
  func plan(
    surveyed: Bool = true, only process: Int32? = nil, belief: FreeBelief = .inferred
  ) throws -> ([ReplayStep], ReplayPlanner) {
    let (steps, planner) = try planAll(surveyed: surveyed, only: process, belief: belief)
    return (
      steps.filter { step in
        switch step {
        case .send, .free: true
        case .received, .refused: false
        }
      }, planner
    )
  }

  /// The same with what is received and refused.
  func planAll(
    surveyed: Bool = true, only process: Int32? = nil, belief: FreeBelief = .inferred
  ) throws -> ([ReplayStep], ReplayPlanner) {
    var reader = CaptureReader(bytes: Array(text.utf8))
    var survey = CaptureSurvey()
    if surveyed {
      survey = try CaptureSurvey(&reader)
      try reader.rewind()
    }
    var planner = ReplayPlanner(survey: survey, onlyProcess: process, belief: belief)
    var steps: [ReplayStep] = []
    while let record = try reader.next() {
      planner.plan(record)
      steps += planner.steps
    }
    planner.finish()
    return (steps + planner.steps, planner)
  }

  func replayed(_ options: ReplayOptions = ReplayOptions(path: "synthetic")) throws -> ReplayReport
  {
    var reader = CaptureReader(bytes: Array(text.utf8))
    var line = 0
    var options = options
    // Most of these captures are too small for anything to be believed by itself.
    options.belief = options.belief ?? .inferred
    if options.policies.isEmpty { options.policies = [.rust] }
    return try replay(&reader, options, line: &line)
  }
}

extension [ReplayStep] {
  /// `+5` for a buffer of transaction 5, `-5 rule` for its free.
  var summary: [String] {
    var ids: [Int: UInt32] = [:]
    return compactMap { step in
      switch step {
      case .received, .refused: return nil
      case .send(let buffer):
        ids[buffer.slot] = buffer.transaction
        return "+\(buffer.transaction)"
      case .free(let slot, let rule):
        return "-\(ids[slot].map(String.init) ?? "?") \(rule.rawValue)"
      }
    }
  }

  var buffers: [PlannedBuffer] {
    compactMap { if case .send(let buffer) = $0 { buffer } else { nil } }
  }
}
