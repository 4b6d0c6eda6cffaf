/// UTF-16 with a byte order mark, as UTF-8: what Windows shells make of redirected output.
///
/// What is not ASCII becomes `?`: nothing that a parser looks at is.
final class UTF16Source: ByteSource {
  private let inner: any ByteSource
  private var isBigEndian: Bool?
  /// The first half of a code unit that the chunk before this one ended in.
  private var half: UInt8?

  init(_ inner: any ByteSource) { self.inner = inner }

  var storedByteCount: Int { inner.storedByteCount }
  var canRewind: Bool { inner.canRewind }
  var damage: String? { inner.damage }

  func read(into target: UnsafeMutableRawBufferPointer) throws(InputError) -> Int {
    guard target.count > 0 else { return 0 }
    while true {
      // With the half that is left over no more units come than the target has room for.
      let wanted = min(1 << 15, target.count * 2 - 1)
      let bytes = try inner.bytes(atMost: wanted)
      guard !bytes.isEmpty else { return 0 }
      var count = 0
      for byte in bytes {
        guard let first = half else {
          half = byte
          continue
        }
        half = nil
        guard let isBigEndian else {
          isBigEndian = first == 0xFE
          continue
        }
        let unit =
          isBigEndian ? UInt16(first) << 8 | UInt16(byte) : UInt16(byte) << 8 | UInt16(first)
        // SAFETY: units are at most half the bytes and the one left over.
        unsafe target[count] = unit < 0x80 ? UInt8(unit) : 0x3F
        count += 1
      }
      if count > 0 { return count }
    }
  }

  func rewind() throws(InputError) {
    try inner.rewind()
    isBigEndian = nil
    half = nil
  }
}
