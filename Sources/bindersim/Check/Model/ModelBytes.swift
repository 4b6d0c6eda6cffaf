internal import Glibc
internal import PageAlloc

/// What every byte of a region must be: what its receiver was sent last at that place, or zero.
///
/// The bytes are exact, padding and unwritten room included, so that a byte of another receiver's
/// transactions cannot hide anywhere.
@safe final class ModelBytes {
  // INVARIANT: `count` bytes, allocated in `init`, initialised.
  private let base: UnsafeMutableRawPointer
  let count: Int

  init(count: Int) {
    self.count = count
    unsafe base = calloc(1, count)!
  }

  deinit { unsafe free(base) }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
    guard let source = bytes.baseAddress else { return }
    precondition(offset >= 0 && bytes.count <= count - offset)
    // SAFETY: checked to lie inside.
    unsafe (base + offset).copyMemory(from: source, byteCount: bytes.count)
  }

  func zero(_ offset: Int, _ length: Int) {
    precondition(offset >= 0 && length <= count - offset)
    // SAFETY: checked to lie inside.
    unsafe memset(base + offset, 0, length)
  }

  func word<T: FixedWidthInteger & BitwiseCopyable>(at offset: Int, as type: T.Type = T.self) -> T {
    precondition(offset >= 0 && offset <= count - MemoryLayout<T>.size)
    // SAFETY: checked to lie inside.
    return unsafe base.loadUnaligned(fromByteOffset: offset, as: T.self)
  }

  /// The first byte of `found` that is not what it must be at `offset`.
  func difference(
    from found: UnsafeRawBufferPointer, at offset: Int
  ) -> (offset: Int, expected: UInt8, found: UInt8)? {
    guard let address = found.baseAddress, found.count > 0 else { return nil }
    precondition(offset >= 0 && found.count <= count - offset)
    // SAFETY: checked to lie inside.
    if unsafe memcmp(base + offset, address, found.count) == 0 { return nil }
    for index in 0..<found.count {
      let expected = unsafe base.load(fromByteOffset: offset + index, as: UInt8.self)
      if unsafe found[index] != expected { return unsafe (offset + index, expected, found[index]) }
    }
    return nil
  }
}
