/// Where a table lies in the one mapping that holds them all.
struct TablePlace<Element: BitwiseCopyable> {
  /// Bytes from the mapping's start.
  let distance: Int
  let count: Int
}

/// Shares a mapping out over tables. Large ones start on a page of their own, so that what is
/// touched of them is all that is touched.
struct RangeLayout {
  private(set) var byteCount = 0

  /// - Parameter alignment: at most a page.
  mutating func add<Element>(
    _: Element.Type, count: Int, alignment: Int = 64
  ) -> TablePlace<Element> {
    let size = count * MemoryLayout<Element>.stride
    let alignment = size > 8192 ? 4096 : max(64, alignment)
    let distance = (byteCount + alignment - 1) & ~(alignment - 1)
    byteCount = distance + size
    return TablePlace(distance: distance, count: count)
  }
}

extension Table {
  /// The table at its place in the mapping that starts at `start`.
  init(_ place: TablePlace<Element>, from start: UnsafeMutableRawPointer) {
    // SAFETY: the place was laid out within the mapping, aligned, for that many elements.
    unsafe self.init(at: start + place.distance, count: place.count)
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
