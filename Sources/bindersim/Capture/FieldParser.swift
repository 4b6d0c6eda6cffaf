/// Reads `key=value` fields in the order that the kernel prints them, or in any other.
struct FieldParser {
  private let range: Range<Int>
  private var at: Int

  init(_ range: Range<Int>) {
    self.range = range
    at = range.lowerBound
  }

  /// A debug id: 32 bits, signed or not.
  @inline(__always) mutating func id(_ key: StaticString, _ line: Span<UInt8>) throws(LineIssue)
    -> UInt32
  {
    let number = try required(key, line)
    if number.isNegative {
      guard number.magnitude <= 1 << 31 else { throw issue(.numberTooLarge, key) }
      return 0 &- UInt32(number.magnitude)
    }
    guard let id = UInt32(exactly: number.magnitude) else { throw issue(.numberTooLarge, key) }
    return id
  }

  @inline(__always) mutating func int32(_ key: StaticString, _ line: Span<UInt8>) throws(LineIssue)
    -> Int32
  {
    Int32(bitPattern: try id(key, line))
  }

  /// Zero or more, in bytes.
  @inline(__always) mutating func size(_ key: StaticString, _ line: Span<UInt8>) throws(LineIssue)
    -> Int
  {
    try size(try required(key, line), key)
  }

  /// A size that older kernels do not print: zero then.
  mutating func optionalSize(_ key: StaticString, _ line: Span<UInt8>) throws(LineIssue) -> Int {
    guard let number = try number(key, line) else { return 0 }
    return try size(number, key)
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

  @inline(__always) private mutating func required(
    _ key: StaticString, _ line: Span<UInt8>
  ) throws(LineIssue) -> Number {
    guard let number = try number(key, line) else { throw issue(.missingField, key) }
    return number
  }

  @inline(__always) private mutating func number(
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
  @inline(__always) private func find(_ key: StaticString, _ line: Span<UInt8>) -> Int? {
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

  @inline(__always) private func value(
    of key: StaticString, _ line: Span<UInt8>, _ position: Int
  ) -> Int? {
    guard LineParser.hasWord(line, position, range.upperBound, key) else { return nil }
    let equals = position + key.utf8CodeUnitCount
    guard equals < range.upperBound, line[equals] == UInt8(ascii: "=") else { return nil }
    return equals + 1
  }

  private func issue(_ kind: LineIssue.Kind, _ key: StaticString) -> LineIssue {
    LineIssue(kind: kind, field: key.description)
  }
}
