/// Sets of very many equally long free ranges.
///
/// A chunk becomes a tree when it would outgrow 1023 keys, or when the lowest of more than 128 is
/// asked for: many sizes are too small to be asked for and only come and go.
///
/// What a chunk held hangs in a tree of blocks of eight keys. A leaf's keys are members, an inner
/// block's are those of the lowest below, with the block in place of the node. The octal digits of
/// a member's position less 1 are its path. The bin's second word tells the root.
///
/// INVARIANT: the tree is the lowest that holds its positions; an inner key has the largest start
/// part below it.
extension TieBins {
  /// The same range with another block below.
  @inline(__always)
  private static func key(_ key: UInt64, block: UInt32) -> UInt64 {
    key & ~lowMask | UInt64(block / 8)
  }

  /// The block below an inner key.
  @inline(__always)
  private static func block(_ key: UInt64) -> UInt32 { low(key) &* 8 }

  @inline(__always)
  private static func startPart(_ key: UInt64) -> UInt64 { key & ~lowMask }

  /// The shift of the topmost digit of positions in a tree of `count` members, at least one.
  @inline(__always)
  private static func topShift(_ count: UInt32) -> UInt32 {
    (31 &- UInt32(truncatingIfNeeded: (count &- 1 | 1).leadingZeroBitCount)) / 3 &* 3
  }

  /// The root block of a bin's tree and the number of its members.
  func tree(_ line: UInt32) -> (root: UInt32, count: UInt32) {
    let word = words[line &+ 1]
    return (UInt32(truncatingIfNeeded: word), UInt32(truncatingIfNeeded: word >> 32))
  }

  private func setTree(_ line: UInt32, root: UInt32, count: UInt32) {
    words[line &+ 1] = UInt64(count) << 32 | UInt64(root)
  }

  func lowestInTree(_ line: UInt32) -> UInt64 {
    let (root, count) = tree(line)
    var key = largestKey(root)
    var shift = Self.topShift(count)
    while shift > 0 {
      key = largestKey(Self.block(key))
      shift &-= 3
    }
    return key
  }

  /// Makes a tree of a full chunk; gives the head to be.
  mutating func plantTree(_ head: Head, _ line: UInt32) -> Head {
    var root = makeChunk(8)
    for i in 0..<head.count { insert(words[head.first &+ 1 &+ i], at: i, below: &root) }
    recycleChunk(head.first, capacity: head.mask &+ 1, used: head.count &+ 1)
    setTree(line, root: root, count: head.count)
    return Head.ofTree
  }

  /// Adds a key; gives its position.
  mutating func insertInTree(_ key: UInt64, _ line: UInt32) -> UInt32 {
    var (root, count) = tree(line)
    insert(key, at: count, below: &root)
    count &+= 1
    setTree(line, root: root, count: count)
    return count
  }

  /// Adds a key at the end of the next path.
  private mutating func insert(_ key: UInt64, at position: UInt32, below root: inout UInt32) {
    let shift = Self.topShift(position &+ 1)
    if position == 1 &<< shift && shift > 0 {
      // All full: a new root above the old one.
      let block = makeChunk(8)
      words[block] = Self.key(largestKey(root), block: root)
      root = block
    }
    var block = root
    var digit = shift
    while digit > 0 {
      let index = block &+ (position &>> digit) & 7
      let inner = words[index]
      block = inner == 0 ? makeChunk(8) : Self.block(inner)
      words[index] = Self.key(max(inner, key), block: block)
      digit &-= 3
    }
    words[block &+ position & 7] = key
  }

  /// Takes the tree's last key out and puts it at `position`, in the bin or in the tree.
  @inline(never)
  mutating func removeInTree(_ position: UInt32, _ line: UInt32, _ nodes: Table<RangeNode>) {
    var (root, count) = tree(line)
    let last = count &- 1
    let shift = Self.topShift(count)
    let moved = takeLast(last, below: root, shift: shift)
    if position != count {
      _ = put(moved, at: position &- 1, below: root, shift: shift)
      nodes[Self.low(moved)].tag = position
    }
    if last == 0 {
      recycleChunk(root, capacity: 8, used: 0)
      words[line] = 0
      words[line &+ 1] = 0
      sizes.remove(line / 8, if: true)
      return
    }
    if last == 1 &<< shift && shift > 0 {
      // The root's first block is full and the only one: it becomes the root.
      let child = Self.block(words[root])
      recycleChunk(root, capacity: 8, used: 1)
      root = child
    }
    count = last
    setTree(line, root: root, count: count)
  }

  /// Makes a chunk of a tree that is small enough; gives the head to be.
  mutating func fellTree(_ line: UInt32) -> Head {
    let (root, count) = tree(line)
    let chunk = makeChunk(Self.largestScan)
    collect(root, into: chunk &+ 1, 0, Self.topShift(count), count)
    words[line &+ 1] = 0
    return Head(end: chunk &+ 1 &+ count, mask: Self.largestScan &- 1)
  }

  /// Copies the members below a block to words from `chunk` on and recycles the block.
  private mutating func collect(
    _ block: UInt32, into chunk: UInt32, _ first: UInt32, _ shift: UInt32, _ count: UInt32
  ) {
    for digit in 0..<UInt32(8) where first + digit << shift < count {
      let key = words[block &+ digit]
      if shift == 0 {
        words[chunk &+ first &+ digit] = key
      } else {
        collect(Self.block(key), into: chunk, first + digit << shift, shift - 3, count)
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
    let child = Self.block(inner)
    let taken = takeLast(last, below: child, shift: shift &- 3)
    if last & (1 &<< shift &- 1) == 0 {
      // It was the child's only one.
      words[index] = 0
      recycleChunk(child, capacity: 8, used: 1)
    } else if Self.startPart(inner) == Self.startPart(taken) {
      words[index] = Self.key(largestKey(child), block: child)
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
    let child = Self.block(inner)
    let old = put(key, at: position, below: child, shift: shift &- 3)
    if Self.startPart(key) > Self.startPart(inner) {
      words[index] = Self.key(key, block: child)
    } else if Self.startPart(inner) == Self.startPart(old) {
      words[index] = Self.key(largestKey(child), block: child)
    }
    return old
  }

  /// Whether the tree agrees with itself; calls `body` with every leaf's key and position.
  func checkTree(_ line: UInt32, _ body: (UInt64, UInt32) -> Bool) -> Bool {
    let (root, count) = tree(line)
    /// The largest key below, or nil when something is wrong.
    func visit(_ block: UInt32, _ first: UInt32, _ shift: UInt32) -> UInt64? {
      for digit in 0..<UInt32(8) {
        let key = words[block + digit]
        let position = first + digit << shift
        if shift == 0 {
          if !body(key, position + 1) { return nil }
        } else if position >= count {
          if key != 0 { return nil }
        } else {
          guard let below = visit(Self.block(key), position, shift - 3),
            Self.startPart(below) == Self.startPart(key)
          else { return nil }
        }
      }
      return largestKey(block)
    }
    return count > 0 && visit(root, 0, Self.topShift(count)) != nil
  }
}
