/// Writes protobuf messages, for traces of our own.
struct ProtoMessage {
  private(set) var bytes: [UInt8] = []

  private mutating func varint(_ value: UInt64) {
    var value = value
    while value >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: value) | 0x80)
      value >>= 7
    }
    bytes.append(UInt8(value))
  }

  func number(_ field: UInt64, _ value: UInt64) -> Self {
    var copy = self
    copy.varint(field << 3)
    copy.varint(value)
    return copy
  }

  func bytes(_ field: UInt64, _ value: [UInt8]) -> Self {
    var copy = self
    copy.varint(field << 3 | 2)
    copy.varint(UInt64(value.count))
    copy.bytes += value
    return copy
  }

  func message(_ field: UInt64, _ value: Self) -> Self { bytes(field, value.bytes) }
  func text(_ field: UInt64, _ value: String) -> Self { bytes(field, Array(value.utf8)) }
  func raw(_ value: [UInt8]) -> Self {
    var copy = self
    copy.bytes += value
    return copy
  }
}

extension ProtoMessage {
  /// One event of a bundle.
  static func event(_ time: UInt64, _ thread: UInt64, _ kind: UInt64, _ fields: Self) -> Self {
    Self().number(1, time).number(2, thread).message(kind, fields)
  }

  static func transaction(
    _ id: UInt64, node: UInt64 = 0, process: UInt64, thread: UInt64 = 0, reply: Bool = false,
    flags: UInt64 = 0x10
  ) -> Self {
    Self().number(1, id).number(2, node).number(3, process).number(4, thread)
      .number(5, reply ? 1 : 0).number(6, 1).number(7, flags)
  }

  static func allocBuf(_ id: UInt64, data: UInt64, offsets: UInt64 = 0, extra: UInt64? = 0) -> Self
  {
    let sizes = Self().number(1, data).number(2, id).number(3, offsets)
    return extra.map { sizes.number(4, $0) } ?? sizes
  }

  static func generic(_ name: String, _ fields: [(String, UInt64)]) -> Self {
    fields.reduce(Self().text(1, name)) { message, field in
      message.message(2, Self().text(1, field.0).number(5, field.1))
    }
  }

  static func bundle(cpu: UInt64, lost: Bool = false, _ events: [Self]) -> Self {
    let bundle = events.reduce(Self().number(1, cpu)) { $0.message(2, $1) }
    return lost ? bundle.number(3, 1) : bundle
  }

  /// A trace of packets that hold one bundle each.
  static func trace(_ bundles: [Self]) -> Self {
    bundles.reduce(Self()) { $0.message(1, Self().message(1, $1).number(10, 1)) }
  }
}
