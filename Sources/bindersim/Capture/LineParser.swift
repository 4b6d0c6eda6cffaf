internal import Glibc

/// The grammar of one line of ftrace text:
/// `TASK-TID [(TGID)] [CPU] [FLAGS] SECONDS.FRACTION: EVENT: key=value …`, and of the other forms
/// that recorders give it.
///
/// The task name may hold anything, so the line is found from its `[CPU]` outwards. All reads go
/// through a bounds-checked span; nothing here allocates.
enum LineParser {
  /// Where the parts of a line are.
  struct Prefix: Equatable {
    var task: Range<Int>
    var thread: Int32
    var process: ProcessColumn
    var nanoseconds: UInt64
    var event: Range<Int>
    /// What follows the event's colon.
    var fields: Range<Int>
  }

  static func prefix(_ line: Span<UInt8>, _ range: Range<Int>) -> Prefix? {
    usualPrefix(line, range) ?? detailedPrefix(line, range)
  }

  /// `SECONDS.FRACTION:` with up to nine digits of fraction, or ticks without one.
  static func timestamp(_ line: Span<UInt8>, _ at: inout Int, _ end: Int) -> UInt64? {
    var position = at
    guard let whole = decimal(line, &position, end), position < end else { return nil }
    var nanoseconds = whole
    if line[position] == UInt8(ascii: ".") {
      position += 1
      let fractionStart = position
      guard var fraction = decimal(line, &position, end), position < end else { return nil }
      let digits = position - fractionStart
      guard digits <= 9 else { return nil }
      if digits == 6 { fraction *= 1000 } else { for _ in digits..<9 { fraction *= 10 } }
      let (scaled, tooLarge) = whole.multipliedReportingOverflow(by: 1_000_000_000)
      let (sum, wraps) = scaled.addingReportingOverflow(fraction)
      guard !tooLarge, !wraps else { return nil }
      nanoseconds = sum
    }
    guard line[position] == UInt8(ascii: ":") else { return nil }
    at = position + 1
    return nanoseconds
  }

  static func pid(_ line: Span<UInt8>, _ at: inout Int, _ end: Int) -> Int32? {
    decimal(line, &at, end).flatMap { Int32(exactly: $0) }
  }

  /// The digits at `at`; nil when there are none or they exceed 64 bits.
  @inline(__always) static func decimal(_ line: Span<UInt8>, _ at: inout Int, _ end: Int) -> UInt64?
  {
    let start = at
    var value: UInt64 = 0
    var position = at
    // Nineteen digits cannot overflow.
    let sure = min(end, start + 19)
    while position < sure, isDigit(line[position]) {
      value = value &* 10 &+ UInt64(line[position] &- 0x30)
      position += 1
    }
    while position < end, isDigit(line[position]) {
      let (tens, tooLarge) = value.multipliedReportingOverflow(by: 10)
      let (sum, wraps) = tens.addingReportingOverflow(UInt64(line[position] - 0x30))
      guard !tooLarge, !wraps else { return nil }
      value = sum
      position += 1
    }
    guard position > start else { return nil }
    at = position
    return value
  }

  @inline(__always) static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }
  @inline(__always) static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

  @inline(__always) static func isNameByte(_ byte: UInt8) -> Bool {
    (byte | 0x20) &- 0x61 < 26 || isDigit(byte) || byte == UInt8(ascii: "_")
  }

  @inline(__always) static func isGroupByte(_ byte: UInt8) -> Bool {
    isDigit(byte) || byte == 0x20 || byte == UInt8(ascii: "-")
  }

  @inline(__always) static func skipBlanks(_ line: Span<UInt8>, _ at: inout Int, _ end: Int) {
    while at < end, isBlank(line[at]) { at += 1 }
  }

  @inline(__always) static func skipBlanksBackward(
    _ line: Span<UInt8>, _ at: inout Int, _ start: Int
  ) {
    while at > start, isBlank(line[at - 1]) { at -= 1 }
  }

  /// Where `byte` stands next, at `from` or behind it.
  @inline(__always) static func index(
    of byte: UInt8, _ line: Span<UInt8>, from: Int
  ) -> Int? {
    precondition(from >= 0)
    return unsafe line.withUnsafeBufferPointer { bytes in
      guard from < bytes.count, let base = bytes.baseAddress else { return nil }
      // SAFETY: from..<count lies inside the span.
      guard let found = unsafe memchr(base + from, CInt(byte), bytes.count - from) else {
        return nil
      }
      return unsafe UnsafeRawPointer(found) - UnsafeRawPointer(base)
    }
  }

  /// Whether `word` stands at `at`; compared eight bytes at once, with the word as constants.
  ///
  /// - Precondition: 0 <= at <= end <= the line's length.
  @inline(__always) static func hasWord(
    _ line: Span<UInt8>, _ at: Int, _ end: Int, _ word: StaticString
  ) -> Bool {
    let count = word.utf8CodeUnitCount
    guard end - at >= count else { return false }
    // SAFETY: bytes have no padding; the loads from the word lie inside it, and those from the line are checked; any bits
    // are an integer.
    @inline(__always) func isSame<T: FixedWidthInteger & BitwiseCopyable>(
      _ index: Int, _: T.Type
    ) -> Bool {
      let found = unsafe line.bytes.unsafeLoadUnaligned(fromByteOffset: at + index, as: T.self)
      let start = unsafe UnsafeRawPointer(word.utf8Start)
      return unsafe found == start.loadUnaligned(fromByteOffset: index, as: T.self)
    }
    if count >= 8 {
      var index = 0
      while index + 8 < count {
        guard isSame(index, UInt64.self) else { return false }
        index += 8
      }
      return isSame(count - 8, UInt64.self)
    }
    if count >= 4 { return isSame(0, UInt32.self) && isSame(count - 4, UInt32.self) }
    var index = 0
    while index < count {
      guard isSame(index, UInt8.self) else { return false }
      index += 1
    }
    return true
  }

  static func contains(_ bytes: Span<UInt8>, _ range: Range<Int>, _ word: StaticString) -> Bool {
    var at = range.lowerBound
    while at + word.utf8CodeUnitCount <= range.upperBound {
      if hasWord(bytes, at, range.upperBound, word) { return true }
      at += 1
    }
    return false
  }

  /// The bytes as a string, without blanks at the ends; control bytes become marks.
  static func text(_ bytes: Span<UInt8>, _ range: Range<Int>) -> String {
    var kept: [UInt8] = []
    for index in range {
      kept.append(bytes[index] < 0x20 || bytes[index] == 0x7F ? 0x20 : bytes[index])
    }
    let first = kept.firstIndex { $0 != 0x20 } ?? kept.endIndex
    let last = kept.lastIndex { $0 != 0x20 } ?? first
    return first < kept.endIndex ? String(decoding: kept[first...last], as: UTF8.self) : ""
  }
}
