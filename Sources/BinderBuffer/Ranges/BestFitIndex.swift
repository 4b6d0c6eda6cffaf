/// The Rust driver's index of free ranges: exact best fit, the lowest offset among equals.
///
/// Ranges below 8 KiB have a bin for each size, found through a two-level bitmap. Longer ones, of
/// which 4 MiB hold at most 511, stand in one array sorted by size and start. The range at the
/// region's end, which changes most, is in neither.
///
/// INVARIANT: every free range is in exactly one of the three: the last range of the region in
/// `trailing`, others by size. A bin's bit is set exactly when it has a member, a word's bit in
/// `summary` exactly when the word is not zero.
struct BestFitIndex {
  /// Sizes from this many units on are long.
  static let binCount = 1024
  static let longCapacity = 512

  var bins = Table<TieBin>()
  var bits = Table<UInt64>()
  /// `size << 40 | start << 20 | node`, ascending.
  var long = Table<UInt64>()
  var ties = TieHeap()
  private(set) var longCount: UInt32 = 0
  private(set) var summary: UInt64 = 0
  /// The free range at the region's end; its size is 0 when there is none.
  private(set) var trailing: UInt32 = 0
  private(set) var trailingSize: UInt32 = 0

  /// Forgets the range at the end, the last one there is.
  mutating func reset() {
    trailing = 0
    trailingSize = 0
    ties.reset()
  }

  /// The range that a request of `size` units takes, or 0.
  @inline(__always)
  func find(_ size: UInt32) -> UInt32 {
    var id: UInt32 = 0
    var found: UInt32 = .max
    if size < UInt32(Self.binCount) {
      let bin = smallestBin(size)
      if bin != 0 {
        id = ties.lowest(bins[bin])
        found = bin
      } else if longCount != 0 {
        id = Self.node(long[0])
        found = Self.size(long[0])
      }
    } else {
      let index = longIndex(UInt64(size) << 40)
      if index < longCount {
        id = Self.node(long[index])
        found = Self.size(long[index])
      }
    }
    // Of equals the trailing one is never the lowest.
    return trailingSize >= size && trailingSize < found ? trailing : id
  }

  /// The smallest bin from `size` on that has a member, or 0.
  @inline(__always)
  private func smallestBin(_ size: UInt32) -> UInt32 {
    let word = size >> 6
    let here = bits[word] & (~0 << UInt64(size & 63))
    if here != 0 { return word << 6 | UInt32(truncatingIfNeeded: here.trailingZeroBitCount) }
    let above = summary & (~1 << UInt64(word))
    if above == 0 { return 0 }
    let next = UInt32(truncatingIfNeeded: above.trailingZeroBitCount)
    return next << 6 | UInt32(truncatingIfNeeded: bits[next].trailingZeroBitCount)
  }

  /// Enters a free range; `isLast` when nothing stands behind it.
  @inline(__always)
  mutating func insert(_ id: UInt32, start: UInt32, size: UInt32, isLast: Bool) {
    if isLast {
      trailing = id
      trailingSize = size
    } else if size < UInt32(Self.binCount) {
      let bin = bins[size]
      bins[size] = ties.insert(id, start: start, into: bin)
      if bin.count == 0 {
        bits[size >> 6] |= 1 << UInt64(size & 63)
        summary |= 1 << UInt64(size >> 6)
      }
    } else {
      insertLong(Self.key(id, start: start, size: size))
    }
  }

  @inline(__always)
  mutating func remove(_ id: UInt32, start: UInt32, size: UInt32, isLast: Bool) {
    if isLast {
      trailingSize = 0
    } else if size < UInt32(Self.binCount) {
      let bin = ties.remove(id, from: bins[size])
      bins[size] = bin
      if bin.count == 0 {
        let word = bits[size >> 6] & ~(1 << UInt64(size & 63))
        bits[size >> 6] = word
        if word == 0 { summary &= ~(1 << UInt64(size >> 6)) }
      }
    } else {
      removeLong(Self.key(id, start: start, size: size))
    }
  }

  /// The longest free range, in units.
  var largest: UInt32 {
    if longCount != 0 { return max(trailingSize, Self.size(long[longCount &- 1])) }
    guard summary != 0 else { return trailingSize }
    let word = 63 &- UInt32(truncatingIfNeeded: summary.leadingZeroBitCount)
    let bit = 63 &- UInt32(truncatingIfNeeded: bits[word].leadingZeroBitCount)
    return max(trailingSize, word << 6 | bit)
  }

  /// How many long ranges have a lower key.
  private func longIndex(_ key: UInt64) -> UInt32 {
    var low: UInt32 = 0
    var high = longCount
    while low < high {
      let middle = (low &+ high) >> 1
      if long[middle] < key { low = middle &+ 1 } else { high = middle }
    }
    return low
  }

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
