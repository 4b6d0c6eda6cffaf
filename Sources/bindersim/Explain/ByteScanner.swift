/// Reads words and numbers from the bytes of one line, from left to right.
///
/// Nothing it does can trap, whatever the bytes: what is not there is nil, and the place stays.
struct ByteScanner {
  let bytes: [UInt8]
  // INVARIANT: 0 <= at <= bytes.count.
  private(set) var at = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var isAtEnd: Bool { at == bytes.count }

  /// Whether `text` comes next.
  func hasNext(_ text: StaticString) -> Bool { has(text, at: at) }

  /// Passes over `text` if it comes next.
  mutating func skip(_ text: StaticString) -> Bool {
    guard hasNext(text) else { return false }
    at += text.utf8CodeUnitCount
    return true
  }

  mutating func skipBlanks() {
    while at < bytes.count, bytes[at] == 0x20 || bytes[at] == 0x09 { at += 1 }
  }

  /// Goes behind the next `text`; stays where it is when there is none.
  mutating func goBehind(_ text: StaticString) -> Bool {
    guard let place = find(text, from: at) else { return false }
    at = place + text.utf8CodeUnitCount
    return true
  }

  mutating func go(to place: Int) { at = min(max(0, place), bytes.count) }

  /// A decimal number; blanks before it are passed over.
  mutating func number() -> Int? {
    let start = at
    skipBlanks()
    let isNegative = skip("-")
    var value = 0
    var digits = 0
    while at < bytes.count, bytes[at] &- 0x30 < 10 {
      let (tens, tooLarge) = value.multipliedReportingOverflow(by: 10)
      let (sum, wraps) = tens.addingReportingOverflow(Int(bytes[at] - 0x30))
      guard !tooLarge, !wraps else {
        at = start
        return nil
      }
      value = sum
      at += 1
      digits += 1
    }
    guard digits > 0 else {
      at = start
      return nil
    }
    return isNegative ? -value : value
  }

  /// A hexadecimal number of up to 64 bits, with or without `0x`.
  mutating func hexadecimal() -> UInt64? {
    let start = at
    skipBlanks()
    _ = skip("0x")
    var value: UInt64 = 0
    var digits = 0
    while at < bytes.count, let digit = Self.hexDigit(bytes[at]) {
      guard value >> 60 == 0 else {
        at = start
        return nil
      }
      value = value << 4 | UInt64(digit)
      at += 1
      digits += 1
    }
    guard digits > 0 else {
      at = start
      return nil
    }
    return value
  }

  /// A process or thread id: not negative, at most 32 bits.
  mutating func pid() -> Int32? {
    let start = at
    guard let value = number(), value >= 0, let pid = Int32(exactly: value) else {
      at = start
      return nil
    }
    return pid
  }

  /// A size in bytes: not negative, and small enough that sums of a few do not overflow.
  mutating func size() -> Int? {
    let start = at
    guard let value = number(), (0...1 << 40).contains(value) else {
      at = start
      return nil
    }
    return value
  }

  /// The bytes up to the next blank or the end, as text without control bytes.
  mutating func word() -> String? {
    skipBlanks()
    let start = at
    while at < bytes.count, bytes[at] != 0x20, bytes[at] != 0x09 { at += 1 }
    return at > start ? Self.text(bytes[start..<at]) : nil
  }

  /// Where `text` stands next, from `place` on.
  func find(_ text: StaticString, from place: Int = 0) -> Int? {
    let count = text.utf8CodeUnitCount
    guard place >= 0, count > 0, bytes.count - place >= count else { return nil }
    for index in place...bytes.count - count where has(text, at: index) { return index }
    return nil
  }

  func contains(_ text: StaticString) -> Bool { find(text) != nil }

  /// The digits that end right before `place`, if they are a process id.
  func pid(before place: Int) -> Int32? {
    guard place <= bytes.count else { return nil }
    var start = place
    while start > 0, bytes[start - 1] &- 0x30 < 10 { start -= 1 }
    guard start < place else { return nil }
    var scanner = self
    scanner.go(to: start)
    return scanner.pid()
  }

  /// What is left, as text without control bytes.
  var rest: String { Self.text(bytes[at...]) }

  static func text(_ bytes: ArraySlice<UInt8>) -> String {
    String(decoding: bytes.map { $0 < 0x20 || $0 == 0x7F ? 0x3F : $0 }, as: UTF8.self)
  }

  private func has(_ text: StaticString, at place: Int) -> Bool {
    let count = text.utf8CodeUnitCount
    guard place >= 0, bytes.count - place >= count else { return false }
    return text.withUTF8Buffer { wanted in
      for index in 0..<count where unsafe wanted[index] != bytes[place + index] { return false }
      return true
    }
  }

  private static func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x41 + 10
    case 0x61...0x66: byte - 0x61 + 10
    default: nil
    }
  }
}
