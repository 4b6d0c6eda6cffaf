/// Packed data for tests, as the formats allow it without compression: blocks that are stored.
enum PackedBytes {
  static func deflate(_ bytes: [UInt8]) -> [UInt8] {
    var packed: [UInt8] = []
    var rest = bytes[...]
    repeat {
      let block = rest.prefix(65535)
      rest = rest.dropFirst(65535)
      let length = UInt16(block.count)
      packed.append(rest.isEmpty ? 1 : 0)
      packed += little(UInt32(length), 2) + little(UInt32(~length), 2) + block
    } while !rest.isEmpty
    return packed
  }

  static func gzip(_ bytes: [UInt8]) -> [UInt8] {
    [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3] + deflate(bytes) + little(crc32(bytes), 4)
      + little(UInt32(truncatingIfNeeded: bytes.count), 4)
  }

  static func zlib(_ bytes: [UInt8]) -> [UInt8] {
    var a: UInt32 = 1
    var b: UInt32 = 0
    for byte in bytes {
      a = (a + UInt32(byte)) % 65521
      b = (b + a) % 65521
    }
    return [0x78, 0x01] + deflate(bytes) + little(b << 16 | a, 4).reversed()
  }

  /// One frame of raw blocks.
  static func zstd(_ bytes: [UInt8]) -> [UInt8] {
    // A single segment with eight bytes of length.
    var packed: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0xE0]
    packed += little(UInt32(bytes.count), 4) + [0, 0, 0, 0]
    var rest = bytes[...]
    repeat {
      let block = rest.prefix(100_000)
      rest = rest.dropFirst(100_000)
      packed += little(UInt32(block.count) << 3 | (rest.isEmpty ? 1 : 0), 3) + block
    } while !rest.isEmpty
    return packed
  }

  private static func little(_ value: UInt32, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> UInt32(8 * $0)) }
  }

  private static func crc32(_ bytes: [UInt8]) -> UInt32 {
    var crc = UInt32.max
    for byte in bytes {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
    }
    return ~crc
  }
}
