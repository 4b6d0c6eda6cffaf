/// The free ranges of one size: how many, and where they are kept.
struct TieBin: BitwiseCopyable {
  var count: UInt32
  /// The node itself when there is one; else the root block.
  var root: UInt32

  static let empty = TieBin(count: 0, root: 0)
}

/// Sets of equally long free ranges that give up the lowest one quickly, however many there are.
///
/// A set is a tree of blocks of eight 64-bit keys, one cache line each. A leaf's key is
/// `start << 32 | node`, an inner one's `lowest start below << 32 | block`; unused keys are all
/// ones, so that the lowest of a block is found without a branch. Members stand in no order: a
/// new one goes to the end, and the last one fills the gap that a leaving one makes. Each member
/// knows its position (its owner record's tag), whose octal digits are its path.
///
/// O(log₈ n) for each operation, one block up to eight members, none for a single one.
///
/// INVARIANT: positions are `0..<count`; the tree is the lowest that holds them.
/// INVARIANT: an inner key's start is the lowest below it.
struct TieHeap {
  static let width: UInt32 = 8

  /// Keys of all blocks; block b has keys `8b..<8b + 8`. Block 0 is not used.
  var keys = Table<UInt64>()
  var nodes = Table<RangeNode>()
  var owners = Table<RangeOwner>()
  private(set) var recycled: UInt32 = 0
  private(set) var unused: UInt32 = 1

  /// Blocks that free ranges in a region of `units` can need: leaves and inner blocks of full
  /// sets, and for each size one path that is nearly empty.
  static func blockCount(units: Int) -> Int { units / 12 + 8 * BestFitIndex.binCount }

  mutating func reset() {
    recycled = 0
    unused = 1
  }

  /// Levels of blocks for `count` members, two or more.
  @inline(__always)
  static func height(_ count: UInt32) -> UInt32 {
    (32 &- UInt32(truncatingIfNeeded: (count &- 1).leadingZeroBitCount) &+ 2) / 3
  }

  @inline(__always)
  private static func key(_ start: UInt32, _ low: UInt32) -> UInt64 {
    UInt64(start) << 32 | UInt64(low)
  }

  @inline(__always)
  private static func low(_ key: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: key) }

  @inline(__always)
  private static func start(_ key: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: key >> 32) }

  /// The lowest member of a set that is not empty.
  @inline(__always)
  func lowest(_ bin: TieBin) -> UInt32 {
    if bin.count == 1 { return bin.root }
    var low = Self.low(lowestKey(bin.root))
    var capacity = Self.width
    while capacity < bin.count {
      low = Self.low(lowestKey(low))
      capacity &*= Self.width
    }
    return low
  }

  @inline(__always)
  private func lowestKey(_ block: UInt32) -> UInt64 {
    let base = block &* Self.width
    let a = min(keys[base], keys[base &+ 1])
    let b = min(keys[base &+ 2], keys[base &+ 3])
    let c = min(keys[base &+ 4], keys[base &+ 5])
    let d = min(keys[base &+ 6], keys[base &+ 7])
    return min(min(a, b), min(c, d))
  }

  @inline(__always)
  mutating func insert(_ id: UInt32, start: UInt32, into bin: TieBin) -> TieBin {
    if bin.count == 0 { return TieBin(count: 1, root: id) }
    let position = bin.count
    owners[id].tag = position
    if position == 1 {
      let block = makeBlock()
      owners[bin.root].tag = 0
      keys[block &* Self.width] = Self.key(nodes[bin.root].start, bin.root)
      keys[block &* Self.width &+ 1] = Self.key(start, id)
      return TieBin(count: 2, root: block)
    }
    if position < Self.width {
      keys[bin.root &* Self.width &+ position] = Self.key(start, id)
      return TieBin(count: position &+ 1, root: bin.root)
    }
    return insertDeep(Self.key(start, id), into: bin)
  }

  private mutating func insertDeep(_ key: UInt64, into bin: TieBin) -> TieBin {
    let position = bin.count
    var height = Self.height(position)
    var root = bin.root
    if position == 1 << (3 &* height) {
      let block = makeBlock()
      keys[block &* Self.width] = Self.key(Self.start(lowestKey(root)), root)
      root = block
      height &+= 1
    }
    var block = root
    var shift = 3 &* (height &- 1)
    while shift > 0 {
      let index = block &* Self.width &+ (position >> shift) & 7
      let inner = keys[index]
      block = inner == .max ? makeBlock() : Self.low(inner)
      keys[index] = Self.key(min(Self.start(inner), Self.start(key)), block)
      shift &-= 3
    }
    keys[block &* Self.width &+ position & 7] = key
    return TieBin(count: position &+ 1, root: root)
  }

  @inline(__always)
  mutating func remove(_ id: UInt32, from bin: TieBin) -> TieBin {
    if bin.count == 1 { return .empty }
    let last = bin.count &- 1
    let position = owners[id].tag
    if last >= Self.width { return removeDeep(position, from: bin) }
    let base = bin.root &* Self.width
    let moved = keys[base &+ last]
    // The leaving one may be the last itself: then the second store undoes the first.
    keys[base &+ position] = moved
    keys[base &+ last] = .max
    owners[Self.low(moved)].tag = position
    if last > 1 { return TieBin(count: last, root: bin.root) }
    let remaining = Self.low(keys[base])
    recycleBlock(bin.root)
    return TieBin(count: 1, root: remaining)
  }

  private mutating func removeDeep(_ position: UInt32, from bin: TieBin) -> TieBin {
    let last = bin.count &- 1
    let height = Self.height(bin.count)
    var moved: UInt64 = 0
    _ = takeLast(last, below: bin.root, shift: 3 &* (height &- 1), into: &moved)
    if position != last {
      owners[Self.low(moved)].tag = position
      _ = put(moved, at: position, below: bin.root, shift: 3 &* (height &- 1))
    }
    guard last == 1 << (3 &* (height &- 1)) else { return TieBin(count: last, root: bin.root) }
    let root = Self.low(keys[bin.root &* Self.width])
    recycleBlock(bin.root)
    return TieBin(count: last, root: root)
  }

  /// Takes the key at the last position out; gives the block's new lowest key, all ones when the
  /// block became empty and was recycled.
  private mutating func takeLast(
    _ last: UInt32, below block: UInt32, shift: UInt32, into key: inout UInt64
  ) -> UInt64 {
    let digit = (last >> shift) & 7
    let index = block &* Self.width &+ digit
    if shift == 0 {
      key = keys[index]
      keys[index] = .max
    } else {
      let child = Self.low(keys[index])
      let lowest = takeLast(last, below: child, shift: shift &- 3, into: &key)
      keys[index] = lowest == .max ? .max : Self.key(Self.start(lowest), child)
    }
    if digit == 0 {
      // Nothing stands behind the last: if it was the first here, the block is empty now.
      if keys[index] == .max {
        recycleBlock(block)
        return .max
      }
    }
    return lowestKey(block)
  }

  /// Overwrites the key at `position`; gives the block's new lowest key.
  private func put(
    _ key: UInt64, at position: UInt32, below block: UInt32, shift: UInt32
  ) -> UInt64 {
    let index = block &* Self.width &+ (position >> shift) & 7
    if shift == 0 {
      keys[index] = key
    } else {
      let child = Self.low(keys[index])
      let lowest = put(key, at: position, below: child, shift: shift &- 3)
      keys[index] = Self.key(Self.start(lowest), child)
    }
    return lowestKey(block)
  }

  private mutating func makeBlock() -> UInt32 {
    var block = recycled
    if block != 0 {
      recycled = Self.low(keys[block &* Self.width])
    } else {
      block = unused
      unused &+= 1
    }
    for i in 0..<Self.width { keys[block &* Self.width &+ i] = .max }
    return block
  }

  private mutating func recycleBlock(_ block: UInt32) {
    keys[block &* Self.width] = UInt64(recycled)
    recycled = block
  }

  /// Calls `body` with each member and its position; false when a key contradicts its node or
  /// the lowest of its block.
  func check(_ bin: TieBin, _ body: (_ id: UInt32, _ position: UInt32) -> Bool) -> Bool {
    guard bin.count > 1 else { return bin.count == 0 || body(bin.root, 0) }
    let height = Self.height(bin.count)
    for position in 0..<bin.count {
      var block = bin.root
      var bound: UInt64?
      for level in (0..<height).reversed() {
        let lowest = lowestKey(block)
        if let bound, Self.start(bound) != Self.start(lowest) { return false }
        let key = keys[block * Self.width + (position >> (3 * level)) & 7]
        if key == .max { return false }
        bound = key
        block = Self.low(key)
      }
      guard let bound, Self.start(bound) == nodes[block].start else { return false }
      if owners[block].tag != position || !body(block, position) { return false }
    }
    return true
  }
}
