/// Reads a capture line by line: usable lines come out as records, the others are counted with
/// the reason and the first few line numbers.
///
/// Memory is fixed, whatever the size of the file and its lines. Choose it for ftrace text and for
/// the HTML that systrace wraps around it.
struct CaptureReader: ~Copyable {
  private var lines: LineReader
  private var markup = Markup.none
  private(set) var summary = CaptureSummary()

  init(path: String) throws(InputError) {
    let file = try InputFile(path: path)
    fileSize = file.regularByteCount
    lines = LineReader(.file(file))
  }

  /// For bytes in memory, handed over in chunks of at most `chunk` bytes.
  init(bytes: [UInt8], chunk: Int = .max) {
    fileSize = nil
    lines = LineReader(.memory(LineReader.MemorySource(bytes, chunk: chunk)))
  }

  var canRewind: Bool { lines.canRewind }
  /// The file's length in bytes; nil for input that is no regular file.
  let fileSize: Int?

  mutating func rewind() throws(InputError) {
    try lines.rewind()
    markup = .none
    summary = CaptureSummary()
  }

  /// The next usable line, other events than Binder's included; nil at the end.
  mutating func next() throws(InputError) -> CaptureRecord? {
    while true {
      var markup = self.markup
      let line = try lines.next { bytes, info in
        Self.classify(bytes, info, &markup)
      }
      self.markup = markup
      summary.byteCount = lines.byteCount
      guard let line else { return nil }
      if let record = summary.count(line, number: lines.lineCount) { return record }
    }
  }

  /// Reads on to the next line that a survey must read, if there is one; nil at the end. The
  /// summary then counts only such lines.
  mutating func next(_ filter: inout SurveyFilter) throws(InputError) -> CaptureRecord? {
    while true {
      var markup = self.markup
      let line: Line?? = try lines.next { bytes, info in
        // What is in a page, and where a page may begin, is read whole.
        guard markup != .none || info.number == 1 || filter.mustRead(bytes) else { return nil }
        return Self.classify(bytes, info, &markup)
      }
      self.markup = markup
      guard let line else { return nil }
      guard let line, let record = summary.count(line, number: lines.lineCount) else { continue }
      filter.note(record)
      return record
    }
  }

  /// What a line turned out to be.
  enum Line {
    case record(CaptureRecord)
    case comment
    case blank
    case markup
    case unusable(LineIssue)
  }

  /// Where in a systrace page the reader is: only its scripts of trace data hold lines.
  private enum Markup {
    /// Plain ftrace text.
    case none
    case outside
    case inside
  }

  private static func classify(
    _ bytes: Span<UInt8>, _ info: LineReader.LineInfo, _ markup: inout Markup
  ) -> Line {
    var range = trimmed(bytes, 0..<bytes.count)
    guard !range.isEmpty else { return .blank }
    if info.number == 1, bytes[range.lowerBound] == UInt8(ascii: "<"),
      startsMarkup(bytes, range)
    {
      markup = .outside
    }
    if markup != .none {
      let wasOutside = markup == .outside
      if wasOutside && contains(bytes, range, "trace-data")
        || contains(bytes, range, "linuxPerfData")
      {
        markup = .inside
        return .markup
      }
      if contains(bytes, range, "</script") {
        markup = .outside
        return .markup
      }
      if wasOutside { return .markup }
      range = withoutScriptNewline(bytes, range)
      guard !range.isEmpty else { return .blank }
    }
    if info.isCut { return .unusable(LineIssue(kind: .tooLong)) }
    guard let prefix = LineParser.prefix(bytes, range) else {
      return withoutPrefix(bytes, range, info)
    }
    do throws(LineIssue) {
      let event = try EventParser.event(bytes, name: prefix.event, fields: prefix.fields)
      let task = event.tellsName ? TaskName(bytes, prefix.task) : TaskName()
      return .record(
        CaptureRecord(
          line: info.number, thread: prefix.thread, process: prefix.process,
          nanoseconds: prefix.nanoseconds, task: task, event: event))
    } catch {
      if hasControlBytes(bytes, range) { return .unusable(LineIssue(kind: .binary)) }
      if !info.hasNewline { return .unusable(LineIssue(kind: .cutShort)) }
      return .unusable(error)
    }
  }

  private static func withoutPrefix(
    _ bytes: Span<UInt8>, _ range: Range<Int>, _ info: LineReader.LineInfo
  ) -> Line {
    if contains(bytes, range, "buffer started ####") || contains(bytes, range, "[LOST") {
      return .unusable(LineIssue(kind: .lostEvents))
    }
    if bytes[range.lowerBound] == UInt8(ascii: "#") { return .comment }
    if hasControlBytes(bytes, range) { return .unusable(LineIssue(kind: .binary)) }
    return .unusable(LineIssue(kind: info.hasNewline ? .notATraceLine : .cutShort))
  }

  /// Without blanks, carriage returns and the NULs of holes in the file, at both ends.
  private static func trimmed(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Range<Int> {
    func isPadding(_ byte: UInt8) -> Bool {
      LineParser.isBlank(byte) || byte == 0x0D || byte == 0
    }
    var lower = range.lowerBound
    var upper = range.upperBound
    while upper > lower, isPadding(bytes[upper - 1]) { upper -= 1 }
    while lower < upper, isPadding(bytes[lower]) { lower += 1 }
    return lower..<upper
  }

  /// Older pages hold the trace in a script's string, each line ending in `\n\`.
  private static func withoutScriptNewline(
    _ bytes: Span<UInt8>, _ range: Range<Int>
  ) -> Range<Int> {
    let upper = range.upperBound
    guard range.count >= 3, LineParser.hasWord(bytes, upper - 3, upper, #"\n\"#) else {
      return range
    }
    return trimmed(bytes, range.lowerBound..<upper - 3)
  }

  private static func startsMarkup(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
    let next = range.lowerBound + 1
    guard next < range.upperBound else { return false }
    // `<...>-12` and `<idle>-0` are tasks.
    return bytes[next] == UInt8(ascii: "!")
      || LineParser.hasWord(bytes, next, range.upperBound, "html")
      || LineParser.hasWord(bytes, next, range.upperBound, "HTML")
      || LineParser.hasWord(bytes, next, range.upperBound, "?xml")
  }

  private static func contains(
    _ bytes: Span<UInt8>, _ range: Range<Int>, _ word: StaticString
  ) -> Bool {
    var at = range.lowerBound
    while at + word.utf8CodeUnitCount <= range.upperBound {
      if LineParser.hasWord(bytes, at, range.upperBound, word) { return true }
      at += 1
    }
    return false
  }

  private static func hasControlBytes(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
    for index in range where bytes[index] < 0x20 && bytes[index] != 0x09 { return true }
    return false
  }
}
