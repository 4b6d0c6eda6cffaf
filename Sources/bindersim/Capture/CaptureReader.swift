/// Reads a capture event by event, whatever form it has: usable events come out as records, what is
/// not usable is counted with the reason and the first few line numbers.
///
/// Memory is bounded, whatever the size of the file and its lines. Events come in the order of the
/// file, those of a Perfetto trace in the order of their time; a transaction always comes before its
/// sizes, whatever the driver.
struct CaptureReader: ~Copyable {
  let input: Input
  private var lines: LineReader
  private var classifier = LineClassifier()
  /// For what has packets instead of lines.
  private var trace: TraceCollector?
  private var joiner = EventJoiner()
  private(set) var summary = CaptureSummary()

  /// - Throws: for a file that cannot be read or is no capture, with what it is and what to do.
  init(path: String) throws(InputError) {
    let input = try Input(path: path)
    if let refusal = input.refusal { throw refusal }
    self.init(input)
  }

  /// For bytes in memory, handed over in chunks of at most `chunk` bytes. What is no capture is
  /// read as lines.
  init(bytes: [UInt8], chunk: Int = .max) {
    self.init(
      (try? Input(bytes: bytes, chunk: chunk))
        ?? Input(bytes: bytes, as: .unknownText, chunk: chunk))
  }

  init(_ input: Input) {
    self.input = input
    var source = input.source
    switch input.kind {
    case .systracePage:
      source = EmbeddedTextSource(source, isPage: true)
      classifier = LineClassifier(isPage: true)
    case .systraceJSON: source = EmbeddedTextSource(source, isPage: false)
    case .perfetto, .perfettoText: trace = TraceCollector(path: input.path)
    default: break
    }
    lines = LineReader(source)
  }

  var canRewind: Bool { trace != nil || input.source.canRewind }
  /// The file's length in bytes; nil for input that is no regular file.
  var fileSize: Int? { input.fileSize }

  /// What the capture tells beside its events, as far as it was read.
  var facts: CaptureFacts {
    var facts = trace?.facts ?? classifier.facts
    facts.driver.allocatesFirst = joiner.allocatesFirst
    facts.driver.transactsFirst = joiner.transactsFirst
    return facts
  }

  mutating func rewind() throws(InputError) {
    joiner = EventJoiner()
    summary = CaptureSummary()
    if trace != nil {
      // Its events are kept: nothing is read again.
      trace?.restart()
      countWhole()
      return
    }
    try lines.rewind()
    classifier = LineClassifier(isPage: classifier.isPage)
  }

  /// The next usable event, other events than Binder's included where they have lines; nil at the
  /// end.
  mutating func next() throws(InputError) -> CaptureRecord? {
    while true {
      if let record = joiner.takeReady() { return record }
      guard let record = try read() else {
        joiner.finish()
        return joiner.takeReady()
      }
      if let record = joiner.join(record) { return record }
    }
  }

  private mutating func read() throws(InputError) -> CaptureRecord? {
    if trace != nil { return try readTrace() }
    while true {
      let line = try Self.classifyNext(&lines, &classifier)
      summary.byteCount = input.source.storedByteCount
      guard let line else { return nil }
      guard let record = summary.count(line, number: lines.lineCount) else { continue }
      classifier.facts.note(record)
      return record
    }
  }

  private static func classifyNext(
    _ lines: inout LineReader, _ classifier: inout LineClassifier
  ) throws(InputError) -> Line? {
    try lines.next { bytes, info in classifier.classify(bytes, info) }
  }

  private mutating func readTrace() throws(InputError) -> CaptureRecord? {
    if trace?.isComplete == false {
      try trace?.collect(from: input)
      countWhole()
    }
    guard let record = try trace?.next() else { return nil }
    return summary.count(.record(record), number: record.line)
  }

  /// What is known of a trace as a whole.
  private mutating func countWhole() {
    guard let trace, trace.isComplete else { return }
    summary.byteCount = trace.byteCount
    summary.count(others: trace.otherEvents, issues: trace.issues, examples: trace.firstIssues)
  }

  /// Reads on to the next event that a survey must read, if there is one; nil at the end. The
  /// others are only counted.
  mutating func next(_ filter: inout SurveyFilter) throws(InputError) -> CaptureRecord? {
    while true {
      let record: CaptureRecord?
      if trace != nil {
        record = try readTrace()
      } else {
        record = try readFiltered(filter)
      }
      guard let record else { return nil }
      filter.note(record)
      if filter.readsAll {
        // The first events tell in which order the driver's come.
        _ = joiner.join(record)
        while joiner.takeReady() != nil {}
      }
      return record
    }
  }

  private mutating func readFiltered(_ filter: SurveyFilter) throws(InputError) -> CaptureRecord? {
    while true {
      let read = try Self.filterNext(&lines, &classifier, filter)
      summary.byteCount = input.source.storedByteCount
      switch read {
      case nil: return nil
      case .passed(let kind): summary.count(kind)
      case .line(let line):
        guard let record = summary.count(line, number: lines.lineCount) else { continue }
        classifier.facts.note(record)
        return record
      }
    }
  }

  private enum Filtered {
    case passed(SurveyFilter.Passed)
    case line(Line)
  }

  private static func filterNext(
    _ lines: inout LineReader, _ classifier: inout LineClassifier, _ filter: SurveyFilter
  ) throws(InputError) -> Filtered? {
    try lines.next { bytes, info in
      // What is in a page, and where it may begin, is read whole.
      if !classifier.isPage, info.number > 1, !filter.readsAll, let kind = filter.passed(bytes) {
        return .passed(kind)
      }
      return .line(classifier.classify(bytes, info))
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
}
