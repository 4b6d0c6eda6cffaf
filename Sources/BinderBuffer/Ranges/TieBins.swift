/// For each size below 8 KiB, the set of free ranges of exactly that size; the lowest of a set is
/// found quickly, however many there are.
///
/// A bin is a cache line of eight words: a head, and room for the keys of seven members. A key is
/// the complement of `start << 32 | node`: so 0 is an unused key, and the largest key stands for
/// the lowest range and is found without a branch. Members stand in no order: a new one goes to
/// the end, and the last one fills the gap that a leaving one makes. Each member knows its
/// position (its node's tag). When the line is full, the keys move into a *chunk*, an array that
/// doubles when it is full, up to 1024 keys; a larger set hangs in a tree (`TieBins+Tree`). What
/// has become too large for its members is given up when the lowest of them is asked for.
///
/// Adding and removing is O(1) up to 1024 members (moving to another chunk is bounded by that),
/// finding the lowest looks at all of them; beyond that everything is O(log n).
///
/// INVARIANT: positions are `0..<count`; keys in no position are 0.
/// INVARIANT: a bin's bit is set exactly when it has members.
struct TieBins {
  static let binCount = SizeBitmap.sizeCount
  /// Keys in a bin's own line.
  static let lineCapacity: UInt32 = 7
  /// The chunks' capacities are 16, 32, … up to this.
  static let largestChunk: UInt32 = 1024
  /// From a chunk of more keys than this the lowest is not taken: it becomes a tree.
  static let largestScan: UInt32 = 128

  /// Which bins have members.
  var sizes = SizeBitmap()
  /// Bin b is `words[8b..<8b + 8]`; the recycled chunks' chains and the chunks themselves follow
  /// the last bin.
  var words = Table<UInt64>()
  var unused = Self.firstChunk

  /// One chain for each capacity, by its exponent.
  static let chains = binCount * 8
  static let firstChunk = chains + 16

  /// Words that a region of `units` can need. For each bin and capacity one chunk; for trees,
  /// whose blocks are chunks of eight, leaves and inner blocks of full trees and for each bin one
  /// path that is nearly empty.
  static func wordCount(units: Int) -> Int {
    Int(firstChunk) + Int(binCount) * (16 + 32 + 64 + 128 + 256 + 512 + 1024)
      + (units / 12 + 8 * Int(binCount))
      * 8
  }

  // MARK: Keys

  @inline(__always)
  static func key(_ start: UInt32, _ low: UInt32) -> UInt64 {
    ~(UInt64(start) << 32 | UInt64(low))
  }

  /// The node of a member's key, the block of an inner one's.
  @inline(__always)
  static func start(_ key: UInt64) -> UInt32 { ~UInt32(truncatingIfNeeded: key >> 32) }

  @inline(__always)
  static func low(_ key: UInt64) -> UInt32 { ~UInt32(truncatingIfNeeded: key) }

  /// The largest of eight keys.
  @inline(__always)
  func largestKey(_ first: UInt32) -> UInt64 {
    max(words[first], largestKeyBehind(first))
  }

  /// The largest of the seven keys behind `first`.
  @inline(__always)
  func largestKeyBehind(_ first: UInt32) -> UInt64 {
    let a = max(words[first &+ 1], words[first &+ 2])
    let b = max(words[first &+ 3], words[first &+ 4])
    let c = max(words[first &+ 5], words[first &+ 6])
    return max(max(a, b), max(c, words[first &+ 7]))
  }

  // MARK: Heads

  /// A bin's first word: all zero when it has never been used.
  struct Head {
    var bits: UInt64

    @inline(__always) init(bits: UInt64) { self.bits = bits }

    init(count: UInt32, capacity: UInt32, base: UInt32) {
      bits = UInt64(base) << 32 | UInt64(capacity) << 20 | UInt64(count)
    }

    /// Members: 20 bits, so that adding 1 to the head counts one more.
    @inline(__always) var count: UInt32 { UInt32(truncatingIfNeeded: bits) & 0xF_FFFF }
    /// Keys that there is room for (12 bits); 0 for a tree.
    @inline(__always) var capacity: UInt32 { UInt32(truncatingIfNeeded: bits) >> 20 }
    /// The first key's word, or the tree root's.
    @inline(__always) var base: UInt32 { UInt32(truncatingIfNeeded: bits >> 32) }
    @inline(__always) var isInline: Bool { capacity == lineCapacity }
    @inline(__always) var hasRoom: Bool { count < capacity }
    /// Neither a tree nor never used.
    @inline(__always) var isFlat: Bool { capacity != 0 }
    var hasTree: Bool { capacity == 0 && base != 0 }
  }

  @inline(__always)
  func head(_ bin: UInt32) -> Head { Head(bits: words[bin &* 8]) }

  // MARK: Bins

  /// The key of the lowest member of a bin without chunk or tree.
  @inline(__always)
  func lowestKey(inLineOf bin: UInt32) -> UInt64 { largestKeyBehind(bin &* 8) }

  /// The lowest member of a bin that is not empty.
  @inline(__always)
  mutating func lowest(_ bin: UInt32) -> UInt32 {
    let head = head(bin)
    return head.isInline ? Self.low(lowestKey(inLineOf: bin)) : lowestBeyond(bin &* 8)
  }

  @inline(never)
  private mutating func lowestBeyond(_ line: UInt32) -> UInt32 {
    let head = trim(line)
    if !head.isFlat { return lowestInTree(head) }
    if head.isInline { return Self.low(largestKeyBehind(line)) }
    var key: UInt64 = 0
    var first = head.base
    let end = first &+ head.count
    while first < end {
      key = max(key, largestKey(first))
      first &+= 8
    }
    return Self.low(key)
  }

  /// Gives a bin that is asked for its lowest member the form that suits their number.
  private mutating func trim(_ line: UInt32) -> Head {
    var head = Head(bits: words[line])
    if !head.isFlat {
      if head.count <= Self.largestScan / 2 { head = fellTree(head) }
    } else if head.count > Self.largestScan {
      head = plantTree(head)
    } else if head.count < head.capacity / 4 {
      head = moveKeys(head, to: head.capacity == 16 ? Self.lineCapacity : head.capacity / 2, line)
    }
    words[line] = head.bits
    return head
  }

  /// Adds a range of `bin` units; gives its position, to be kept in its node.
  @inline(__always)
  mutating func insert(_ id: UInt32, start: UInt32, into bin: UInt32) -> UInt32 {
    let head = head(bin)
    if head.hasRoom { return add(id, start: start, to: bin, head) }
    insertBeyond(Self.key(start, id), bin)
    return head.count
  }

  /// Adds to a bin that has room.
  @inline(__always)
  func add(_ id: UInt32, start: UInt32, to bin: UInt32, _ head: Head) -> UInt32 {
    let position = head.count
    words[bin &* 8] = head.bits &+ 1
    words[head.base &+ position] = Self.key(start, id)
    sizes.insert(bin)
    return position
  }

  /// Adds to a bin that is new or full or has a tree.
  @inline(never)
  private mutating func insertBeyond(_ key: UInt64, _ bin: UInt32) {
    let line = bin &* 8
    var head = head(bin)
    if head.base == 0 {
      head = Head(count: 0, capacity: Self.lineCapacity, base: line &+ 1)
    } else if !head.hasTree && head.capacity < Self.largestChunk {
      head = moveKeys(head, to: max(16, head.capacity &* 2), line)
    } else {
      insertInTree(key, head.hasTree ? head : plantTree(head), line)
      return
    }
    words[line] = head.bits &+ 1
    words[head.base &+ head.count] = key
    sizes.insert(bin)
  }

  /// Removes a member and moves the last one into its place.
  @inline(__always)
  mutating func remove(_ id: UInt32, from bin: UInt32, nodes: Table<RangeNode>) {
    if head(bin).isFlat {
      drop(id, from: bin, nodes: nodes)
    } else {
      removeInTree(nodes[id].tag, bin &* 8, nodes)
    }
  }

  /// Removes from a flat bin, which keeps its chunk.
  @inline(__always)
  func drop(_ id: UInt32, from bin: UInt32, nodes: Table<RangeNode>) {
    let head = head(bin)
    let position = nodes[id].tag
    let last = head.base &+ head.count &- 1
    words[bin &* 8] = head.bits &- 1
    let moved = words[last]
    // The leaving one may be the last itself: then the second store undoes the first.
    words[head.base &+ position] = moved
    words[last] = 0
    nodes[Self.low(moved)].tag = position
    // Whether the bin becomes empty is a coin toss: clear the bit without a branch.
    sizes.remove(bin, if: head.count == 1)
  }

  /// Makes bin 0, which stays empty, look flat: the bin of a neighbour that is not free.
  func prepare() { words[0] = Head(count: 0, capacity: Self.lineCapacity, base: 1).bits }

  // MARK: Chunks

  /// Moves a bin's keys to an array of another capacity; gives the head to be.
  private mutating func moveKeys(_ head: Head, to capacity: UInt32, _ line: UInt32) -> Head {
    let base = capacity == Self.lineCapacity ? line &+ 1 : makeChunk(capacity)
    for i in 0..<head.count {
      words[base &+ i] = words[head.base &+ i]
      words[head.base &+ i] = 0
    }
    if !head.isInline { recycleChunk(head.base, capacity: head.capacity, used: 0) }
    return Head(count: head.count, capacity: capacity, base: base)
  }

  mutating func makeChunk(_ capacity: UInt32) -> UInt32 {
    let chain = Self.chains &+ UInt32(truncatingIfNeeded: capacity.trailingZeroBitCount)
    let chunk = UInt32(truncatingIfNeeded: words[chain])
    if chunk != 0 {
      words[chain] = words[chunk]
      words[chunk] = 0
      return chunk
    }
    unused &+= capacity
    return unused &- capacity
  }

  /// INVARIANT: a recycled chunk is all 0, but for the first word that chains it.
  mutating func recycleChunk(_ chunk: UInt32, capacity: UInt32, used: UInt32) {
    let chain = Self.chains &+ UInt32(truncatingIfNeeded: capacity.trailingZeroBitCount)
    for i in 0..<used { words[chunk &+ i] = 0 }
    words[chunk] = words[chain]
    words[chain] = UInt64(chunk)
  }

  // MARK: Checks

  /// Whether a bin agrees with itself and its members' nodes; calls `body` with each member.
  func check(_ bin: UInt32, nodes: Table<RangeNode>, _ body: (UInt32) -> Bool) -> Bool {
    let head = head(bin)
    guard sizes.contains(bin) == (head.count > 0), head.isInline == (head.base == bin * 8 + 1)
    else { return false }
    func checkMember(_ key: UInt64, _ position: UInt32) -> Bool {
      guard position < head.count else { return key == 0 }
      let id = Self.low(key)
      return key != 0 && key == Self.key(nodes[id].start, id) && nodes[id].tag == position
        && body(id)
    }
    if head.hasTree { return checkTree(head, checkMember) }
    for position in 0..<head.capacity {
      if !checkMember(words[head.base + position], position) { return false }
    }
    return head.count <= head.capacity
  }
}
