/// The contents of messages: anyone who knows the key can check every byte.
///
/// Eight-byte words that depend on the key and their offset. The objects come first: each is a
/// handle with the real type field, its other fields being such words.
enum Payload {
  /// The type field of a strong handle, "sh*" and 0x85.
  static let handleType: UInt32 = 0x7368_2a85
  /// A flat object: type, flags, handle, cookie.
  static let objectSize = 24

  /// Fills `data` and `offsets` (eight bytes an object) with the contents for `key`. The data has
  /// room for the objects.
  static func fill(
    _ data: UnsafeMutableRawBufferPointer, offsets: UnsafeMutableRawBufferPointer, key: UInt64
  ) {
    let whole = data.count & ~7
    for offset in stride(from: 0, to: whole, by: 8) {
      unsafe data.storeBytes(of: word(at: offset, key), toByteOffset: offset, as: UInt64.self)
    }
    for offset in whole..<data.count { unsafe data[offset] = byte(at: offset, objects: 0, key) }
    for index in 0..<(offsets.count / 8) {
      let place = index * objectSize
      unsafe data.storeBytes(of: handleType.littleEndian, toByteOffset: place, as: UInt32.self)
      unsafe offsets.storeBytes(
        of: UInt64(place).littleEndian, toByteOffset: index * 8, as: UInt64.self)
    }
  }

  /// The first byte of `data` that differs from what `fill` wrote for a message with this many
  /// objects; nil when none does.
  static func firstDifference(in data: RawSpan, objects: Int, key: UInt64) -> Difference? {
    // After the objects, compare whole words; compare single bytes only in the objects, in the tail,
    // and in a word that differs.
    let head = objects * objectSize
    let whole = data.byteCount & ~7
    if let found = difference(in: data, 0..<min(head, data.byteCount), objects, key) {
      return found
    }
    let differs = unsafe data.withUnsafeBytes { bytes in
      var bits: UInt64 = 0
      for offset in stride(from: head, to: whole, by: 8) {
        // SAFETY: `offset + 8 <= whole <= bytes.count`.
        bits |=
          unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
          ^ word(at: offset, key)
      }
      return bits != 0
    }
    let tail = differs ? head : max(head, whole)
    return difference(in: data, tail..<max(tail, data.byteCount), objects, key)
  }

  /// The first byte of an offsets array that is not what `fill` wrote.
  static func firstDifference(inOffsets offsets: RawSpan) -> Difference? {
    for offset in 0..<offsets.byteCount {
      let value = UInt64(offset / 8 * objectSize)
      let expected = UInt8(truncatingIfNeeded: value >> UInt64(offset % 8 * 8))
      let got = offsets.byte(at: offset)
      if got != expected { return Difference(position: offset, expected: expected, got: got) }
    }
    return nil
  }

  struct Difference: Equatable, Sendable {
    let position: Int
    let expected: UInt8
    let got: UInt8
  }

  private static func difference(
    in data: RawSpan, _ range: Range<Int>, _ objects: Int, _ key: UInt64
  ) -> Difference? {
    for offset in range {
      let expected = byte(at: offset, objects: objects, key)
      let got = data.byte(at: offset)
      if got != expected { return Difference(position: offset, expected: expected, got: got) }
    }
    return nil
  }

  /// The word at a byte offset that is a multiple of eight, in memory order.
  private static func word(at offset: Int, _ key: UInt64) -> UInt64 {
    let value = key &+ UInt64(truncatingIfNeeded: offset) &* 0x9e37_79b9_7f4a_7c15
    return (value ^ value >> 32).littleEndian
  }

  private static func byte(at offset: Int, objects: Int, _ key: UInt64) -> UInt8 {
    let field = offset % objectSize
    if offset < objects * objectSize, field < 4 {
      return UInt8(truncatingIfNeeded: handleType >> UInt32(field * 8))
    }
    let value = UInt64(littleEndian: word(at: offset & ~7, key))
    return UInt8(truncatingIfNeeded: value >> UInt64(offset % 8 * 8))
  }
}

extension RawSpan {
  fileprivate func byte(at offset: Int) -> UInt8 {
    // SAFETY: any bit pattern is a byte; the span checks the bounds.
    unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self)
  }
}
