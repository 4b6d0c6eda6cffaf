/// Tells by the first bytes of a file what it is.
enum InputRecognizer {
  /// How much of the beginning is looked at, in bytes.
  static let peekCount = 1 << 16

  /// What is to be taken off first, and how many bytes stand before it; nil where nothing is.
  static func layer(_ bytes: Span<UInt8>) -> (layer: InputLayer, skipped: Int)? {
    func starts(_ magic: UInt8...) -> Bool {
      guard bytes.count >= magic.count else { return false }
      for (index, byte) in magic.enumerated() where bytes[index] != byte { return false }
      return true
    }
    if starts(0x1F, 0x8B, 8) { return (.gzip, 0) }
    if starts(0x28, 0xB5, 0x2F, 0xFD) { return (.zstd, 0) }
    if starts(0xFF, 0xFE) || starts(0xFE, 0xFF) { return (.utf16, 0) }
    if isZlib(bytes, 0) { return (.zlib, 0) }
    // `atrace -z` says a few words first.
    var at = 0
    while at < min(bytes.count, 512), bytes[at] < 0x80 {
      if LineParser.hasWord(bytes, at, bytes.count, "TRACE:") {
        at += 6
        while at < bytes.count, bytes[at] == 0x0A || bytes[at] == 0x0D { at += 1 }
        return isZlib(bytes, at) ? (.zlib, at) : nil
      }
      at += 1
    }
    return nil
  }

  /// A zlib header that no text begins with: deflate, 32 KiB, its check bits right.
  private static func isZlib(_ bytes: Span<UInt8>, _ at: Int) -> Bool {
    guard at + 2 < bytes.count, bytes[at] == 0x78 else { return false }
    let second = bytes[at + 1]
    return (second == 0x01 || second == 0x9C || second == 0xDA || second == 0x5E && at > 0)
      && (UInt(0x78) << 8 | UInt(second)) % 31 == 0
  }

  /// What the bytes are once nothing is left to take off.
  static func kind(_ bytes: Span<UInt8>) -> InputKind {
    guard bytes.count > 0 else { return .empty }
    func starts(_ word: StaticString) -> Bool {
      LineParser.hasWord(bytes, 0, bytes.count, word)
    }
    if starts("\u{17}\u{08}Dtracing") { return .traceDat }
    if starts("PERFILE2") || starts("2ELIFREP") { return .perfData }
    if starts("PK\u{03}\u{04}") || starts("PK\u{05}\u{06}") { return .zip }
    if PacketShape.isTrace(bytes) { return .perfetto }
    var first = 0
    if bytes.count > 3, bytes[0] == 0xEF, bytes[1] == 0xBB, bytes[2] == 0xBF { first = 3 }
    while first < bytes.count, bytes[first] <= 0x20 { first += 1 }
    if first < bytes.count {
      switch bytes[first] {
      case UInt8(ascii: "<") where isPage(bytes, first): return .systracePage
      case UInt8(ascii: "{") where isObject(bytes, first + 1): return .systraceJSON
      case UInt8(ascii: "[") where startsObjects(bytes, first + 1): return .chromeJSON
      default: break
      }
    }
    return textKind(bytes)
  }

  /// `<!DOCTYPE`, `<html`, `<?xml`; but `<...>-12` and `<idle>-0` are tasks.
  static func isPage(_ bytes: Span<UInt8>, _ at: Int) -> Bool {
    let next = at + 1
    guard next < bytes.count else { return false }
    return bytes[next] == UInt8(ascii: "!")
      || LineParser.hasWord(bytes, next, bytes.count, "html")
      || LineParser.hasWord(bytes, next, bytes.count, "HTML")
      || LineParser.hasWord(bytes, next, bytes.count, "?xml")
  }

  /// An object of JSON begins with a key, or is empty.
  private static func isObject(_ bytes: Span<UInt8>, _ from: Int) -> Bool {
    var at = from
    while at < bytes.count, bytes[at] <= 0x20 { at += 1 }
    return at < bytes.count && (bytes[at] == UInt8(ascii: "\"") || bytes[at] == UInt8(ascii: "}"))
  }

  private static func startsObjects(_ bytes: Span<UInt8>, _ from: Int) -> Bool {
    var at = from
    while at < bytes.count, bytes[at] <= 0x20 { at += 1 }
    return at < bytes.count && bytes[at] == UInt8(ascii: "{")
  }

  /// By the lines that can be told at a glance, most of which decide.
  private static func textKind(_ bytes: Span<UInt8>) -> InputKind {
    var votes = TextVotes()
    var start = 0
    var control = 0
    while start < bytes.count {
      let end = LineParser.index(of: 0x0A, bytes, from: start) ?? bytes.count
      for index in start..<end where bytes[index] < 0x20 {
        if bytes[index] != 0x09 && bytes[index] != 0x0D { control += 1 }
      }
      var range = start..<end
      while range.count > 0, bytes[range.upperBound - 1] <= 0x20 {
        range = range.lowerBound..<range.upperBound - 1
      }
      votes.add(bytes, range)
      start = end + 1
    }
    return votes.kind ?? (control * 20 > bytes.count ? .otherBinary : .unknownText)
  }
}

/// What the lines of a text speak for.
private struct TextVotes {
  private var trace = 0
  private var kernelLog = 0
  private var logcat = 0
  private var dump = 0
  private var isBugReport = false
  private var isPacketText = false

  var kind: InputKind? {
    if isPacketText { return .perfettoText }
    if isBugReport { return .bugReport }
    if trace > 0 { return .ftraceText }
    let most = max(kernelLog, logcat, dump)
    if most == 0 { return nil }
    return dump == most ? .binderDump : kernelLog == most ? .kernelLog : .logcat
  }

  mutating func add(_ bytes: Span<UInt8>, _ range: Range<Int>) {
    var at = range.lowerBound
    while at < range.upperBound, bytes[at] <= 0x20 { at += 1 }
    let end = range.upperBound
    guard at < end else { return }
    func starts(_ word: StaticString) -> Bool { LineParser.hasWord(bytes, at, end, word) }
    if starts("# tracer:") || LineParser.prefix(bytes, at..<end) != nil {
      trace += 1
    } else if starts("packet"), opensMessage(bytes, at + 6, end) {
      isPacketText = trace == 0
    } else if starts("== dumpstate: ") {
      isBugReport = true
    } else if KernelLogLine.isOne(bytes, at, end) {
      kernelLog += 1
    } else if Self.isLogcatLine(bytes, at, end) {
      logcat += 1
    } else if Self.dumpWords.contains(where: { LineParser.hasWord(bytes, at, end, $0) }) {
      dump += 1
    }
  }

  private func opensMessage(_ bytes: Span<UInt8>, _ from: Int, _ end: Int) -> Bool {
    var at = from
    while at < end, LineParser.isBlank(bytes[at]) || bytes[at] == UInt8(ascii: ":") { at += 1 }
    return at < end && (bytes[at] == UInt8(ascii: "{") || bytes[at] == UInt8(ascii: "<"))
  }

  private static let dumpWords: [StaticString] = [
    "binder state:", "binder stats:", "binder transactions:", "binder proc state:", "context ",
    "buffer ", "buffer:", "node ", "pending transaction", "pending async transaction",
    "incoming transaction", "outgoing transaction", "binder transaction log:", "proc ",
  ]

  /// `03-10 12:01:02.123 `, with a year or not, the same behind `[ `, `E/Tag( 12): `, or the line
  /// between two buffers.
  private static func isLogcatLine(_ bytes: Span<UInt8>, _ from: Int, _ end: Int) -> Bool {
    if LineParser.hasWord(bytes, from, end, "--------- beginning of") { return true }
    var at = LineParser.hasWord(bytes, from, end, "[ ") ? from + 2 : from
    if at + 2 < end, bytes[at + 1] == UInt8(ascii: "/") {
      while at < end, bytes[at] != UInt8(ascii: "(") { at += 1 }
      return at < end
        && LineParser.index(of: UInt8(ascii: ")"), bytes, from: at).map { $0 < end } == true
    }
    guard LineParser.decimal(bytes, &at, end) != nil, at < end, bytes[at] == UInt8(ascii: "-")
    else { return false }
    at += 1
    guard LineParser.decimal(bytes, &at, end) != nil, at < end else { return false }
    if bytes[at] == UInt8(ascii: "-") {
      at += 1
      guard LineParser.decimal(bytes, &at, end) != nil, at < end else { return false }
    }
    guard LineParser.isBlank(bytes[at]) else { return false }
    at += 1
    return LineParser.decimal(bytes, &at, end) != nil && at < end && bytes[at] == UInt8(ascii: ":")
  }
}

/// A line of the kernel's log.
enum KernelLogLine {
  /// `[  12.345678] `, `<6>[  12.345678] `, or a line of the driver's own without a time.
  static func isOne(_ bytes: Span<UInt8>, _ from: Int, _ end: Int) -> Bool {
    var at = from
    if at < end, bytes[at] == UInt8(ascii: "<") {
      while at < end, bytes[at] != UInt8(ascii: ">") { at += 1 }
      at += 1
    }
    guard at < end, bytes[at] == UInt8(ascii: "[") else {
      return LineParser.hasWord(bytes, from, end, "binder_alloc: ")
        || LineParser.hasWord(bytes, from, end, "binder: ")
        || LineParser.hasWord(bytes, from, end, "rust_binder: ")
    }
    at += 1
    while at < end, bytes[at] == 0x20 { at += 1 }
    guard LineParser.decimal(bytes, &at, end) != nil, at < end, bytes[at] == UInt8(ascii: ".")
    else { return false }
    at += 1
    return LineParser.decimal(bytes, &at, end) != nil && at < end && bytes[at] == UInt8(ascii: "]")
  }
}
