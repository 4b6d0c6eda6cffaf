/// Room for one value for each page of a region, a chunk at a time: a region that uses few pages
/// pays for few.
///
/// Values are initialised and taken out by the owner; the table only has the memory. Not
/// thread-safe: it lives under its owner's lock.
@safe
struct SparseTable<Value: ~Copyable>: ~Copyable {
  private static var chunkShift: Int { 5 }
  private static var chunkSize: Int { 1 << chunkShift }

  private let chunks: UnsafeMutablePointer<UnsafeMutablePointer<Value>?>
  private let chunkCount: Int

  init(count: Int) {
    chunkCount = (count + Self.chunkSize - 1) >> Self.chunkShift
    unsafe chunks = .allocate(capacity: chunkCount)
    unsafe chunks.initialize(repeating: nil, count: chunkCount)
  }

  deinit {
    // SAFETY: `init` made the directory; the owner has taken all values out.
    for index in 0..<chunkCount { unsafe chunks[index]?.deallocate() }
    unsafe chunks.deallocate()
  }

  /// The place of a value that was put there.
  @inline(__always)
  subscript(index: Int) -> UnsafeMutablePointer<Value> {
    assert(index >= 0 && index >> Self.chunkShift < chunkCount)
    // SAFETY: the chunk was made when the value was put there.
    return unsafe chunks[index >> Self.chunkShift].unsafelyUnwrapped
      + index & (Self.chunkSize - 1)
  }

  /// The place for a new value.
  @inline(__always)
  func place(_ index: Int) -> UnsafeMutablePointer<Value> {
    assert(index >= 0 && index >> Self.chunkShift < chunkCount)
    // SAFETY: the index is one of the table's (asserted), so its chunk has an entry.
    if unsafe chunks[index >> Self.chunkShift] == nil { makeChunk(index >> Self.chunkShift) }
    return unsafe self[index]
  }

  @inline(never)
  private func makeChunk(_ index: Int) {
    unsafe chunks[index] = .allocate(capacity: Self.chunkSize)
  }
}
