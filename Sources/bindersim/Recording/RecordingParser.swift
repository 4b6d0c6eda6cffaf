/// The grammar of a recording's lines; every deviation is told in words.
enum RecordingParser {
  /// Most pages that a region can have.
  private static let mostPages = 1024

  static func parse(_ line: Span<UInt8>) throws(RecordingFault) -> RecordingLine {
    var words = Words(line.count)
    guard let first = words.next(line) else { return .comment }
    if line[first.lowerBound] == UInt8(ascii: "#") { return .comment }
    let parsed: RecordingLine
    if isWord(line, first, "alloc") {
      parsed = .alloc(try alloc(line, &words))
    } else if isWord(line, first, "free") {
      parsed = try free(line, &words)
    } else if isWord(line, first, "stat") {
      parsed = .stat(try stat(line, &words))
    } else if isWord(line, first, "pages") {
      parsed = .pages(try pages(line, &words))
    } else if isWord(line, first, "reclaim") {
      parsed = .reclaim(
        try words.next(line).map { (word) throws(RecordingFault) in
          try number(line, word, "the number of pages")
        })
    } else if isWord(line, first, "driver") {
      parsed = .driver(
        RecordedDriver(
          name: text(line, try word(line, &words, "the driver's name")),
          version: text(line, try word(line, &words, "the driver's version"))))
    } else if isWord(line, first, "region") {
      parsed = .region(try number(line, try word(line, &words, "the length"), "the length"))
    } else if isWord(line, first, "senders") {
      parsed = .senders(try number(line, try word(line, &words, "the number"), "the number"))
    } else {
      throw RecordingFault(
        "unknown operation '\(text(line, first))'; known are driver, region, senders, alloc, "
          + "free, stat, reclaim, pages")
    }
    if let extra = words.next(line) {
      throw RecordingFault("'\(text(line, extra))' is too much on this line")
    }
    return parsed
  }

  private static func alloc(
    _ line: Span<UInt8>, _ words: inout Words
  ) throws(RecordingFault) -> RecordedAlloc {
    let id = try identifier(line, try word(line, &words, "the ID"))
    let sender = try field(line, &words, "from")
    let data = try field(line, &words, "data")
    let offsets = try field(line, &words, "offsets")
    let extra = try field(line, &words, "extra")
    let oneway = try field(line, &words, "async")
    guard oneway <= 1 else { throw RecordingFault("async=\(oneway): must be 0 or 1") }
    try arrow(line, try word(line, &words, "'-> RESULT'"))
    let word = try word(line, &words, "the result after '->'")
    let result: RecordedResult
    if LineParser.isDigit(line[word.lowerBound]) {
      let offset = try number(line, word, "the offset")
      let isSpam = words.peek(line).map { isWord(line, $0, "spam") } ?? false
      if isSpam { _ = words.next(line) }
      result = .placed(offset: offset, isSpam: isSpam)
    } else {
      guard isErrorName(line, word) else {
        throw RecordingFault(
          "'\(text(line, word))' is no result; it must be an offset, ENOSPC or EINVAL")
      }
      result = .failed(text(line, word))
    }
    return RecordedAlloc(
      id: id, sender: sender, dataSize: data, offsetsSize: offsets, extraSize: extra,
      isOneway: oneway == 1, result: result)
  }

  private static func free(
    _ line: Span<UInt8>, _ words: inout Words
  ) throws(RecordingFault) -> RecordingLine {
    let id = try identifier(line, try word(line, &words, "the ID"))
    guard let next = words.next(line) else { return .free(id: id, wasLive: true) }
    try arrow(line, next)
    let result = try word(line, &words, "'none' after '->'")
    guard isWord(line, result, "none") else {
      throw RecordingFault("a free answers nothing or '-> none', not '\(text(line, result))'")
    }
    return .free(id: id, wasLive: false)
  }

  private static func stat(
    _ line: Span<UInt8>, _ words: inout Words
  ) throws(RecordingFault) -> RecordedStat {
    var stat = RecordedStat(
      freeOnewaySpace: try field(line, &words, "async_free"),
      buffers: try field(line, &words, "buffers"), pagesInUse: try field(line, &words, "active"),
      pagesAvailable: try field(line, &words, "lru"),
      pagesFree: try field(line, &words, "unmapped"))
    if words.peek(line) != nil { stat.pageHighWatermark = try field(line, &words, "high") }
    return stat
  }

  private static func pages(
    _ line: Span<UInt8>, _ words: inout Words
  ) throws(RecordingFault) -> [Range<Int>] {
    let list = try word(line, &words, "the ranges")
    if isWord(line, list, "none") { return [] }
    var runs: [Range<Int>] = []
    var at = list.lowerBound
    while true {
      let lower = try page(line, &at, list.upperBound)
      var upper = lower
      if at < list.upperBound, line[at] == UInt8(ascii: "-") {
        at += 1
        upper = try page(line, &at, list.upperBound)
      }
      guard lower <= upper, lower >= runs.last.map({ $0.upperBound + 1 }) ?? 0 else {
        throw RecordingFault("page ranges must ascend and not touch: \(text(line, list))")
      }
      runs.append(lower..<upper + 1)
      if at == list.upperBound { return runs }
      guard line[at] == UInt8(ascii: ",") else {
        throw RecordingFault("page ranges must be like 0-3,7 or none: \(text(line, list))")
      }
      at += 1
    }
  }

  private static func page(
    _ line: Span<UInt8>, _ at: inout Int, _ end: Int
  ) throws(RecordingFault) -> Int {
    guard let page = LineParser.decimal(line, &at, end), page < mostPages else {
      throw RecordingFault("page ranges must be like 0-3,7 or none, below \(mostPages)")
    }
    return Int(page)
  }

  // MARK: Words

  /// `KEY=NUMBER`.
  private static func field(
    _ line: Span<UInt8>, _ words: inout Words, _ key: StaticString
  ) throws(RecordingFault) -> Int {
    guard let word = words.next(line) else { throw RecordingFault("\(key)= is missing") }
    let value = word.lowerBound + key.utf8CodeUnitCount
    guard LineParser.hasWord(line, word.lowerBound, word.upperBound, key),
      value < word.upperBound, line[value] == UInt8(ascii: "=")
    else { throw RecordingFault("expected \(key)=…, found '\(text(line, word))'") }
    return try number(line, value + 1..<word.upperBound, key)
  }

  private static func word(
    _ line: Span<UInt8>, _ words: inout Words, _ what: StaticString
  ) throws(RecordingFault) -> Range<Int> {
    guard let word = words.next(line) else { throw RecordingFault("\(what) is missing") }
    return word
  }

  private static func number(
    _ line: Span<UInt8>, _ word: Range<Int>, _ what: StaticString
  ) throws(RecordingFault) -> Int {
    guard let number = Int(exactly: try identifier(line, word, what)) else {
      throw RecordingFault("\(what): \(text(line, word)) is out of range")
    }
    return number
  }

  private static func identifier(
    _ line: Span<UInt8>, _ word: Range<Int>, _ what: StaticString = "the ID"
  ) throws(RecordingFault) -> UInt64 {
    var at = word.lowerBound
    guard let number = LineParser.decimal(line, &at, word.upperBound), at == word.upperBound
    else {
      throw RecordingFault("\(what): '\(text(line, word))' is not a decimal number of 64 bits")
    }
    return number
  }

  private static func arrow(_ line: Span<UInt8>, _ word: Range<Int>) throws(RecordingFault) {
    guard isWord(line, word, "->") else {
      throw RecordingFault("expected '->', found '\(text(line, word))'")
    }
  }

  private static func isErrorName(_ line: Span<UInt8>, _ word: Range<Int>) -> Bool {
    guard word.count >= 2, word.count <= 15, line[word.lowerBound] == UInt8(ascii: "E") else {
      return false
    }
    for index in word where line[index] &- 0x41 >= 26 && !LineParser.isDigit(line[index]) {
      return false
    }
    return true
  }

  private static func isWord(_ line: Span<UInt8>, _ word: Range<Int>, _ text: StaticString) -> Bool
  {
    word.count == text.utf8CodeUnitCount
      && LineParser.hasWord(line, word.lowerBound, word.upperBound, text)
  }

  /// A word for a message: what cannot be printed becomes `?`, and long ones are cut.
  private static func text(_ line: Span<UInt8>, _ word: Range<Int>) -> String {
    var bytes: [UInt8] = []
    for index in word.prefix(40) {
      bytes.append(line[index] < 0x20 || line[index] >= 0x7F ? 0x3F : line[index])
    }
    return String(decoding: bytes, as: UTF8.self) + (word.count > 40 ? "…" : "")
  }

  /// Blank-separated words.
  private struct Words {
    private var at = 0
    private let end: Int

    init(_ end: Int) { self.end = end }

    mutating func next(_ line: Span<UInt8>) -> Range<Int>? {
      while at < end, Self.isBlank(line[at]) { at += 1 }
      let start = at
      while at < end, !Self.isBlank(line[at]) { at += 1 }
      return start < at ? start..<at : nil
    }

    func peek(_ line: Span<UInt8>) -> Range<Int>? {
      var copy = self
      return copy.next(line)
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
      LineParser.isBlank(byte) || byte == 0x0D
    }
  }
}

/// What is wrong with a line, and how it should be.
struct RecordingFault: Error, Equatable {
  var text: String
  init(_ text: String) { self.text = text }
}
