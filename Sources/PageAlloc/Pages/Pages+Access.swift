extension Pages {
  /// Runs `body` on `length` bytes from `offset` on.
  ///
  /// - Throws: `PageAllocError.outOfBounds`, before `body` runs, unless offset and length and
  ///   their sum lie in `0...size`; and what `body` throws.
  @inlinable
  public borrowing func withBytes<R: ~Copyable>(
    offset: Int = 0, length: Int = size, _ body: (RawSpan) throws(PageAllocError) -> R
  ) throws(PageAllocError) -> R {
    try Self.check(offset, length)
    // SAFETY: the bytes are inside the pages, which are mapped and ours while `self` is borrowed.
    let bytes = unsafe UnsafeRawBufferPointer(start: base + offset, count: length)
    return try body(unsafe bytes.bytes)
  }

  /// Runs `body` on `length` bytes from `offset` on, which it may change.
  ///
  /// - Throws: `PageAllocError.outOfBounds`, before `body` runs, unless offset and length and
  ///   their sum lie in `0...size`; `.inherited` in a forked child; and what `body` throws.
  @inlinable
  public mutating func withMutableBytes<R: ~Copyable>(
    offset: Int = 0, length: Int = size, _ body: (inout MutableRawSpan) throws(PageAllocError) -> R
  ) throws(PageAllocError) -> R {
    try checkWritable()
    try Self.check(offset, length)
    // SAFETY: as above, and the access is exclusive because `self` is.
    let bytes = unsafe UnsafeMutableRawBufferPointer(start: base + offset, count: length)
    var span = unsafe bytes.mutableBytes
    return try body(&span)
  }

  /// Copies bytes from `offset` on into all of `target`.
  /// - Throws: `PageAllocError.outOfBounds`, before anything is copied.
  @inlinable
  public borrowing func read(
    into target: inout MutableRawSpan, at offset: Int
  ) throws(PageAllocError) {
    try Self.check(offset, target.byteCount)
    // SAFETY: both ranges have that many bytes, and exclusive access to `target` keeps it apart.
    unsafe target.withUnsafeMutableBytes { target in
      unsafe target.copyMemory(
        from: UnsafeRawBufferPointer(start: base + offset, count: target.count))
    }
  }

  /// Copies all of `source` to `offset`.
  /// - Throws: `PageAllocError.outOfBounds`, before anything is copied.
  @inlinable
  public mutating func write(_ source: RawSpan, at offset: Int) throws(PageAllocError) {
    try checkWritable()
    try Self.check(offset, source.byteCount)
    // SAFETY: both ranges have that many bytes.
    unsafe source.withUnsafeBytes { source in
      unsafe UnsafeMutableRawBufferPointer(start: base + offset, count: source.count)
        .copyMemory(from: source)
    }
  }

  /// Sets `length` bytes from `offset` on to zero.
  /// - Throws: `PageAllocError.outOfBounds`, before anything is written.
  @inlinable
  public mutating func fillZero(offset: Int = 0, length: Int = size) throws(PageAllocError) {
    try checkWritable()
    try Self.check(offset, length)
    // SAFETY: the bytes are inside the pages.
    unsafe (base + offset).initializeMemory(as: UInt8.self, repeating: 0, count: length)
  }

  /// Copies the next `length` bytes of `reader` to `offset`, in one copy.
  ///
  /// - Throws: `PageAllocError.outOfBounds`, `.pastEnd`, or what reading the source's memory ends
  ///   with (`.badAddress`, `.processGone`, `.processDenied`). The reader has then not moved; bytes
  ///   before the bad address may have been copied.
  @inlinable
  public mutating func copy(
    from reader: inout UserSliceReader, at offset: Int = 0, length: Int
  ) throws(PageAllocError) {
    try checkWritable()
    try Self.check(offset, length)
    // SAFETY: the retain of this value keeps the arena alive.
    let fails = unsafe arena._withUnsafeGuaranteedRef { $0.injectsCopyFault }
    if fails { throw .injected(.userCopy) }
    // SAFETY: the bytes are inside the pages.
    try unsafe reader.read(
      into: UnsafeMutableRawBufferPointer(start: base + offset, count: length))
  }

  @usableFromInline
  borrowing func checkWritable() throws(PageAllocError) {
    // SAFETY: the retain of this value keeps the arena alive.
    if unsafe arena._withUnsafeGuaranteedRef({ $0.memory.isInherited }) { throw .inherited }
  }

  @inlinable
  static func check(_ offset: Int, _ length: Int) throws(PageAllocError) {
    // No overflow: both are at most `size` when they are added.
    guard offset >= 0, offset <= size, length >= 0, length <= size, offset + length <= size
    else { throw .outOfBounds(offset: offset, length: length, size: size) }
  }
}
