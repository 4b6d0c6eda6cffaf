import PageAlloc

/// A bounds-limited window of a region, written through the driver's view.
///
/// Every access is checked against the window: offset ≤ size, length ≤ size, offset + length ≤
/// size, else `PageAllocError.outOfBounds` and nothing moves. The window says nothing about whether
/// its pages have frames: whoever makes one has the pages in use for as long as the window lives
/// (`RegionPages`, `Allocation`).
@safe struct RegionView: BitwiseCopyable, Sendable {
  // INVARIANT: `base ..< base + count` lies inside a mapped driver view.
  private nonisolated(unsafe) let base: UnsafeMutableRawPointer
  let count: Int

  /// SAFETY: the caller warrants the invariant above.
  init(base: UnsafeMutableRawPointer, count: Int) {
    unsafe self.base = unsafe base
    self.count = count
  }

  @inline(__always)
  private func pointer(_ offset: Int, _ length: Int) throws(PageAllocError)
    -> UnsafeMutableRawBufferPointer
  {
    guard offset >= 0, length >= 0, offset <= count, length <= count - offset else {
      throw .outOfBounds(offset: offset, length: length, size: count)
    }
    // SAFETY: just checked to lie inside the window.
    return unsafe UnsafeMutableRawBufferPointer(start: base + offset, count: length)
  }

  /// The bytes themselves, for a copy that the system makes. Traps outside the window.
  ///
  /// SAFETY: the caller uses them while the window lives, and is its one writer.
  @unsafe func bytes(at offset: Int, length: Int) -> UnsafeMutableRawBufferPointer {
    precondition(offset >= 0 && length >= 0 && offset <= count && length <= count - offset)
    // SAFETY: just checked to lie inside the window.
    return unsafe UnsafeMutableRawBufferPointer(start: base + offset, count: length)
  }

  func window(at offset: Int, length: Int) throws(PageAllocError) -> RegionView {
    let bytes = try unsafe pointer(offset, length)
    // SAFETY: a part of this window; the base of a raw buffer over non-null memory is non-null.
    return unsafe RegionView(base: bytes.baseAddress!, count: length)
  }

  /// The one copy: bytes go from the reader's memory straight into the region.
  @inline(__always)
  func copy(from reader: inout UserSliceReader, at offset: Int, length: Int)
    throws(PageAllocError)
  {
    let target = try unsafe pointer(offset, length)
    // SAFETY: `target` lies in the window, and the range is reserved for this writer alone.
    try unsafe reader.read(into: target)
  }

  func write(_ bytes: RawSpan, at offset: Int) throws(PageAllocError) {
    let target = try unsafe pointer(offset, bytes.byteCount)
    // SAFETY: same length on both sides; `target` lies in the window.
    unsafe bytes.withUnsafeBytes { unsafe target.copyMemory(from: $0) }
  }

  func store<T: BitwiseCopyable>(_ value: T, at offset: Int) throws(PageAllocError) {
    let target = try unsafe pointer(offset, MemoryLayout<T>.size)
    // SAFETY: `target` is as long as `T`; storeBytes needs no alignment.
    unsafe target.storeBytes(of: value, as: T.self)
  }

  /// An integer in the copy, at an offset that the caller has checked against its layout.
  func word<T: FixedWidthInteger & BitwiseCopyable>(at offset: Int, as type: T.Type = T.self) -> T {
    precondition(offset >= 0 && offset <= count - MemoryLayout<T>.size)
    // SAFETY: just checked to lie inside the window; loadUnaligned needs no alignment.
    return unsafe base.loadUnaligned(fromByteOffset: offset, as: T.self)
  }

  func read(at offset: Int, into target: inout MutableRawSpan) throws(PageAllocError) {
    let source = try unsafe pointer(offset, target.byteCount)
    // SAFETY: same length on both sides; the span is exclusive, so they do not overlap.
    unsafe target.withUnsafeMutableBytes { unsafe $0.copyMemory(from: .init(source)) }
  }

  func fillZero(at offset: Int, length: Int) throws(PageAllocError) {
    let target = try unsafe pointer(offset, length)
    // SAFETY: `target` lies in the window.
    unsafe target.initializeMemory(as: UInt8.self, repeating: 0)
  }
}
