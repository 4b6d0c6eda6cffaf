internal import BinderBuffer

/// What a replay found: plain values, for text and for whatever else shows it.
///
/// As JSON it is the `result` of the schema `bindersim.replay`, version 1, key for key. Sizes are
/// bytes, times nanoseconds; keys that have no value are left out.
struct ReplayReport: Codable, Equatable, Sendable {
  var file: String
  /// What the file was taken for.
  var took: String
  /// The device's kernel, as the capture tells it or as it was given.
  var kernel: String?
  /// Why the first policy is what it is.
  var policyReason: String
  /// The replay was stopped before the capture's end.
  var wasInterrupted = false
  var capture: CaptureFigures
  /// What people ask, answered in words.
  var answers: [Explanation.Answer] = []
  /// What the capture cannot tell, and what to record.
  var unknown: [Explanation.Unknown] = []
  /// Transactions that became buffers.
  var used: Int
  var unused: [ReplayCount]
  /// Transactions of other processes or contexts than those asked for.
  var leftOut: Int
  /// Messages that the capture's own driver refused.
  var refused: Int
  /// Those, the first in full.
  var refusals: [Refusal] = []
  /// Refusals beyond those that are listed.
  var moreRefusals = 0
  /// Where frees were taken from.
  var belief: FreeBelief
  /// How many buffers each rule freed.
  var frees: [ReplayCount]
  var neverFreed: Int
  /// Of these, those whose receiver had gone on.
  var leaked = 0
  /// Of these, those that were not received: they wait.
  var waiting = 0
  /// The first of them, those that leak first.
  var unreleased: [UnreleasedBuffer] = []
  /// What else must be known to trust the figures.
  var notes: [String]
  /// Of the kernel's log in the capture, what is about Binder.
  var consoleLines: [ReplayConsoleLine] = []
  /// By pid, as far as the capture tells.
  var processNames: [Int: String] = [:]
  /// The first region's length came from the capture, not from the command line.
  var adaptsRegions = false
  var runs: [ReplayRun]

  var unusedCount: Int { unused.reduce(0) { $0 + $1.count } }
  /// Buffers that found no room in one of the settings.
  var failureCount: Int { runs.reduce(0) { $0 + $1.failed } }
  /// Transactions of which nothing tells whether they were refused.
  var unclear: Int { unused.first { $0.key == UnusedReason.noAllocBuf.rawValue }?.count ?? 0 }

  /// Whether the capture tells that nothing was refused: every message got its buffer.
  var tellsNoRefusal: Bool { refused == 0 && unclear == 0 && used + leftOut > 0 }

  var answersAnything: Bool { refused > 0 || tellsNoRefusal || !runs.isEmpty }

  /// Buffers that a setting refused, where that does not contradict the capture.
  private var predicted: Int {
    runs.enumerated().reduce(0) { sum, run in
      sum + run.element.failed
        - (adaptsRegions && run.offset == 0 ? run.element.contradictions : 0)
    }
  }

  var status: ExitStatus {
    if refused > 0 || leaked > 0 || predicted > 0 { return .failure }
    return answersAnything ? .success : .unanswered
  }
}

struct ReplayConsoleLine: Codable, Equatable, Sendable {
  var line: Int
  var text: String
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

  var binderLines: Int {
    transactionLines + allocBufLines + receivedLines + releaseLines + otherBinderLines
  }
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
  init(
    file: String, took: String, capture: CaptureSummary, facts: CaptureFacts,
    planner: ReplayPlanner
  ) {
    self.file = file
    self.took = took
    policyReason = ""
    self.capture = CaptureFigures(capture)
    used = planner.used
    unused = UnusedReason.allCases.compactMap { reason in
      planner.unused[reason].map { ReplayCount(reason.rawValue, reason.text, $0) }
    }
    leftOut = planner.leftOut
    refused = planner.refused
    belief = planner.belief
    frees = FreeRule.allCases.compactMap { rule in
      planner.frees[rule].map {
        ReplayCount(key: rule.rawValue, text: rule.text, count: $0, lines: [])
      }
    }
    neverFreed = planner.liveCount
    consoleLines = facts.consoleLines.map { ReplayConsoleLine(line: $0.line, text: $0.text) }
    notes = Self.notes(capture, facts, planner)
    runs = []
  }

  /// Takes out of the unclear transactions those that must have been refused.
  mutating func count(predicted: [PlannedRefusal]) {
    guard !predicted.isEmpty else { return }
    refused += predicted.count
    let lines = Set(predicted.map(\.line))
    for index in unused.indices where unused[index].key == UnusedReason.noAllocBuf.rawValue {
      unused[index].count -= predicted.count
      unused[index].lines.removeAll { lines.contains($0) }
    }
    unused.removeAll { $0.count <= 0 }
  }

  private static func notes(
    _ capture: CaptureSummary, _ facts: CaptureFacts, _ planner: ReplayPlanner
  ) -> [String] {
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
      notes.append("this is not text: decompress it, or convert it")
    } else if capture.lines > 0 && capture.transactions + capture.allocBufs == 0 {
      notes.append("no Binder transaction in it; record with the events of the binder group")
    }
    note(
      facts.missingExtraSizes,
      "alloc_buf without an extra size (an old kernel or a converter left it out): extra buffers are "
        + "missing, so these may take more")
    if facts.has32BitOffsets {
      notes.append(
        "offsets of 4 bytes: a client of 32 bits; sizes are rounded up to 4, and placed in units of 8"
      )
    }
    if facts.lost.count > 0 {
      let events =
        facts.lost.events > 0 ? ", \(Format.count(facts.lost.events, "event")) or more" : ""
      notes.append(
        "the recorder lost events in \(Format.count(facts.lost.count, "place"))\(events), first at "
          + "\(facts.lost.marks.first?.position ?? 0): what follows may lack transactions and frees; "
          + "record with a larger buffer")
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
