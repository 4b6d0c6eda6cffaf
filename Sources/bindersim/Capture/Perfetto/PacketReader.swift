internal import Glibc

/// Cuts a Perfetto trace into its packets, in memory that does not grow beyond the longest packet.
struct PacketReader {
  /// Packets are rarely longer than a few hundred kilobytes; what is longer is passed over.
  static let longestPacket = 32 << 20
  private static let chunk = 1 << 20

  private let source: any ByteSource
  /// What the ranges of packets are in, until the next call of `next`.
  private(set) var buffer: [UInt8]
  // INVARIANT: 0 <= start <= end <= buffer.count; the bytes in start..<end were read, not yet taken.
  private var start = 0
  private var end = 0
  private var sourceEnded = false

  /// What comes next in a trace.
  enum Item {
    /// Where the packet is in `buffer`.
    case packet(Range<Int>)
    /// A packet of this many bytes was passed over.
    case tooLong(Int)
    /// From here on it is no trace.
    case broken
    case end
  }

  init(_ source: any ByteSource) {
    self.source = source
    buffer = [UInt8](repeating: 0, count: Self.chunk)
  }

  mutating func next() throws(InputError) -> Item {
    // The tag and the length, of at most ten bytes each.
    if end - start < 20 { try refill(atLeast: 20) }
    guard start < end else { return .end }
    var at = start
    guard let tag = varint(&at) else { return .broken }
    switch tag & 7 {
    case 2:
      guard let length = varint(&at).flatMap({ Int(exactly: $0) }) else { return .broken }
      start = at
      if tag >> 3 == 1, length <= Self.longestPacket { return try packet(length) }
      guard try skip(length) else { return .broken }
      return tag >> 3 == 1 ? .tooLong(length) : try next()
    case 0:
      guard varint(&at) != nil else { return .broken }
      start = at
      return try next()
    default: return .broken
    }
  }

  private mutating func packet(_ length: Int) throws(InputError) -> Item {
    if end - start < length { try refill(atLeast: length) }
    guard end - start >= length else { return .broken }
    defer { start += length }
    return .packet(start..<start + length)
  }

  private mutating func varint(_ at: inout Int) -> UInt64? {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while at < end, shift < 64 {
      let byte = buffer[at]
      at += 1
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
      shift += 7
    }
    return nil
  }

  /// False when the trace ends before.
  private mutating func skip(_ length: Int) throws(InputError) -> Bool {
    var left = length
    while left > end - start {
      left -= end - start
      start = end
      try refill(atLeast: 1)
      if start == end { return false }
    }
    start += left
    return true
  }

  /// Moves what is left to the front and reads behind it, until there are `count` bytes or no more.
  private mutating func refill(atLeast count: Int) throws(InputError) {
    let left = end - start
    if start > 0, left > 0 {
      unsafe buffer.withUnsafeMutableBytes { bytes in
        guard let base = bytes.baseAddress else { return }
        // SAFETY: both ranges lie inside the buffer; memmove allows them to overlap.
        unsafe _ = memmove(base, base + start, left)
      }
    }
    start = 0
    end = left
    if buffer.count < count {
      buffer.append(contentsOf: repeatElement(0, count: count + Self.chunk - buffer.count))
    }
    while end < count, !sourceEnded {
      var failure: InputError?
      let added = unsafe buffer.withUnsafeMutableBytes { bytes -> Int in
        do throws(InputError) {
          // SAFETY: end <= the buffer's length, and nothing behind it is in use.
          return unsafe try source.read(
            into: UnsafeMutableRawBufferPointer(rebasing: bytes[end...]))
        } catch {
          failure = error
          return 0
        }
      }
      if let failure { throw failure }
      end += added
      sourceEnded = added == 0
    }
  }
}
