internal import BinderBuffer

/// What a replay found: plain values, for text and for whatever else shows it.
///
/// As JSON it is the `result` of the schema `bindersim.replay`, version 1, key for key. Sizes are
/// bytes, times nanoseconds; keys that have no value are left out.
struct ReplayReport: Codable, Equatable, Sendable {
  var file: String
  /// The replay was stopped before the capture's end.
  var wasInterrupted = false
  var capture: CaptureFigures
  /// Transactions that became buffers.
  var used: Int
  var unused: [ReplayCount]
  /// Transactions of other processes than the one asked for.
  var leftOut: Int
  /// How many buffers each rule freed.
  var frees: [ReplayCount]
  var neverFreed: Int
  /// What else must be known to trust the figures.
  var notes: [String]
  var runs: [ReplayRun]

  var unusedCount: Int { unused.reduce(0) { $0 + $1.count } }
  var failureCount: Int { runs.reduce(0) { $0 + $1.failed } }
}

/// The lines of a capture, by what they are.
struct CaptureFigures: Codable, Equatable, Sendable {
  var bytes: Int
  var lines: Int
  /// Between the first line and the latest, in nanoseconds.
  var nanoseconds: UInt64
  var transactionLines: Int
  var allocBufLines: Int
  var receivedLines: Int
  var releaseLines: Int
  var otherBinderLines: Int
  var otherEventLines: Int
  /// Comments, blank lines, the page around the trace.
  var otherLines: Int
  var unusableLines: [ReplayCount]
  /// The first of them, each with its reason.
  var unusableExamples: [ReplayExample]
}

struct ReplayExample: Codable, Equatable, Sendable {
  var line: Int
  var text: String
}

/// Something counted, with the first lines where it was met.
struct ReplayCount: Codable, Equatable, Sendable {
  /// A stable name for programs.
  var key: String
  /// The same for people.
  var text: String
  var count: Int
  var lines: [Int]
}

extension ReplayReport {
  /// The planner's and the reader's part of a report.
  init(file: String, capture: CaptureSummary, planner: ReplayPlanner) {
    self.file = file
    self.capture = CaptureFigures(capture)
    used = planner.used
    unused = UnusedReason.allCases.compactMap { reason in
      planner.unused[reason].map { ReplayCount(reason.rawValue, reason.text, $0) }
    }
    leftOut = planner.leftOut
    frees = FreeRule.allCases.compactMap { rule in
      planner.frees[rule].map {
        ReplayCount(key: rule.rawValue, text: rule.text, count: $0, lines: [])
      }
    }
    neverFreed = planner.liveCount
    notes = Self.notes(capture, planner)
    runs = []
  }

  private static func notes(_ capture: CaptureSummary, _ planner: ReplayPlanner) -> [String] {
    var notes: [String] = []
    func note(_ tally: LineTally, _ text: String) {
      guard tally.count > 0 else { return }
      notes.append("\(Format.grouped(tally.count)) \(text) (\(tally.linesText))")
    }
    if capture.lines == 0 { notes.append("the file is empty") }
    if capture.transactions > 0 && capture.allocBufs == 0 {
      notes.append(
        "no binder_transaction_alloc_buf line: the capture has no sizes, so nothing can be "
          + "placed; record with that event enabled")
    } else if capture.issues[.binary].map({ $0.count > capture.lines / 2 }) ?? false {
      notes.append(
        "this is not text: decompress it, or convert a Perfetto trace with `traceconv systrace`")
    } else if capture.lines > 0 && capture.transactions + capture.allocBufs == 0 {
      notes.append("no Binder transaction in it; record with the events of the binder group")
    }
    note(capture.backwards, "lines go back in time; they were replayed in file order")
    note(planner.movedThreads, "lines show a thread in another process than before")
    note(planner.reusedIDs, "transactions have the id of a buffer that is still live")
    if planner.unknownSenders > 0 {
      notes.append(
        "\(Format.count(planner.unknownSenders, "buffer")) with a sender of unknown process; "
          + "its thread's number stands for it")
    }
    if planner.lateReleases > 0 {
      notes.append(
        "\(Format.grouped(planner.lateReleases)) releases came after the buffer had been freed by "
          + "inference, because this input cannot be read twice; replay it from a file")
    }
    return notes
  }
}

extension CaptureFigures {
  init(_ summary: CaptureSummary) {
    bytes = summary.byteCount
    lines = summary.lines
    nanoseconds = summary.elapsed
    transactionLines = summary.transactions
    allocBufLines = summary.allocBufs
    receivedLines = summary.receiveds
    releaseLines = summary.releases
    otherBinderLines = summary.otherBinderEvents
    otherEventLines = summary.otherEvents
    otherLines = summary.comments + summary.blankLines + summary.markupLines
    unusableLines = LineIssue.Kind.allCases.compactMap { kind in
      summary.issues[kind].map { ReplayCount(kind.rawValue, kind.text, $0) }
    }
    unusableExamples = summary.firstIssues.map { ReplayExample(line: $0.line, text: $0.issue.text) }
  }
}

extension ReplayCount {
  init(_ key: String, _ text: String, _ tally: LineTally) {
    self.init(key: key, text: text, count: tally.count, lines: tally.lines)
  }

  var linesText: String { LineTally.text(lines, of: count) }
}

extension LineTally {
  var linesText: String { Self.text(lines, of: count) }

  /// "line 7", "lines 7, 12, 30, …"
  fileprivate static func text(_ lines: [Int], of count: Int) -> String {
    let list = lines.map(String.init).joined(separator: ", ")
    return (count == 1 ? "line " : "lines ") + list + (count > lines.count ? ", …" : "")
  }
}
