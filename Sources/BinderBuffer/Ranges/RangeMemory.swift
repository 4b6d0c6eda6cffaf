/// Where tables lie in one mapping: handed out in order, each on a cache line or a page.
struct RangeLayout {
  private(set) var byteCount = 0

  /// Room for `count` elements; gives its distance from the start.
  mutating func add<Element>(_: Element.Type, count: Int, alignment: Int = 64) -> Int {
    let offset = (byteCount + alignment - 1) & ~(alignment - 1)
    byteCount = offset + count * MemoryLayout<Element>.stride
    return offset
  }
}

/// The memory that every allocator has: the short array and the metadata of its eight slots.
@safe
struct SmallBlock: ~Copyable {
  private let base: UnsafeMutableRawPointer
  private let metadataAt: Int

  init(metadataStride: Int, metadataAlignment: Int) {
    let alignment = max(64, metadataAlignment)
    metadataAt = (2 * 64 + 64 + alignment - 1) & ~(alignment - 1)
    let byteCount = metadataAt + (ShortArray.capacity + 1) * metadataStride
    // SAFETY: uninitialised memory; the array initialises its entries, owners and metadata are
    // written before they are read.
    unsafe base = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: alignment)
  }

  // SAFETY: the tables lie one behind the other within the block, which outlives them.
  var entries: Table<ShortArray.Entry> { unsafe Table(at: base, count: ShortArray.capacity) }
  var owners: Table<RangeOwner> {
    unsafe Table(at: base + 64, count: ShortArray.capacity + 1)
  }
  var metadata: UnsafeMutableRawPointer { unsafe base + metadataAt }

  deinit {
    // SAFETY: allocated in init, freed once; the metadata has been destroyed by the allocator.
    unsafe base.deallocate()
  }
}
