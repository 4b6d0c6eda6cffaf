/// The Binder events of a trace that consists of packets, in the order of their time.
///
/// Packets come for each CPU by itself and in any order, and processes may be named behind the
/// events; so the whole trace is read before the first event comes out. Of all other events only
/// the number is kept.
struct TraceCollector {
  private let path: String
  private var sorter = EventSorter()
  private(set) var facts = CaptureFacts()
  /// Events that are not Binder's.
  private(set) var otherEvents = 0
  private(set) var issues: [LineIssue.Kind: LineTally] = [:]
  private(set) var firstIssues: [IssueExample] = []
  private(set) var byteCount = 0
  private(set) var isComplete = false

  init(path: String) { self.path = path }

  /// Reads the whole trace.
  mutating func collect(from input: Input) throws(InputError) {
    if input.kind == .perfettoText {
      var parser = PacketTextParser()
      try parser.parse(input.source, into: &self)
    } else {
      var parser = PacketParser(path: path)
      try parser.parse(input.source, into: &self)
    }
    byteCount = input.source.storedByteCount
    isComplete = true
    restart()
  }

  /// Begins with the first event again.
  mutating func restart() {
    if isComplete { sorter.start() }
  }

  /// The next event, its line being its number in order of time; nil at the end.
  mutating func next() throws(InputError) -> CaptureRecord? {
    guard var record = try sorter.next() else { return nil }
    record.process = facts.threadGroups[record.thread].map { .known($0) } ?? .unknown
    if record.event.tellsName { record.task = name(of: record.thread) }
    return record
  }

  private func name(of thread: Int32) -> TaskName {
    if let name = facts.threadNames[thread] { return name }
    // The main thread is named after the process, as far as a thread's name reaches.
    guard let name = facts.processNames[thread] else { return TaskName() }
    let base = name.split(separator: "/", omittingEmptySubsequences: true).last ?? Substring(name)
    return TaskName(Array(base.utf8.suffix(15)))
  }

  // MARK: What parsers tell

  mutating func add(
    _ event: CaptureEvent, thread: Int32, at nanoseconds: UInt64
  ) throws(InputError) {
    let record = CaptureRecord(
      line: sorter.count, thread: thread, process: .unknown, nanoseconds: nanoseconds,
      task: TaskName(), event: event)
    facts.note(record)
    try sorter.add(record)
  }

  /// An event of any kind by its name and its fields as text.
  mutating func add(
    named name: [UInt8], fields: [UInt8], thread: Int32, at nanoseconds: UInt64
  ) throws(InputError) {
    let line = name + fields
    let event: CaptureEvent
    do throws(LineIssue) {
      event = try EventParser.event(
        line.span, name: 0..<name.count, fields: name.count..<line.count, missingIsZero: true)
    } catch {
      return note(error)
    }
    switch event {
    case .other: return noteOther()
    case .console:
      let text = LineParser.text(line.span, (name.count..<line.count).prefix(1000))
      facts.add(
        ConsoleLine(
          line: sorter.count, nanoseconds: nanoseconds, thread: thread,
          text: text.hasPrefix("msg=") ? String(text.dropFirst(4)) : text))
    default: break
    }
    if EventParser.isRust(line.span, 0..<name.count) { facts.driver.hasRustNames = true }
    try add(event, thread: thread, at: nanoseconds)
  }

  mutating func noteOther() { otherEvents += 1 }

  mutating func note(_ issue: LineIssue) {
    issues[issue.kind, default: LineTally()].add(line: sorter.count)
    if firstIssues.count < LineTally.examplesKept {
      firstIssues.append(IssueExample(line: sorter.count, issue: issue))
    }
  }

  mutating func noteLost(cpu: Int?, at nanoseconds: UInt64?) {
    facts.lost.add(
      LostEvents.Mark(position: sorter.count, nanoseconds: nanoseconds, cpu: cpu, events: nil))
    note(LineIssue(kind: .lostEvents))
  }

  mutating func learn(kernel release: String) {
    guard !release.isEmpty else { return }
    facts.learn(ReportedKernel(release: release, source: .systemInfo))
  }

  mutating func learn(process: Int32, name: String) {
    facts.learn(process: process, name: name)
  }

  mutating func learn(thread: Int32, name: [UInt8], process: Int32) {
    facts.learn(thread: thread, name: TaskName(name), process: process)
  }
}
