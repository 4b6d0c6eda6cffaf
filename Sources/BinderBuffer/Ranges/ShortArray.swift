/// Who took a range, and the number given with it.
struct RangeOwner: BitwiseCopyable {
  var sender: Int32
  var debugID: UInt32
}

/// The first eight live ranges of the Rust driver's rule and of `compact`: sorted, in one cache
/// line, without index or bins.
///
/// In the driver a new range goes right behind the last one if it fits there, else into the first
/// gap from low addresses. A range keeps the slot (1 to 8) that it was given while others shift around it.
///
/// INVARIANT: entries `0..<count` are live, ascend by start and do not overlap; their slots
/// differ and are exactly those missing from `freeSlots`. Entries from `count` on start at
/// `UInt32.max`.
struct ShortArray {
  static let capacity = 8

  /// One live range; `word` also holds the slot, above the size.
  struct Entry: BitwiseCopyable {
    static let slotShift: UInt32 = 20

    var start: UInt32
    var word: RangeWord

    static let none = Entry(start: .max, word: RangeWord(bits: 0))
    @inline(__always) var end: UInt32 { start &+ word.size }
    @inline(__always) var slot: UInt32 { (word.bits >> Self.slotShift) & 0xF }
  }

  let entries: Table<Entry>
  /// By slot; index 0 is not used.
  let owners: Table<RangeOwner>
  var count: UInt32 = 0
  /// Bit s: slot s is free.
  private var freeSlots: UInt32 = 0x1FE

  init(entries: Table<Entry>, owners: Table<RangeOwner>) {
    self.entries = entries
    self.owners = owners
    for i in 0..<UInt32(Self.capacity) { entries[i] = .none }
  }

  /// The index of the entry that starts at `start`, or nil.
  @inline(__always)
  func find(_ start: UInt32) -> UInt32? {
    // The oldest buffer, which is usually the lowest, usually goes first.
    for i in 0..<count where entries[i].start == start { return i }
    return nil
  }

  /// Where `size` units would go in a region of `units`: the entry's index and its start.
  @inline(__always)
  func place(_ size: UInt32, units: UInt32) -> (index: UInt32, start: UInt32)? {
    let end = count == 0 ? 0 : entries[count &- 1].end
    if units &- end >= size { return (count, end) }
    var gap: UInt32 = 0
    for i in 0..<count {
      if entries[i].start &- gap >= size { return (i, gap) }
      gap = entries[i].end
    }
    return nil
  }

  /// The free units in front of entry `index`, or behind the last one; maybe none.
  @inline(__always)
  func gap(_ index: UInt32, units: UInt32) -> (start: UInt32, room: UInt32) {
    let start = index == 0 ? 0 : entries[index &- 1].end
    return (start, (index == count ? units : entries[index].start) &- start)
  }

  /// The smallest gap that holds `size` units, the lowest among equals.
  @inline(__always)
  func smallestGap(
    _ size: UInt32, units: UInt32
  ) -> (index: UInt32, start: UInt32, room: UInt32)? {
    var best = UInt64.max
    var start: UInt32 = 0
    for i in 0..<count {
      // What is left over, then the index; a gap that is too small wraps around to the largest.
      let key = (UInt64(entries[i].start) &- UInt64(start) &- UInt64(size)) << 4 | UInt64(i)
      best = min(best, key)
      start = entries[i].end
    }
    best = min(best, (UInt64(units) &- UInt64(start) &- UInt64(size)) << 4 | UInt64(count))
    guard best < 1 << 32 else { return nil }
    let index = UInt32(truncatingIfNeeded: best) & 0xF
    let room = UInt32(truncatingIfNeeded: best >> 4) &+ size
    return (index, index == 0 ? 0 : entries[index &- 1].end, room)
  }

  /// A sender's live oneway ranges.
  func onewayTotal(of sender: Int32) -> SenderTotals.Total {
    var total: SenderTotals.Total = (0, 0)
    for i in 0..<count where entries[i].word.isOneway && owners[entries[i].slot].sender == sender {
      total.buffers &+= 1
      total.units &+= entries[i].word.size
    }
    return total
  }

  /// Enters a range at `index`, as `place` said; gives its slot.
  @inline(__always)
  mutating func insert(at index: UInt32, start: UInt32, word: UInt32, owner: RangeOwner) -> UInt32 {
    let slot = UInt32(truncatingIfNeeded: freeSlots.trailingZeroBitCount)
    freeSlots &= freeSlots &- 1
    var i = count
    while i > index {
      entries[i] = entries[i &- 1]
      i &-= 1
    }
    entries[index] = Entry(
      start: start, word: RangeWord(bits: word | slot << Entry.slotShift))
    owners[slot] = owner
    count &+= 1
    return slot
  }

  /// Removes the entry; gives the free range that surrounds its place now.
  @inline(__always)
  mutating func remove(at index: UInt32, units: UInt32) -> (start: UInt32, end: UInt32) {
    freeSlots |= 1 << entries[index].slot
    let start = index == 0 ? 0 : entries[index &- 1].end
    let end = index &+ 1 == count ? units : entries[index &+ 1].start
    var i = index
    count &-= 1
    while i < count {
      entries[i] = entries[i &+ 1]
      i &+= 1
    }
    entries[count] = .none
    return (start, end)
  }

  /// Forgets all entries.
  mutating func removeAll() {
    for i in 0..<UInt32(Self.capacity) { entries[i] = .none }
    count = 0
    freeSlots = 0x1FE
  }

  /// The longest gap, in units.
  func largestGap(units: UInt32) -> UInt32 {
    var largest: UInt32 = 0
    var gap: UInt32 = 0
    for i in 0..<count {
      largest = max(largest, entries[i].start - gap)
      gap = entries[i].end
    }
    return max(largest, units - gap)
  }

  var slotsInUse: UInt32 { ~freeSlots & 0x1FE }
}
