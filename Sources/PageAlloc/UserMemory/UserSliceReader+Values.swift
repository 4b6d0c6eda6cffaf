extension UserSliceReader {
  /// Reads as many bytes as `target` has. See `read(into:)` for the errors.
  @inlinable
  public mutating func read(into target: inout MutableRawSpan) throws(PageAllocError) {
    try unsafe target.withUnsafeMutableBytes { (bytes) throws(PageAllocError) in
      try unsafe read(into: bytes)
    }
  }

  /// Reads an integer in the byte order of this machine, from any alignment.
  @inlinable
  public mutating func read<T: FixedWidthInteger & BitwiseCopyable>(
    as type: T.Type
  ) throws(PageAllocError) -> T {
    var value: T = 0
    // SAFETY: any bits are a valid integer.
    try unsafe withUnsafeMutableBytes(of: &value) { (bytes) throws(PageAllocError) in
      try unsafe read(into: bytes)
    }
    return value
  }

  /// Reads a bitwise value, from any alignment.
  ///
  /// Unsafe because the source decides about the bits: every pattern must be a valid `T`, which is
  /// true for structures of integers, and not for `Bool` or enumerations.
  @unsafe @inlinable
  public mutating func read<T: BitwiseCopyable>(as type: T.Type) throws(PageAllocError) -> T {
    let value = unsafe withUnsafeTemporaryAllocation(
      byteCount: MemoryLayout<T>.size, alignment: MemoryLayout<T>.alignment
    ) { bytes -> Result<T, PageAllocError> in
      do throws(PageAllocError) {
        try unsafe read(into: bytes)
        // SAFETY: all bytes are initialised; the caller promises that they are a valid `T`.
        return .success(unsafe bytes.loadUnaligned(as: T.self))
      } catch {
        return .failure(error)
      }
    }
    return try value.get()
  }

  /// Reads all that is left.
  ///
  /// Memory is taken as bytes arrive, so a sender that claims more than it has costs nothing.
  public mutating func readAll() throws(PageAllocError) -> [UInt8] {
    let start = (address, remaining)
    var bytes: [UInt8] = []
    while !isEmpty {
      // All at once if it is little, else double.
      let step = min(count, max(1 << 20, bytes.count))
      var failure: PageAllocError?
      // SAFETY: all of `step` bytes are initialised if reading goes well.
      let next = unsafe [UInt8](unsafeUninitializedCapacity: step) { buffer, initialized in
        do throws(PageAllocError) {
          try unsafe read(
            into: UnsafeMutableRawBufferPointer(start: buffer.baseAddress, count: step))
          initialized = step
        } catch {
          failure = error
        }
      }
      if let failure {
        (address, remaining) = start
        throw failure
      }
      if bytes.isEmpty { bytes = next } else { bytes += next }
    }
    return bytes
  }
}
