/// The Rust driver's index of free ranges: exact best fit, the lowest offset among equals.
///
/// Ranges below 8 KiB have a bin for each size, found through a bitmap. Longer ones, of which
/// 4 MiB hold at most 511, stand in one array sorted by size and start. The range at the region's
/// end, which changes most, is in neither.
///
/// INVARIANT: every free range is in exactly one of the three: the last range of the region in
/// `trailing`, others by size.
struct BestFitIndex {
  static let longCapacity = 512

  var bins = TieBins()
  /// `size << 40 | start << 20 | node`, ascending.
  var long = Table<UInt64>()
  var nodes = Table<RangeNode>()
  private(set) var longCount: UInt32 = 0
  /// The free range at the region's end; its size is 0 when there is none.
  private(set) var trailing: UInt32 = 0
  private(set) var trailingSize: UInt32 = 0

  /// Forgets the range at the end, the last one there is.
  mutating func reset() { trailingSize = 0 }

  /// The range that a request of `size` units takes, or 0.
  @inline(__always)
  mutating func find(_ size: UInt32) -> UInt32 {
    let bin = size < TieBins.binCount ? bins.sizes.smallest(from: size) : 0
    if bin == 0 { return findLong(size) }
    // Of equals the trailing one is never the lowest.
    return trailingSize >= size && trailingSize < bin ? trailing : bins.lowest(bin)
  }

  @inline(never)
  private mutating func findLong(_ size: UInt32) -> UInt32 {
    let index = longIndex(UInt64(size) << 40)
    if index == longCount { return trailingSize >= size ? trailing : 0 }
    return trailingSize >= size && trailingSize < Self.size(long[index])
      ? trailing : Self.node(long[index])
  }

  /// Enters a free range; `isLast` when nothing stands behind it.
  @inline(__always)
  mutating func insert(_ id: UInt32, start: UInt32, size: UInt32, isLast: Bool) {
    if isLast {
      trailing = id
      trailingSize = size
    } else if size < TieBins.binCount {
      nodes[id].tag = bins.insert(id, start: start, into: size)
    } else {
      insertLong(Self.key(id, start: start, size: size))
    }
  }

  @inline(__always)
  mutating func remove(_ id: UInt32, _ node: RangeNode) {
    let size = node.word.size
    if node.next == 0 {
      trailingSize = 0
    } else if size < TieBins.binCount {
      bins.remove(at: node.tag, from: size, nodes: nodes)
    } else {
      removeLong(Self.key(id, start: node.start, size: size))
    }
  }

  /// The longest free range, in units.
  @inline(__always)
  var largest: UInt32 {
    max(trailingSize, longCount != 0 ? Self.size(long[longCount &- 1]) : bins.sizes.largest)
  }

  /// How many long ranges have a lower key.
  @inline(__always)
  private func longIndex(_ key: UInt64) -> UInt32 {
    // Halving without a branch on what is found.
    var low: UInt32 = 0
    var length = longCount
    while length > 0 {
      let half = length >> 1
      low &+= long[low &+ half] < key ? length &- half : 0
      length = half
    }
    return low
  }

  @inline(never)
  private mutating func insertLong(_ key: UInt64) {
    let index = longIndex(key)
    var i = longCount
    while i > index {
      long[i] = long[i &- 1]
      i &-= 1
    }
    long[index] = key
    longCount &+= 1
  }

  @inline(never)
  private mutating func removeLong(_ key: UInt64) {
    var i = longIndex(key)
    longCount &-= 1
    while i < longCount {
      long[i] = long[i &+ 1]
      i &+= 1
    }
  }

  static func key(_ id: UInt32, start: UInt32, size: UInt32) -> UInt64 {
    UInt64(size) << 40 | UInt64(start) << 20 | UInt64(id)
  }
  static func node(_ key: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: key & 0xF_FFFF) }
  private static func size(_ key: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: key >> 40) }
}
