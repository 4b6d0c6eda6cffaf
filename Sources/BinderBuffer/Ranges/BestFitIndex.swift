/// The Rust driver's index of free ranges: exact best fit, the lowest offset among equals.
///
/// Ranges below 8 KiB have a bin for each size, found through a bitmap. Longer ones, of which
/// 4 MiB hold at most 511 and usually a handful, stand in one array in no order, which a search
/// scans. The range at the region's end, which changes most, is in neither.
///
/// INVARIANT: every free range is in exactly one of the three: the last range of the region in
/// `trailing`, others by size. A long range's tag is its index in `long`.
struct BestFitIndex {
  static let longCapacity = 512

  var bins = TieBins()
  /// `size << 40 | start << 20 | node`.
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
    let least = UInt64(size) << 40
    var best = UInt64.max
    for i in 0..<longCount {
      // Keys that are too small wrap around to the largest.
      best = min(best, long[i] &- least)
    }
    guard best < 1 << 60 else { return trailingSize >= size ? trailing : 0 }
    best &+= least
    return trailingSize >= size && trailingSize < Self.size(best) ? trailing : Self.node(best)
  }

  /// The long range at an index, the region's last one aside.
  @inline(__always)
  func longRange(_ index: UInt32) -> (id: UInt32, start: UInt32, size: UInt32) {
    let key = long[index]
    return (Self.node(key), UInt32(truncatingIfNeeded: key >> 20) & 0xF_FFFF, Self.size(key))
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
      long[longCount] = Self.key(id, start: start, size: size)
      nodes[id].tag = longCount
      longCount &+= 1
    }
  }

  @inline(__always)
  mutating func remove(_ id: UInt32, _ node: RangeNode) {
    let size = node.word.size
    if node.next == 0 {
      trailingSize = 0
    } else if size < TieBins.binCount {
      bins.remove(id, from: size, nodes: nodes)
    } else {
      longCount &-= 1
      let moved = long[longCount]
      long[node.tag] = moved
      nodes[Self.node(moved)].tag = node.tag
    }
  }

  /// The longest free range, in units.
  @inline(__always)
  var largest: UInt32 {
    if longCount == 0 { return max(trailingSize, bins.sizes.largest) }
    var largest: UInt64 = 0
    for i in 0..<longCount { largest = max(largest, long[i]) }
    return max(trailingSize, Self.size(largest))
  }

  static func key(_ id: UInt32, start: UInt32, size: UInt32) -> UInt64 {
    UInt64(size) << 40 | UInt64(start) << 20 | UInt64(id)
  }
  static func node(_ key: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: key & 0xF_FFFF) }
  private static func size(_ key: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: key >> 40) }
}
