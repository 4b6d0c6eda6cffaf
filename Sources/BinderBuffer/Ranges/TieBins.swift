/// For each size below 8 KiB, the set of free ranges of exactly that size, and one set of all
/// longer ones, of which 4 MiB hold at most 511 and usually a handful; the lowest of a set is
/// found quickly, however many there are.
///
/// A bin is a cache line of eight words: a head, and room for the keys of seven members. A key is
/// `size << 40 | start << 20 | node` with size and start complemented: so 0 is an unused key, and
/// the largest key stands for the shortest range, of equals for the lowest, and is found without a
/// branch. Members stand in no order: a new one goes to the end, and the last one fills the gap that
/// a leaving one makes. Each member knows its position (its node's tag). When the line is full, the keys move into a *chunk*, an array that
/// doubles when it is full, up to 1023 keys; a larger set hangs in a tree (`TieBins+Tree`). What
/// has become too large for its members is given up when the lowest of them is asked for.
///
/// Like a line, a chunk has a power of two of words, of which the first is no key, and starts at a
/// multiple of that: so the end of the keys alone, masked, tells how many there are, whether there
/// is room, and where the first stands.
///
/// Adding and removing is O(1) up to 1023 members (moving to another chunk is bounded by that),
/// finding the lowest looks at all of up to 128 or of the long ranges; beyond that everything is
/// O(log n).
///
/// INVARIANT: positions are `1...count`; words of lines and chunks in no position are 0, but for
/// heads.
/// INVARIANT: a bin's bit is set exactly when it has members.
struct TieBins {
  /// The bin of all ranges of 8 KiB and more.
  static let long = SizeBitmap.sizeCount
  static let binCount = long + 1
  /// Keys in a bin's own line.
  static let lineMask: UInt32 = 7
  /// A chunk has room for 15, 31, … keys, up to this.
  static let largestMask: UInt32 = 1023
  /// From a chunk of more keys than this the lowest is not taken: it becomes a tree, unless it
  /// holds the long ranges.
  static let largestScan: UInt32 = 128

  /// Bin b is `words[8b..<8b + 8]`; the recycled chunks' chains, the bitmap and the chunks
  /// themselves follow the last bin.
  var words = Table<UInt64>()
  var unused = Self.firstChunk

  /// One chain for each capacity, by its exponent.
  static let chains = binCount * 8
  private static let bitmap = chains + 16
  static let firstChunk = bitmap + (UInt32(SizeBitmap.wordCount) + 7) & ~7

  /// Which bins have members.
  @inline(__always)
  var sizes: SizeBitmap { SizeBitmap(words: words.suffix(from: Self.bitmap)) }

  /// Words that a region of `units` can need. For each bin and capacity one chunk, and as much
  /// again lost between them; for trees, whose blocks are chunks of eight, leaves and inner blocks
  /// of full trees and for each bin one path that is nearly empty.
  static func wordCount(units: Int) -> Int {
    Int(firstChunk) + 2 * Int(binCount) * (16 + 32 + 64 + 128 + 256 + 512 + 1024)
      + (units / 12 + 8 * Int(binCount))
      * 8
  }

  // MARK: Keys

  static let lowMask: UInt64 = 0xF_FFFF

  @inline(__always)
  static func bin(_ size: UInt32) -> UInt32 {
    // The smaller of the two, without a branch.
    let excess = Int32(bitPattern: size &- long)
    return long &+ UInt32(bitPattern: excess & excess &>> 31)
  }

  @inline(__always)
  static func key(_ id: UInt32, start: UInt32, size: UInt32) -> UInt64 {
    ~(UInt64(size) << 20 | UInt64(start)) << 20 | UInt64(id)
  }

  @inline(__always)
  static func size(_ key: UInt64) -> UInt32 {
    ~UInt32(truncatingIfNeeded: key >> 40) & UInt32(lowMask)
  }

  @inline(__always)
  static func start(_ key: UInt64) -> UInt32 {
    ~UInt32(truncatingIfNeeded: key >> 20) & UInt32(lowMask)
  }

  /// The node of a member's key, an eighth of the block's first word of an inner one's; 0 of none.
  @inline(__always)
  static func low(_ key: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: key & lowMask) }

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

  /// A bin's first word. All zero: it has neither keys nor room.
  struct Head {
    var bits: UInt64

    @inline(__always) init(bits: UInt64) { self.bits = bits }

    init(end: UInt32, mask: UInt32) { bits = UInt64(mask) << 32 | UInt64(end) }

    /// A bin that has a tree: no room in it either.
    static let ofTree = Head(end: 1, mask: 0)

    /// The word behind the last key. Adding 1 to the head counts one more.
    @inline(__always) var end: UInt32 { UInt32(truncatingIfNeeded: bits) }
    /// Keys that there is room for, one less than a power of two; 0 for a tree.
    @inline(__always) var mask: UInt32 { UInt32(truncatingIfNeeded: bits >> 32) }
    /// Members, unless there is a tree.
    @inline(__always) var count: UInt32 { (end &- 1) & mask }
    /// The chunk's first word, which is no key, or the line's.
    @inline(__always) var first: UInt32 { (end &- 1) & ~mask }
    @inline(__always) var isInline: Bool { mask == lineMask }
    @inline(__always) var hasRoom: Bool { end & mask != 0 }
    /// Neither a tree nor nothing.
    @inline(__always) var isFlat: Bool { mask != 0 }
    var hasTree: Bool { bits == Self.ofTree.bits }
  }

  @inline(__always)
  func head(_ bin: UInt32) -> Head { Head(bits: words[bin &* 8]) }

  // MARK: Bins

  /// The key of the lowest member of a bin without chunk or tree.
  @inline(__always)
  func lowestKey(inLineOf bin: UInt32) -> UInt64 { largestKeyBehind(bin &* 8) }

  /// The key of the range that a request of `size` units takes, or 0.
  @inline(never)
  mutating func find(_ size: UInt32) -> UInt64 {
    // Of the longer ranges the shortest fits a request that is not longer than any of them.
    if size > Self.long { return shortest(from: size) }
    let bin = sizes.smallest(from: size)
    if bin == 0 { return 0 }
    return head(bin).isInline ? lowestKey(inLineOf: bin) : lowestBeyond(bin &* 8)
  }

  /// The key of the shortest of the long ranges that has `size` units, or 0.
  private func shortest(from size: UInt32) -> UInt64 {
    let limit = Self.key(UInt32(Self.lowMask), start: 0, size: size)
    var nearest = UInt64.max
    // Keys of ranges that are too short wrap around to the largest numbers.
    forEachLong { nearest = min(nearest, limit &- $0) }
    return nearest < 1 << 60 ? limit &- nearest : 0
  }

  /// Calls `body` with the key of every long range.
  @inline(__always)
  func forEachLong(_ body: (UInt64) -> Void) {
    let head = head(Self.long)
    for i in 0..<head.count { body(words[head.first &+ 1 &+ i]) }
  }

  /// The longest range, in units.
  var largest: UInt32 {
    if head(Self.long).count == 0 { return sizes.largest }
    var key = UInt64.max
    forEachLong { key = min(key, $0) }
    return Self.size(key)
  }

  /// The lowest member's key of a bin that is not empty, whatever its form.
  private mutating func lowestBeyond(_ line: UInt32) -> UInt64 {
    let head = trim(line)
    if !head.isFlat { return lowestInTree(line) }
    if head.isInline { return largestKeyBehind(line) }
    var key: UInt64 = 0
    var first = head.first
    while first < head.end {
      key = max(key, largestKey(first))
      first &+= 8
    }
    return key
  }

  /// Gives a bin that is asked for its lowest member the form that suits their number.
  private mutating func trim(_ line: UInt32) -> Head {
    var head = Head(bits: words[line])
    if !head.isFlat {
      if tree(line).count <= Self.largestScan / 2 { head = fellTree(line) }
    } else if head.count > Self.largestScan && line != Self.long &* 8 {
      head = plantTree(head, line)
    } else if head.count <= head.mask / 4 {
      head = moveKeys(head, to: head.mask / 2, line)
    }
    words[line] = head.bits
    return head
  }

  /// Adds a range; gives its position, to be kept in its node.
  @inline(__always)
  mutating func insert(_ key: UInt64, into bin: UInt32) -> UInt32 {
    let head = head(bin)
    if !head.hasRoom { return insertBeyond(key, bin) }
    words[bin &* 8] = head.bits &+ 1
    words[head.end] = key
    sizes.insert(bin)
    return head.end & head.mask
  }

  /// Adds to a bin that is new or full or has a tree.
  @inline(never)
  private mutating func insertBeyond(_ key: UInt64, _ bin: UInt32) -> UInt32 {
    let line = bin &* 8
    var head = head(bin)
    if head.bits == 0 {
      head = Head(end: line &+ 1, mask: Self.lineMask)
    } else if head.isFlat && head.mask < Self.largestMask {
      head = moveKeys(head, to: head.mask &* 2 &+ 1, line)
    } else {
      if head.isFlat { words[line] = plantTree(head, line).bits }
      return insertInTree(key, line)
    }
    words[line] = head.bits &+ 1
    words[head.end] = key
    sizes.insert(bin)
    return head.end & head.mask
  }

  /// Removes a member and moves the last one into its place.
  @inline(__always)
  mutating func remove(_ id: UInt32, from bin: UInt32, nodes: Table<RangeNode>) {
    let head = head(bin)
    let position = nodes[id].tag
    if !head.isFlat { return removeInTree(position, bin &* 8, nodes) }
    let last = head.end &- 1
    words[bin &* 8] = head.bits &- 1
    let moved = words[last]
    // The leaving one may be the last itself: then the second store undoes the first.
    words[head.first &+ position] = moved
    words[last] = 0
    nodes[Self.low(moved)].tag = position
    // Whether the bin becomes empty is a coin toss: clear the bit without a branch.
    sizes.remove(bin, if: head.count == 1)
  }

  // MARK: Chunks

  /// Moves a bin's keys to an array of another capacity; gives the head to be.
  private mutating func moveKeys(_ head: Head, to mask: UInt32, _ line: UInt32) -> Head {
    let first = mask == Self.lineMask ? line : makeChunk(mask &+ 1)
    let end = first &+ 1 &+ head.count
    for i in first &+ 1..<end {
      words[i] = words[head.first &+ i &- first]
      words[head.first &+ i &- first] = 0
    }
    if !head.isInline { recycleChunk(head.first, capacity: head.mask &+ 1, used: 0) }
    return Head(end: end, mask: mask)
  }

  mutating func makeChunk(_ capacity: UInt32) -> UInt32 {
    let chain = Self.chains &+ UInt32(truncatingIfNeeded: capacity.trailingZeroBitCount)
    let chunk = UInt32(truncatingIfNeeded: words[chain])
    if chunk != 0 {
      words[chain] = words[chunk]
      words[chunk] = 0
      return chunk
    }
    let aligned = (unused &+ capacity &- 1) & ~(capacity &- 1)
    unused = aligned &+ capacity
    return aligned
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
    let count = head.hasTree ? tree(bin * 8).count : head.count
    guard sizes.contains(bin) == (count > 0), count <= 511 || bin != Self.long else { return false }
    func checkMember(_ key: UInt64, _ position: UInt32) -> Bool {
      guard position <= count else { return key == 0 }
      let id = Self.low(key)
      return key == Self.key(id, start: nodes[id].start, size: nodes[id].word.size)
        && nodes[id].tag == position && body(id)
    }
    // Keys left behind in the line would come back when the members move into it again.
    if !head.isInline {
      for i in UInt32(head.hasTree ? 2 : 1)..<8 where words[bin * 8 + i] != 0 { return false }
    }
    if head.hasTree { return checkTree(bin * 8, checkMember) }
    if head.bits == 0 { return true }
    for position in 1...head.mask {
      if !checkMember(words[head.first + position], position) { return false }
    }
    return head.isInline ? head.first == bin * 8 : words[head.first] == 0
  }
}
