internal import CLinuxShims
internal import Glibc

/// A region that another process made, mapped here, to be read in place.
///
/// The other side of `readOnlyDescriptor()`: the descriptor comes over a Unix socket, and from then on
/// what is delivered into the region is read where it lies.
///
///     let region = try RegionReader(receivingFrom: socket)
///     let kind = try region.integer(at: offset, as: UInt32.self)
///     let text = try region.bytes(at: offset + 4, count: size - 4)
///
/// It stays readable when the process that made it is gone; the memory is given back with the last
/// reader. Nothing in it can be written through this value. Within the process that made it, read
/// deliveries instead.
///
/// What was delivered stays as it is until the process that has the engine frees it, so tell that
/// process when you are done. Bytes outside of that may change at any moment; to read them is harmless
/// and tells nothing. (A page that nothing uses reads as zeros and is then backed, outside any budget.)
///
/// Safe to use from several threads.
@safe public struct RegionReader: ~Copyable, Sendable {
  // INVARIANT: all of a memory file whose length is sealed, so that no byte of it can go away.
  private let mapping: Mapping

  /// Maps a region by a descriptor of it, and closes the descriptor, whatever comes of it.
  ///
  /// - Parameters:
  ///   - descriptor: of a memory file that was sealed against shrinking, as those of
  ///     `readOnlyDescriptor()` are.
  ///   - byteCount: how long the region must be; nil for any length.
  /// - Throws: `PageAllocError.invalidArgument(.notARegion)` for any other file, one that could become
  ///   shorter while it is read included; `.invalidArgument(.regionLength)` for another length, which
  ///   is the value; `.system` for what is no descriptor, or if mappings are used up.
  public init(adopting descriptor: Int32, byteCount: Int? = nil) throws(PageAllocError) {
    let file = FileDescriptor(raw: bb_above_standard(descriptor))
    let seals = bb_get_seals(file.raw)
    guard seals >= 0 || seals == -EINVAL else {
      throw .system(.seals, Errno(rawValue: -seals))
    }
    guard seals >= 0, UInt32(seals) & bb_SEAL_SHRINK != 0 else {
      throw .invalidArgument(.notARegion, value: Int(descriptor))
    }
    var status = stat()
    guard unsafe fstat(file.raw, &status) == 0 else {
      throw .system(.status, Errno(rawValue: errno))
    }
    let length = Int(status.st_size)
    guard length > 0, length % Page.size == 0, length >> Page.shift <= PageMemory.longest,
      byteCount == nil || byteCount == length
    else { throw .invalidArgument(.regionLength, value: length) }
    mapping = try Mapping(file: file, byteCount: length, .readOnly)
  }

  /// The length in bytes, a multiple of the page size.
  public var byteCount: Int { mapping.byteCount }

  /// An integer at any alignment, in the byte order of this machine. Each byte is read once.
  ///
  /// - Throws: `PageAllocError.outOfBounds` unless all of it lies in the region.
  public borrowing func integer<T: FixedWidthInteger & BitwiseCopyable>(
    at offset: Int, as type: T.Type = T.self
  ) throws(PageAllocError) -> T {
    let source = try unsafe bytes(offset, MemoryLayout<T>.size)
    var value: T = 0
    unsafe withUnsafeMutableBytes(of: &value) { target in
      // SAFETY: both have the size of the integer, of which any bits are one.
      unsafe bb_copy_once(target.baseAddress!, source.baseAddress!, target.count)
    }
    return value
  }

  /// A copy of `count` bytes from `offset` on. Each is read once: whatever the other side does, the
  /// copy stays as it is.
  ///
  /// - Throws: `PageAllocError.outOfBounds` unless all of them lie in the region.
  public borrowing func bytes(at offset: Int, count: Int) throws(PageAllocError) -> [UInt8] {
    let source = try unsafe bytes(offset, count)
    return unsafe [UInt8](unsafeUninitializedCapacity: count) { target, initialized in
      if count > 0 {
        // SAFETY: the new array has room for `count` bytes.
        unsafe bb_copy_once(target.baseAddress!, source.baseAddress!, count)
      }
      initialized = count
    }
  }

  /// Runs `body` on `count` bytes from `offset` on, in place.
  ///
  /// Of a delivery that is not freed meanwhile. Where the other side is not trusted to keep to that,
  /// decide nothing by a byte that is read again: use `integer` or `bytes`.
  ///
  /// - Throws: `PageAllocError.outOfBounds`, before `body` runs, unless all of them lie in the region;
  ///   and what `body` throws.
  public borrowing func withBytes<R: ~Copyable>(
    at offset: Int, count: Int, _ body: (Span<UInt8>) throws(PageAllocError) -> R
  ) throws(PageAllocError) -> R {
    let bytes = try unsafe bytes(offset, count)
    // SAFETY: in the mapping, which lives while `self` is borrowed; the span does not leave `body`.
    return try body(unsafe Span(_unsafeBytes: bytes))
  }

  private borrowing func bytes(
    _ offset: Int, _ count: Int
  ) throws(PageAllocError) -> UnsafeRawBufferPointer {
    // No overflow: `count` is at most the length when it is taken from it.
    guard offset >= 0, count >= 0, count <= byteCount, offset <= byteCount - count else {
      throw .outOfBounds(offset: offset, length: count, size: byteCount)
    }
    return unsafe UnsafeRawBufferPointer(start: mapping.base + offset, count: count)
  }
}
