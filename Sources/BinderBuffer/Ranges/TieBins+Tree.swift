/// Sets of very many equally long free ranges.
///
/// A chunk becomes a tree when it would outgrow 1024 keys, or when the lowest of more than 128 is
/// asked for: many sizes are too small to be asked for and only come and go.
///
/// What a chunk held hangs in a tree of blocks of eight keys. A leaf's keys are members, an inner
/// block's are `lowest start below << 32 | block`, complemented like members. The octal digits of
/// a member's position are its path.
///
/// INVARIANT: the tree is the lowest that holds its positions; an inner key has the largest start
/// part below it.
extension TieBins {
  /// The same start with another low part.
  @inline(__always)
  private static func key(_ key: UInt64, low: UInt32) -> UInt64 {
    key & ~0xFFFF_FFFF | UInt64(~low)
  }

  @inline(__always)
  private static func startPart(_ key: UInt64) -> UInt64 { key >> 32 }

  /// The shift of the topmost digit of positions in a tree of `count` members, at least one.
  @inline(__always)
  private static func topShift(_ count: UInt32) -> UInt32 {
    (31 &- UInt32(truncatingIfNeeded: (count &- 1 | 1).leadingZeroBitCount)) / 3 &* 3
  }

  mutating func lowestInTree(_ head: Head) -> UInt32 {
    var key = largestKey(head.base)
    var shift = Self.topShift(head.count)
    while shift > 0 {
      key = largestKey(Self.low(key))
      shift &-= 3
    }
    return Self.low(key)
  }

  /// Makes a tree of a full chunk; gives the head to be.
  mutating func plantTree(_ head: Head) -> Head {
    var root = makeChunk(8)
    for i in 0..<head.count { insert(words[head.base &+ i], at: i, below: &root) }
    recycleChunk(head.base, capacity: head.capacity, used: head.count)
    return Head(count: head.count, capacity: 0, base: root)
  }

  mutating func insertInTree(_ key: UInt64, _ head: Head, _ line: UInt32) {
    var root = head.base
    insert(key, at: head.count, below: &root)
    words[line] = Head(count: head.count &+ 1, capacity: 0, base: root).bits
  }

  /// Adds a key at the next position.
  private mutating func insert(_ key: UInt64, at position: UInt32, below root: inout UInt32) {
    let shift = Self.topShift(position &+ 1)
    if position == 1 &<< shift && shift > 0 {
      // All full: a new root above the old one.
      let block = makeChunk(8)
      words[block] = Self.key(largestKey(root), low: root)
      root = block
    }
    var block = root
    var digit = shift
    while digit > 0 {
      let index = block &+ (position &>> digit) & 7
      let inner = words[index]
      block = inner == 0 ? makeChunk(8) : Self.low(inner)
      words[index] = Self.key(max(inner, key), low: block)
      digit &-= 3
    }
    words[block &+ position & 7] = key
  }

  /// Takes the tree's last key out and puts it at `position`, in the bin or in the tree.
  @inline(never)
  mutating func removeInTree(_ position: UInt32, _ line: UInt32, _ nodes: Table<RangeNode>) {
    let head = Head(bits: words[line])
    let last = head.count &- 1
    let shift = Self.topShift(head.count)
    var root = head.base
    let moved = takeLast(last, below: root, shift: shift)
    if position != last {
      _ = put(moved, at: position, below: root, shift: shift)
      nodes[Self.low(moved)].tag = position
    }
    if last == 0 {
      recycleChunk(root, capacity: 8, used: 0)
      root = 0
      sizes.remove(line / 8, if: true)
    } else if last == 1 &<< shift && shift > 0 {
      // The root's first block is full and the only one: it becomes the root.
      let child = Self.low(words[root])
      recycleChunk(root, capacity: 8, used: 1)
      root = child
    }
    words[line] = Head(count: last, capacity: 0, base: root).bits
  }

  /// Makes a chunk of a tree that is small enough; gives the head to be.
  mutating func fellTree(_ head: Head) -> Head {
    let chunk = makeChunk(Self.largestScan)
    collect(head.base, into: chunk, 0, Self.topShift(head.count), head.count)
    return Head(count: head.count, capacity: Self.largestScan, base: chunk)
  }

  /// Copies the members below a block to a chunk and recycles the block.
  private mutating func collect(
    _ block: UInt32, into chunk: UInt32, _ first: UInt32, _ shift: UInt32, _ count: UInt32
  ) {
    for digit in 0..<UInt32(8) where first + digit << shift < count {
      let key = words[block &+ digit]
      if shift == 0 {
        words[chunk &+ first &+ digit] = key
      } else {
        collect(Self.low(key), into: chunk, first + digit << shift, shift - 3, count)
      }
    }
    recycleChunk(block, capacity: 8, used: 8)
  }

  /// Takes out the key at the last position; an inner block that it leaves empty is recycled.
  private mutating func takeLast(_ last: UInt32, below block: UInt32, shift: UInt32) -> UInt64 {
    let index = block &+ (last &>> shift) & 7
    let inner = words[index]
    if shift == 0 {
      words[index] = 0
      return inner
    }
    let child = Self.low(inner)
    let taken = takeLast(last, below: child, shift: shift &- 3)
    if last & (1 &<< shift &- 1) == 0 {
      // It was the child's only one.
      words[index] = 0
      recycleChunk(child, capacity: 8, used: 1)
    } else if Self.startPart(inner) == Self.startPart(taken) {
      words[index] = Self.key(largestKey(child), low: child)
    }
    return taken
  }

  /// Overwrites the key at `position`; gives the old one.
  private mutating func put(
    _ key: UInt64, at position: UInt32, below block: UInt32, shift: UInt32
  ) -> UInt64 {
    let index = block &+ (position &>> shift) & 7
    let inner = words[index]
    if shift == 0 {
      words[index] = key
      return inner
    }
    let child = Self.low(inner)
    let old = put(key, at: position, below: child, shift: shift &- 3)
    if Self.startPart(key) > Self.startPart(inner) {
      words[index] = Self.key(key, low: child)
    } else if Self.startPart(inner) == Self.startPart(old) {
      words[index] = Self.key(largestKey(child), low: child)
    }
    return old
  }

  /// Whether the tree agrees with itself; calls `body` with every leaf's key and position.
  func checkTree(_ head: Head, _ body: (UInt64, UInt32) -> Bool) -> Bool {
    let count = head.count
    /// The largest key below, or nil when something is wrong.
    func visit(_ block: UInt32, _ first: UInt32, _ shift: UInt32) -> UInt64? {
      for digit in 0..<UInt32(8) {
        let key = words[block + digit]
        let position = first + digit << shift
        if shift == 0 {
          if !body(key, position) { return nil }
        } else if position >= count {
          if key != 0 { return nil }
        } else {
          guard let below = visit(Self.low(key), position, shift - 3),
            Self.startPart(below) == Self.startPart(key)
          else { return nil }
        }
      }
      return largestKey(block)
    }
    return count > 0 && visit(head.base, 0, Self.topShift(count)) != nil
  }
}
