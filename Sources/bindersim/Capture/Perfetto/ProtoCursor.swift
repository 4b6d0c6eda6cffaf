/// Walks the fields of one protobuf message, from `at` to `end` of the bytes that every call is given.
///
/// Nothing is allocated, and no byte behind `end` is read. A message that is not well-formed ends
/// at the fault, with `isBroken` set.
struct ProtoCursor {
  private(set) var at: Int
  private let end: Int
  private(set) var isBroken = false

  /// One field: its number, and its value or where its bytes are.
  struct Field {
    var number: UInt64
    /// Of a varint or a fixed number; zero for bytes.
    var value: UInt64 = 0
    /// Of bytes; empty for numbers.
    var range = 0..<0
    var isBytes = false
  }

  init(_ range: Range<Int>) {
    at = range.lowerBound
    end = range.upperBound
  }

  /// The next field; nil at the end.
  @inline(__always) mutating func next(_ bytes: Span<UInt8>) -> Field? {
    guard at < end, !isBroken else { return nil }
    guard let tag = varint(bytes), tag >> 3 != 0 else { return broken() }
    var field = Field(number: tag >> 3)
    switch tag & 7 {
    case 0:
      guard let value = varint(bytes) else { return broken() }
      field.value = value
    case 2:
      guard let length = varint(bytes), length <= UInt64(end - at) else { return broken() }
      field.range = at..<at + Int(length)
      field.isBytes = true
      at += Int(length)
    case 1: return fixed(bytes, 8, &field)
    case 5: return fixed(bytes, 4, &field)
    default: return broken()
    }
    return field
  }

  @inline(__always) private mutating func varint(_ bytes: Span<UInt8>) -> UInt64? {
    guard at < end else { return nil }
    let first = bytes[at]
    at += 1
    if first < 0x80 { return UInt64(first) }
    var value = UInt64(first & 0x7F)
    var shift: UInt64 = 7
    while at < end, shift < 64 {
      let byte = bytes[at]
      at += 1
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
      shift += 7
    }
    return nil
  }

  private mutating func fixed(_ bytes: Span<UInt8>, _ count: Int, _ field: inout Field) -> Field? {
    guard end - at >= count else { return broken() }
    for index in 0..<count { field.value |= UInt64(bytes[at + index]) << UInt64(8 * index) }
    at += count
    return field
  }

  private mutating func broken() -> Field? {
    isBroken = true
    return nil
  }
}

/// Whether bytes are the beginning of a Perfetto trace.
enum PacketShape {
  /// A trace is packets one behind the other, each a message of well-formed fields. Text that
  /// happens to begin with a newline, the tag of a packet, is none.
  static func isTrace(_ bytes: Span<UInt8>) -> Bool {
    var at = 0
    var packets = 0
    var hasControl = false
    while at < bytes.count, packets < 64 {
      // Other fields than packets may come behind them.
      guard bytes[at] == 0x0A else { break }
      var length = 0
      var shift = 0
      at += 1
      while true {
        // Cut within the length: what came before decides.
        guard at < bytes.count, shift < 35 else { return packets > 0 && hasControl }
        let byte = bytes[at]
        at += 1
        length |= Int(byte & 0x7F) << shift
        shift += 7
        if byte < 0x80 { break }
      }
      let end = at + length
      var cursor = ProtoCursor(at..<min(end, bytes.count))
      while let field = cursor.next(bytes) {
        // The numbers of a packet's fields; far below those of anything else.
        if field.number > 4096 { return false }
      }
      if cursor.isBroken && end <= bytes.count { return false }
      if end > bytes.count, cursor.isBroken, packets == 0, !startsPlausibly(bytes, at) {
        return false
      }
      for index in at..<min(end, bytes.count, at + 256)
      where bytes[index] < 0x09 || bytes[index] >= 0x80 { hasControl = true }
      packets += 1
      at = end
    }
    return packets > 0 && hasControl
  }

  /// A first packet that is longer than what is looked at: its first field is bytes or a number
  /// that a packet has.
  private static func startsPlausibly(_ bytes: Span<UInt8>, _ at: Int) -> Bool {
    guard at < bytes.count else { return false }
    return [0x0A, 0x12, 0x40, 0x50, 0x92, 0xAA].contains(bytes[at])
  }
}
