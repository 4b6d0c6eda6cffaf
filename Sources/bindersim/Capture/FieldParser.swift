/// Reads `key=value` fields in the order that the kernel prints them, or in any other.
///
/// The first field that is wrong is remembered, and numbers are then zero: so the usual way has no
/// exits, and `checked` tells in the end.
struct FieldParser {
  private let range: Range<Int>
  private var at: Int
  private var issue: LineIssue?
  private let missingIsZero: Bool

  /// - Parameter missingIsZero: a field that is not there is zero, not an issue.
  init(_ range: Range<Int>, missingIsZero: Bool = false) {
    self.range = range
    self.missingIsZero = missingIsZero
    at = range.lowerBound
  }

  /// The event that was made of the fields, if none was wrong.
  @inline(__always) func checked(_ event: CaptureEvent) throws(LineIssue) -> CaptureEvent {
    if let issue { throw issue }
    return event
  }

  /// A debug id: 32 bits, signed or not.
  @inline(__always) mutating func id(_ key: StaticString, _ line: Span<UInt8>) -> UInt32 {
    if let number = quick(key, line), let id = UInt32(exactly: number) { return id }
    return UInt32(truncatingIfNeeded: any(key, line, .id) ?? 0)
  }

  @inline(__always) mutating func int32(_ key: StaticString, _ line: Span<UInt8>) -> Int32 {
    Int32(bitPattern: id(key, line))
  }

  /// The same under either of two names: that of the text that the kernel prints, and that of the
  /// event's own fields, which other recorders use.
  @inline(__always) mutating func id(
    _ key: StaticString, or other: StaticString, _ line: Span<UInt8>
  ) -> UInt32 {
    if let number = quick(key, line), let id = UInt32(exactly: number) { return id }
    if let number = quick(other, line), let id = UInt32(exactly: number) { return id }
    return id(find(key, line) == nil && find(other, line) != nil ? other : key, line)
  }

  @inline(__always) mutating func int32(
    _ key: StaticString, or other: StaticString, _ line: Span<UInt8>
  ) -> Int32 {
    Int32(bitPattern: id(key, or: other, line))
  }

  /// Which transaction the event is about.
  @inline(__always) mutating func transaction(_ line: Span<UInt8>) -> UInt32 {
    id("transaction", or: "debug_id", line)
  }

  /// The thread that is to take a transaction; nil where the event tells the sender instead.
  @inline(__always) mutating func thread(_ line: Span<UInt8>) -> Int32? {
    if let number = quick("dest_thread", line), let id = UInt32(exactly: number) {
      return Int32(bitPattern: id)
    }
    if find("dest_thread", line) == nil, find("to_thread", line) == nil,
      find("from_proc", line) != nil
    {
      return nil
    }
    return int32("dest_thread", or: "to_thread", line)
  }

  /// Zero or more, in bytes.
  @inline(__always) mutating func size(_ key: StaticString, _ line: Span<UInt8>) -> Int {
    if let number = quick(key, line) { return Int(number) }
    return any(key, line, .size) ?? 0
  }

  /// A size that not every recorder has; nil then.
  @inline(__always) mutating func optionalSize(_ key: StaticString, _ line: Span<UInt8>) -> Int? {
    if let number = quick(key, line) { return Int(number) }
    return any(key, line, .optionalSize)
  }

  private enum Kind { case id, size, optionalSize }

  /// The long way: any order, any sign, and what is wrong.
  @inline(never) private mutating func any(
    _ key: StaticString, _ line: Span<UInt8>, _ kind: Kind
  ) -> Int? {
    do throws(LineIssue) {
      let found = try number(key, line)
      if found == nil, kind == .optionalSize { return nil }
      if found == nil, missingIsZero { return 0 }
      guard let found else { throw issue(.missingField, key) }
      return kind == .id ? Int(try id(found, key)) : try size(found, key)
    } catch {
      if issue == nil { issue = error }
      return 0
    }
  }

  private func id(_ number: Number, _ key: StaticString) throws(LineIssue) -> UInt32 {
    if number.isNegative {
      guard number.magnitude <= 1 << 31 else { throw issue(.numberTooLarge, key) }
      return 0 &- UInt32(number.magnitude)
    }
    guard let id = UInt32(exactly: number.magnitude) else { throw issue(.numberTooLarge, key) }
    return id
  }

  /// The number where it is written as the kernel writes it: behind one blank, decimal or with
  /// `0x`, not negative, of at most 15 digits. Nil says nothing.
  @inline(__always) private mutating func quick(
    _ key: StaticString, _ line: Span<UInt8>
  ) -> UInt64? {
    let end = range.upperBound
    let equals = at + 1 + key.utf8CodeUnitCount
    guard equals + 1 < end, line[at] == 0x20, LineParser.hasWord(line, at + 1, end, key),
      line[equals] == UInt8(ascii: "=")
    else { return nil }
    var position = equals + 1
    var value: UInt64 = 0
    var start = position
    if line[position] == UInt8(ascii: "0"), position + 1 < end,
      line[position + 1] == UInt8(ascii: "x")
    {
      position += 2
      start = position
      guard let hexadecimal = hexadecimal(line, &position) else { return nil }
      value = hexadecimal
    } else {
      while position < end, LineParser.isDigit(line[position]) {
        value = value &* 10 &+ UInt64(line[position] &- 0x30)
        position += 1
      }
    }
    guard position > start, position - start <= 15, position == end || line[position] == 0x20
    else { return nil }
    at = position
    return value
  }

  private struct Number {
    var magnitude: UInt64
    var isNegative: Bool
  }

  private func size(_ number: Number, _ key: StaticString) throws(LineIssue) -> Int {
    guard !number.isNegative || number.magnitude == 0 else { throw issue(.negativeSize, key) }
    guard let size = Int(exactly: number.magnitude) else { throw issue(.numberTooLarge, key) }
    return size
  }

  private mutating func number(
    _ key: StaticString, _ line: Span<UInt8>
  ) throws(LineIssue) -> Number? {
    guard var position = find(key, line) else { return nil }
    let end = range.upperBound
    let isNegative = position < end && line[position] == UInt8(ascii: "-")
    if isNegative { position += 1 }
    let start = position
    let magnitude: UInt64?
    if LineParser.hasWord(line, position, end, "0x") {
      position += 2
      magnitude = hexadecimal(line, &position)
    } else {
      magnitude = LineParser.decimal(line, &position, end)
    }
    guard let magnitude else {
      let isDigits = start < end && LineParser.isDigit(line[start])
      throw issue(isDigits ? .numberTooLarge : .malformedField, key)
    }
    guard position == end || LineParser.isBlank(line[position]) else {
      throw issue(.malformedField, key)
    }
    at = position
    return Number(magnitude: magnitude, isNegative: isNegative)
  }

  private func hexadecimal(_ line: Span<UInt8>, _ position: inout Int) -> UInt64? {
    var value: UInt64 = 0
    let start = position
    while position < range.upperBound {
      let byte = line[position]
      let digit: UInt8
      if LineParser.isDigit(byte) {
        digit = byte - 0x30
      } else if (byte | 0x20) &- 0x61 < 6 {
        digit = (byte | 0x20) - 0x57
      } else {
        break
      }
      guard value >> 60 == 0 else { return nil }
      value = value << 4 | UInt64(digit)
      position += 1
    }
    return position > start ? value : nil
  }

  /// Where the value of `key` starts: usually right here, else anywhere in the line.
  private func find(_ key: StaticString, _ line: Span<UInt8>) -> Int? {
    var position = at
    LineParser.skipBlanks(line, &position, range.upperBound)
    return value(of: key, line, position) ?? search(key, line)
  }

  private func search(_ key: StaticString, _ line: Span<UInt8>) -> Int? {
    var position = range.lowerBound
    while position < range.upperBound {
      LineParser.skipBlanks(line, &position, range.upperBound)
      if let value = value(of: key, line, position) { return value }
      while position < range.upperBound, !LineParser.isBlank(line[position]) { position += 1 }
    }
    return nil
  }

  private func value(
    of key: StaticString, _ line: Span<UInt8>, _ position: Int
  ) -> Int? {
    guard LineParser.hasWord(line, position, range.upperBound, key) else { return nil }
    let equals = position + key.utf8CodeUnitCount
    guard equals < range.upperBound, line[equals] == UInt8(ascii: "=") else { return nil }
    return equals + 1
  }

  private func issue(_ kind: LineIssue.Kind, _ key: StaticString) -> LineIssue {
    LineIssue(kind: kind, field: FieldName(word: key))
  }
}
