/// Tells what a line of a text capture is, and keeps what lines tell beside events.
struct LineClassifier {
  /// HTML around the trace.
  let isPage: Bool
  var facts = CaptureFacts()
  /// In a page: whether the lines are those of the trace.
  private var isInside = false

  init(isPage: Bool = false) { self.isPage = isPage }

  mutating func classify(_ bytes: Span<UInt8>, _ info: LineReader.LineInfo) -> CaptureReader.Line {
    let range = trimmed(bytes, info.number)
    guard !range.isEmpty else { return .blank }
    if isPage, let markup = classifyMarkup(bytes, range) { return markup }
    if info.isCut { return .unusable(LineIssue(kind: .tooLong)) }
    guard let prefix = LineParser.prefix(bytes, range) else {
      return withoutPrefix(bytes, range, info)
    }
    do throws(LineIssue) {
      let event = try EventParser.event(bytes, name: prefix.event, fields: prefix.fields)
      var record = CaptureRecord(
        line: info.number, thread: prefix.thread, process: prefix.process,
        nanoseconds: prefix.nanoseconds, task: TaskName(), event: event)
      if event.tellsName { record.task = TaskName(bytes, prefix.task) }
      if case .other = event { return .record(record) }
      note(bytes, prefix, &record)
      return .record(record)
    } catch {
      if Self.hasControlBytes(bytes, range) { return .unusable(LineIssue(kind: .binary)) }
      if !info.hasNewline { return .unusable(LineIssue(kind: .cutShort)) }
      return .unusable(error)
    }
  }

  private mutating func note(
    _ bytes: Span<UInt8>, _ prefix: LineParser.Prefix, _ record: inout CaptureRecord
  ) {
    if EventParser.isRust(bytes, prefix.event) { facts.driver.hasRustNames = true }
    switch record.event {
    case .console:
      noteLog(bytes, prefix.fields, record)
    case .transaction(let event) where event.sender > 0 && record.process == .absent:
      record.process = .known(event.sender)
    default: break
    }
  }

  /// A line of the kernel's log, if it is of interest.
  private mutating func noteLog(
    _ bytes: Span<UInt8>, _ range: Range<Int>, _ record: CaptureRecord
  ) {
    guard
      LineParser.contains(bytes, range, "binder")
        || LineParser.contains(bytes, range, "Linux version")
    else { return }
    let text = LineParser.text(bytes, range.prefix(1000))
    facts.add(
      ConsoleLine(
        line: record.line, nanoseconds: record.nanoseconds, thread: record.thread, text: text))
  }

  private mutating func withoutPrefix(
    _ bytes: Span<UInt8>, _ range: Range<Int>, _ info: LineReader.LineInfo
  ) -> CaptureReader.Line {
    if LineParser.contains(bytes, range, "buffer started ####")
      || LineParser.contains(bytes, range, "[LOST")
      || LineParser.contains(bytes, range, "[EVENTS DROPPED]")
    {
      noteLost(bytes, range, info.number)
      return .unusable(LineIssue(kind: .lostEvents))
    }
    if bytes[range.lowerBound] == UInt8(ascii: "#") {
      // `# os release : 5.10.149`: perf's header.
      if facts.kernel == nil,
        LineParser.contains(bytes, range, "elease")
          || LineParser.contains(bytes, range, "Linux version")
      {
        ReportedKernel.inHeader(LineParser.text(bytes, range.prefix(1000)))
          .map { facts.learn(ReportedKernel(release: $0, source: .header(info.number))) }
      }
      return .comment
    }
    if Self.headers.contains(where: {
      LineParser.hasWord(bytes, range.lowerBound, range.upperBound, $0)
    }) {
      return .comment
    }
    if Self.hasControlBytes(bytes, range) { return .unusable(LineIssue(kind: .binary)) }
    if isPage, [0x22, 0x27, 0x5B, 0x5D, 0x7B, 0x7D].contains(bytes[range.lowerBound]) {
      // What is left of a string's or an object's ends.
      return .markup
    }
    if KernelLogLine.isOne(bytes, range.lowerBound, range.upperBound) {
      noteLog(
        bytes, range,
        CaptureRecord(
          line: info.number, thread: 0, process: .absent, nanoseconds: 0, task: TaskName(),
          event: .console))
      return .comment
    }
    return .unusable(LineIssue(kind: info.hasNewline ? .notATraceLine : .cutShort))
  }

  /// What recorders say before the trace.
  private static let headers: [StaticString] = [
    "cpus=", "version = ", "trace-cmd version", "capturing trace...", "TRACE:", "CPU ", "tracer: ",
  ]

  private mutating func noteLost(_ bytes: Span<UInt8>, _ range: Range<Int>, _ line: Int) {
    let words = LineParser.text(bytes, range.prefix(200)).split { !$0.isLetter && !$0.isNumber }
    func number(behind word: String) -> Int? {
      words.firstIndex { $0 == word }.flatMap {
        words.indices.contains($0 + 1) ? Int(words[$0 + 1]) : nil
      }
    }
    facts.lost.add(
      LostEvents.Mark(
        position: line, nanoseconds: nil, cpu: number(behind: "CPU"), events: number(behind: "LOST")
      ))
  }

  // MARK: Pages

  /// Scripts of trace data hold lines; everything else is the page's. Nil for a line of the trace.
  private mutating func classifyMarkup(
    _ bytes: Span<UInt8>, _ range: Range<Int>
  ) -> CaptureReader.Line? {
    let wasInside = isInside
    var isMarkup = false
    var at = range.lowerBound
    while at < range.upperBound {
      // What begins here, if it is of interest, and where it ends.
      switch bytes[at] {
      case UInt8(ascii: "<") where LineParser.hasWord(bytes, at, range.upperBound, "</script"):
        isInside = false
        isMarkup = true
      case UInt8(ascii: "<") where LineParser.hasWord(bytes, at, range.upperBound, "<script"):
        let end = LineParser.index(of: UInt8(ascii: ">"), bytes, from: at) ?? range.upperBound
        let tag = at..<min(end, range.upperBound)
        isMarkup = true
        if LineParser.contains(bytes, tag, "trace-data") { isInside = true }
      case UInt8(ascii: "l") where LineParser.hasWord(bytes, at, range.upperBound, "linuxPerfData"):
        isInside = true
        isMarkup = true
      default: break
      }
      at += 1
    }
    return isMarkup || !wasInside ? .markup : nil
  }

  // MARK: Bytes

  /// Without blanks, carriage returns and the NULs of holes in the file, at both ends; at the
  /// beginning of the file without a byte order mark.
  private func trimmed(_ bytes: Span<UInt8>, _ line: Int) -> Range<Int> {
    func isPadding(_ byte: UInt8) -> Bool {
      LineParser.isBlank(byte) || byte == 0x0D || byte == 0
    }
    var lower = 0
    var upper = bytes.count
    if line == 1, upper >= 3, bytes[0] == 0xEF, bytes[1] == 0xBB, bytes[2] == 0xBF { lower = 3 }
    while upper > lower, isPadding(bytes[upper - 1]) { upper -= 1 }
    while lower < upper, isPadding(bytes[lower]) { lower += 1 }
    return lower..<upper
  }

  private static func hasControlBytes(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
    for index in range where bytes[index] < 0x20 && bytes[index] != 0x09 { return true }
    return false
  }
}
