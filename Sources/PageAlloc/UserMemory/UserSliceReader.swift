/// A cursor that reads a `UserSlice` from front to back, each byte once.
///
/// A sender may change its memory while it is read. So read once, and check what was read in the
/// copy; to read something again takes an explicit `clone()`.
///
/// A call that throws has not moved the cursor. Bytes before a bad address may have been copied.
@frozen
public struct UserSliceReader: ~Copyable, Sendable {
  // INVARIANT: address ..< address + remaining is the unread part of the slice.
  @usableFromInline var address: UInt
  @usableFromInline let memory: UserMemory

  @usableFromInline var remaining: Int
  @usableFromInline var fetched: Int

  /// Bytes left.
  @inlinable
  public var count: Int { remaining }

  /// Bytes fetched from the source so far, those of failed calls too. Skipped ones do not count.
  @inlinable
  public var bytesRead: Int { fetched }

  @inlinable
  init(_ slice: UserSlice) {
    address = slice.address
    memory = slice.memory
    remaining = slice.length
    fetched = 0
  }

  /// Whether nothing is left to read.
  @inlinable
  public var isEmpty: Bool { count == 0 }

  /// Reads as many bytes as `target` has.
  ///
  /// - Throws: `PageAllocError.pastEnd` if fewer are left, before anything is read;
  ///   `.badAddress`, `.processGone` or `.processDenied` if the source cannot be read.
  /// - Complexity: one copy; trusted memory needs no system call, other memory about one for each
  ///   2 GiB.
  @inlinable @inline(__always)
  public mutating func read(into target: UnsafeMutableRawBufferPointer) throws(PageAllocError) {
    let length = target.count
    guard case .trusted = memory, length <= count, let base = target.baseAddress,
      let source = unsafe UnsafeRawPointer(bitPattern: address)
    else { return try unsafe readChecked(into: target) }
    // SAFETY: whoever made a trusted slice promised that its bytes are there.
    unsafe base.copyMemory(from: source, byteCount: length)
    fetched += length
    advance(length)
  }

  /// The same, for memory that the kernel has to check.
  @usableFromInline @inline(never)
  mutating func readChecked(into target: UnsafeMutableRawBufferPointer) throws(PageAllocError) {
    let length = target.count
    guard length <= count else { throw .pastEnd(requested: length, remaining: count) }
    guard length > 0, let base = target.baseAddress else { return }
    let copied = unsafe UserCopy.read(memory, address, into: base, length)
    fetched += copied.byteCount
    if let error = copied.error { throw error }
    advance(length)
  }

  /// Moves over `byteCount` bytes without reading them.
  /// - Throws: `PageAllocError.pastEnd` if fewer are left, `.invalidArgument` for a negative count.
  @inlinable
  public mutating func skip(_ byteCount: Int) throws(PageAllocError) {
    guard byteCount >= 0 else { throw .invalidArgument(.byteCount, value: byteCount) }
    guard byteCount <= count else { throw .pastEnd(requested: byteCount, remaining: count) }
    advance(byteCount)
  }

  /// A second cursor at the same place, whose `bytesRead` starts at 0.
  @inlinable
  public borrowing func clone() -> UserSliceReader {
    UserSliceReader(UserSlice(address, count, memory))
  }

  @inlinable
  mutating func advance(_ byteCount: Int) {
    // Past the end of the address space nothing could have been read, so this wraps only when the
    // slice is at its end or was skipped; then the next read throws.
    address &+= UInt(bitPattern: byteCount)
    remaining -= byteCount
  }
}
