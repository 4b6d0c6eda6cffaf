/// A cursor that writes a `UserSlice` from front to back.
///
/// A call that throws has not moved the cursor. Bytes before a bad address may have been written.
@frozen
public struct UserSliceWriter: ~Copyable, Sendable {
  // INVARIANT: address ..< address + remaining is the unwritten part of the slice.
  @usableFromInline var address: UInt
  @usableFromInline let memory: UserMemory

  @usableFromInline var remaining: Int
  @usableFromInline var stored: Int

  /// Bytes of room left.
  @inlinable
  public var count: Int { remaining }

  /// Bytes stored in the target so far, those of failed calls too. Skipped ones do not count.
  @inlinable
  public var bytesWritten: Int { stored }

  @inlinable
  init(_ slice: UserSlice) {
    address = slice.address
    memory = slice.memory
    remaining = slice.length
    stored = 0
  }

  @inlinable
  public var isEmpty: Bool { count == 0 }

  /// Writes all of `source`.
  ///
  /// - Throws: `PageAllocError.pastEnd` if there is less room, before anything is written;
  ///   `.badAddress`, `.processGone` or `.processDenied` if the target cannot be written.
  @inlinable
  public mutating func write(_ source: RawSpan) throws(PageAllocError) {
    try unsafe source.withUnsafeBytes { (bytes) throws(PageAllocError) in
      try unsafe write(bytes)
    }
  }

  /// Writes all of `source`. See `write(_:)` for the errors.
  @inlinable
  public mutating func write(_ source: UnsafeRawBufferPointer) throws(PageAllocError) {
    let length = source.count
    guard length <= count else { throw .pastEnd(requested: length, remaining: count) }
    guard length > 0, let base = source.baseAddress else { return }
    if memory == .trusted, let target = unsafe UnsafeMutableRawPointer(bitPattern: address) {
      // SAFETY: whoever made a trusted slice promised that its bytes are there.
      unsafe target.copyMemory(from: base, byteCount: length)
      stored += length
    } else {
      let copied = unsafe UserCopy.write(memory, address, from: base, length)
      stored += copied.byteCount
      if let error = copied.error { throw error }
    }
    advance(length)
  }

  /// Writes an integer in the byte order of this machine, at any alignment.
  @inlinable
  public mutating func write<T: FixedWidthInteger & BitwiseCopyable>(
    _ value: T
  ) throws(PageAllocError) {
    try unsafe withUnsafeBytes(of: value) { (bytes) throws(PageAllocError) in
      try unsafe write(bytes)
    }
  }

  /// Writes a bitwise value, at any alignment.
  ///
  /// Unsafe because padding is written too, with whatever it holds.
  @unsafe @inlinable
  public mutating func write<T: BitwiseCopyable>(_ value: T) throws(PageAllocError) {
    try unsafe withUnsafeBytes(of: value) { (bytes) throws(PageAllocError) in
      try unsafe write(bytes)
    }
  }

  /// Moves over `byteCount` bytes without writing them.
  /// - Throws: `PageAllocError.pastEnd` if fewer are left, `.invalidArgument` for a negative count.
  @inlinable
  public mutating func skip(_ byteCount: Int) throws(PageAllocError) {
    guard byteCount >= 0 else { throw .invalidArgument(.byteCount, value: byteCount) }
    guard byteCount <= count else { throw .pastEnd(requested: byteCount, remaining: count) }
    advance(byteCount)
  }

  @inlinable
  mutating func advance(_ byteCount: Int) {
    address &+= UInt(bitPattern: byteCount)
    remaining -= byteCount
  }
}
