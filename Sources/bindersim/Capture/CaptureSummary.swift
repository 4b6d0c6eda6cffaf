/// What a capture held, line by line: every line is counted exactly once.
struct CaptureSummary: Equatable, Sendable {
  var byteCount = 0
  private(set) var lines = 0
  private(set) var transactions = 0
  private(set) var allocBufs = 0
  private(set) var receiveds = 0
  /// Releases of all kinds.
  private(set) var releases = 0
  /// Of these, those of failed transactions and of superseded oneways.
  private(set) var failedReleases = 0
  private(set) var updateReleases = 0
  private(set) var commands = 0
  private(set) var returns = 0
  /// Of the returns, BR_FAILED_REPLY and BR_DEAD_REPLY.
  private(set) var failedReplies = 0
  private(set) var deadReplies = 0
  /// Binder's events other than transactions, their buffers and releases; commands and returns too.
  private(set) var otherBinderEvents = 0
  /// Lines of tracepoints that are not Binder's.
  private(set) var otherEvents = 0
  private(set) var comments = 0
  private(set) var blankLines = 0
  /// Lines of the page around the trace.
  private(set) var markupLines = 0
  private(set) var issues: [LineIssue.Kind: LineTally] = [:]
  /// The first few issues in full.
  private(set) var firstIssues: [IssueExample] = []
  /// Lines earlier than the one before them.
  private(set) var backwards = LineTally()
  private var lastTime: UInt64 = 0
  private var clock = CaptureClock()

  /// Since the first line, in nanoseconds.
  var elapsed: UInt64 { clock.elapsed }

  var unusableLines: Int { issues.values.reduce(0) { $0 + $1.count } }

  /// Counts one line; returns its record if it has one.
  mutating func count(_ line: CaptureReader.Line, number: Int) -> CaptureRecord? {
    lines += 1
    switch line {
    case .record(let record):
      count(record)
      return record
    case .comment: comments += 1
    case .blank: blankLines += 1
    case .markup: markupLines += 1
    case .unusable(let issue):
      issues[issue.kind, default: LineTally()].add(line: number)
      if firstIssues.count < LineTally.examplesKept {
        firstIssues.append(IssueExample(line: number, issue: issue))
      }
    }
    return nil
  }

  /// Counts a line that a survey did not need to read.
  mutating func count(_ passed: SurveyFilter.Passed) {
    lines += 1
    switch passed {
    case .transaction: transactions += 1
    case .allocBuf: allocBufs += 1
    case .received: receiveds += 1
    case .command:
      commands += 1
      otherBinderEvents += 1
    case .returned:
      returns += 1
      otherBinderEvents += 1
    case .otherBinder: otherBinderEvents += 1
    case .other: otherEvents += 1
    }
  }

  /// Counts events of a trace that are not Binder's, and what could not be used of it.
  mutating func count(others: Int, issues: [LineIssue.Kind: LineTally], examples: [IssueExample]) {
    lines += others + issues.values.reduce(0) { $0 + $1.count }
    otherEvents += others
    self.issues = issues
    firstIssues = examples
  }

  private mutating func count(_ record: CaptureRecord) {
    if record.nanoseconds < lastTime { backwards.add(line: record.line) }
    lastTime = record.nanoseconds
    clock.advance(to: record.nanoseconds)
    switch record.event {
    case .transaction: transactions += 1
    case .allocBuf: allocBufs += 1
    case .received: receiveds += 1
    case .bufferRelease: releases += 1
    case .failedBufferRelease:
      releases += 1
      failedReleases += 1
    case .updateBufferRelease:
      releases += 1
      updateReleases += 1
    case .other, .console: otherEvents += 1
    default: countOther(record.event)
    }
  }
}

extension CaptureSummary {
  private mutating func countOther(_ event: CaptureEvent) {
    otherBinderEvents += 1
    switch event {
    case .command: commands += 1
    case .returned:
      returns += 1
      if event.isFailedReply { failedReplies += 1 }
      if event.isDeadReply { deadReplies += 1 }
    default: break
    }
  }
}

/// One line that could not be used, and why.
struct IssueExample: Equatable, Sendable {
  var line: Int
  var issue: LineIssue
}
