extension RangeEngine {
  /// A live range, as long as nothing changes.
  struct Found {
    /// The entry of the short array, or the node.
    let index: UInt32
    let slot: UInt32
    let word: RangeWord
  }

  @inline(__always)
  private mutating func find(_ offset: Int) throws(RangeError) -> Found {
    // Rotated by three bits, an offset that is negative or no multiple of 8 becomes huge.
    let rotated = UInt(bitPattern: offset) >> 3 | UInt(bitPattern: offset) << 61
    guard rotated < UInt(units) else { throw .noRange(offset: offset) }
    let start = UInt32(truncatingIfNeeded: rotated)
    if mode == .array {
      guard let index = array.find(start) else { throw .noRange(offset: offset) }
      let entry = array.entries[index]
      return Found(index: index, slot: entry.slot, word: entry.word)
    }
    let id = list.find(start)
    guard id != 0 else { throw .noRange(offset: offset) }
    return Found(index: id, slot: id, word: list.nodes[id].word)
  }

  @inline(__always)
  private mutating func toggleCommitted(_ found: Found) {
    if mode == .array {
      array.entries[found.index].word.bits ^= RangeWord.committed
    } else {
      list.nodes[found.index].word.bits ^= RangeWord.committed
    }
  }

  @inline(__always)
  private mutating func debugID(_ found: Found) -> UInt32 {
    mode == .array ? array.owners[found.slot].debugID : list.nodes[found.slot].tag
  }

  /// Marks a reserved range committed; gives the slot for its metadata.
  @usableFromInline
  mutating func commit(_ offset: Int) throws(RangeError) -> UInt32 {
    let found = try find(offset)
    if found.word.isCommitted { throw .notReserved(offset: offset) }
    toggleCommitted(found)
    return found.slot
  }

  /// Marks a committed range reserved; gives the slot whose metadata is the caller's now.
  @usableFromInline
  mutating func reserveExisting(
    _ offset: Int
  ) throws(RangeError) -> (slot: UInt32, size: UInt32, debugID: UInt32) {
    let found = try find(offset)
    if !found.word.isCommitted { throw .notCommitted(offset: offset) }
    toggleCommitted(found)
    return (found.slot, found.word.size &* 8, debugID(found))
  }

  /// The slot of a committed range's metadata.
  @usableFromInline
  mutating func slot(ofCommitted offset: Int) throws(RangeError) -> UInt32 {
    let found = try find(offset)
    if !found.word.isCommitted { throw .notCommitted(offset: offset) }
    return found.slot
  }

  /// Frees a reserved range.
  @usableFromInline
  mutating func abort(_ offset: Int) throws(RangeError) -> FreedRange {
    let found = try find(offset)
    if found.word.isCommitted { throw .notReserved(offset: offset) }
    return release(found)
  }

  /// Frees a committed range; gives the slot whose metadata is the caller's now, until the next
  /// reservation.
  @usableFromInline
  mutating func free(
    _ offset: Int
  ) throws(RangeError) -> (range: FreedRange, slot: UInt32) {
    let found = try find(offset)
    if !found.word.isCommitted { throw .notCommitted(offset: offset) }
    return (release(found), found.slot)
  }

  @inline(__always)
  private mutating func release(_ found: Found) -> FreedRange {
    let size = found.word.size
    liveCount &-= 1
    liveUnits &-= size
    if found.word.isOneway { freeOneway &+= size &* 8 }
    if mode != .array { return merge(found.index) }
    let start = array.entries[found.index].start
    let hole = array.remove(at: found.index, units: units)
    return FreedRange(
      start: start &* 8, length: size &* 8, holeStart: hole.start &* 8, holeEnd: hole.end &* 8)
  }

  /// Makes a live node free: first the right neighbour is taken in, then the left one takes it.
  /// The leftmost node survives, with whatever owner it had last.
  @inline(__always)
  private mutating func merge(_ id: UInt32) -> FreedRange {
    let node = list.nodes[id]
    if node.word.isOneway { senders.remove(node.word.size, from: node.sender) }
    var survivor = id
    var merged = node
    var size = node.word.size

    let right = list.nodes[node.next]
    if !right.word.isLive {
      removeFree(node.next, right)
      list.recycle(node.next)
      size &+= right.word.size
      merged.next = right.next
    }
    list.unindex(id, start: node.start, nextLive: merged.next)

    let left = list.nodes[node.previous]
    if !left.word.isLive {
      removeFree(node.previous, left)
      list.recycle(id)
      size &+= left.word.size
      survivor = node.previous
      merged.start = left.start
      merged.word = left.word
    }
    list.nodes[survivor].word.bits = merged.word.bits & RangeWord.owned | size
    list.nodes[survivor].next = merged.next
    list.nodes[merged.next].previous = survivor

    if mode == .sizeTree {
      sizeTree.insert(survivor, size: size)
    } else if liveCount == 0 {
      leaveBestFit()
    } else {
      bestFit.insert(survivor, start: merged.start, size: size, isLast: merged.next == 0)
    }
    return FreedRange(
      start: node.start &* 8, length: node.word.size &* 8,
      holeStart: merged.start &* 8, holeEnd: (merged.start &+ size) &* 8)
  }

  @inline(__always)
  private mutating func removeFree(_ id: UInt32, _ node: RangeNode) {
    if mode == .sizeTree {
      sizeTree.erase(id)
    } else {
      bestFit.remove(id, node)
    }
  }

  /// The region is empty: the array starts again. Nothing needs clearing, because what every
  /// table holds was taken out range by range.
  @inline(never)
  private mutating func leaveBestFit() {
    bestFit.reset()
    mode = .array
  }
}
