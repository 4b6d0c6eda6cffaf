/// Who took a range, and the number given with it.
struct RangeOwner: BitwiseCopyable {
  var sender: Int32
  var debugID: UInt32
}

/// The first eight live ranges of the Rust driver's rule and of `compact`: in one cache line,
/// without index or bins.
///
/// In the driver a new range goes right behind the last one if it fits there, else into the first
/// gap from low addresses. A range stays in the slot (1 to 8) that it was given; only their order
/// by address changes, which is one word of four bits for each, so that nothing is ever shifted.
///
/// INVARIANT: digits `0..<count` of `order` are the slots of the live ranges less one, ascending by
/// start without overlap; all other digits are 15. The slots of no live range are those in
/// `freeSlots`, and their entries start at `UInt32.max`.
struct ShortArray {
  static let capacity = 8

  /// One live range.
  struct Entry: BitwiseCopyable {
    var start: UInt32
    var word: RangeWord

    static let none = Entry(start: .max, word: RangeWord(bits: 0))
    @inline(__always) var end: UInt32 { start &+ word.size }
  }

  /// By slot less one.
  private let entries: Table<Entry>
  /// By slot; index 0 is not used.
  let owners: Table<RangeOwner>
  private var order: UInt32 = .max
  private(set) var count: UInt32 = 0
  /// Bit s: slot s is free.
  private(set) var freeSlots: UInt32 = 0x1FE

  init(entries: Table<Entry>, owners: Table<RangeOwner>) {
    self.entries = entries
    self.owners = owners
    for i in 0..<UInt32(Self.capacity) { entries[i] = .none }
  }

  /// The range in a slot.
  @inline(__always)
  subscript(slot slot: UInt32) -> Entry {
    get { entries[slot &- 1] }
    nonmutating set { entries[slot &- 1] = newValue }
  }

  /// The slot of the range at a position by address.
  @inline(__always)
  func slot(at position: UInt32) -> UInt32 { (order &>> (position &* 4)) & 7 &+ 1 }

  /// The range at a position by address.
  @inline(__always)
  subscript(position: UInt32) -> Entry { entries[(order &>> (position &* 4)) & 7] }

  /// The slot of the range that starts at `start`, or nil.
  ///
  /// - Parameter lowestFirst: Whether the lowest range, usually the oldest, usually goes first.
  @inline(__always)
  func find(_ start: UInt32, lowestFirst: Bool = true) -> UInt32? {
    if lowestFirst && self[0].start == start && count > 0 { return slot(at: 0) }
    // Without a branch for each: which it is cannot be foreseen.
    var found: UInt32 = 0
    for i in 0..<UInt32(Self.capacity) { found = entries[i].start == start ? i &+ 1 : found }
    return found == 0 ? nil : found
  }

  /// Where `size` units would go in a region of `units`: the position and the start.
  @inline(__always)
  func place(_ size: UInt32, units: UInt32) -> (position: UInt32, start: UInt32)? {
    let end = end(before: count)
    if units &- end >= size { return (count, end) }
    for position in 0..<count {
      let gap = gap(position, units: units)
      if gap.room >= size { return (position, gap.start) }
    }
    return nil
  }

  /// Where the range before a position ends; 0 before the first.
  @inline(__always)
  private func end(before position: UInt32) -> UInt32 {
    // Loaded in any case, of whichever slot, so that there is no branch.
    let end = self[(position &- 1) & 7].end
    return position == 0 ? 0 : end
  }

  /// Where the range at a position starts; behind the last one, the region's end.
  @inline(__always)
  private func start(at position: UInt32, units: UInt32) -> UInt32 {
    let start = self[position & 7].start
    return position == count ? units : start
  }

  /// The free units in front of the range at a position, or behind the last one; maybe none.
  @inline(__always)
  func gap(_ position: UInt32, units: UInt32) -> (start: UInt32, room: UInt32) {
    let start = end(before: position)
    return (start, self.start(at: position, units: units) &- start)
  }

  /// The smallest gap that holds `size` units, the lowest among equals.
  @inline(__always)
  func smallestGap(
    _ size: UInt32, units: UInt32
  ) -> (position: UInt32, start: UInt32, room: UInt32)? {
    // What is left over and the position; a gap that is too small wraps around to the largest.
    var best = UInt32.max
    var digits = order
    var start: UInt32 = 0
    for position in 0..<count {
      let entry = entries[digits & 7]
      digits &>>= 4
      best = min(best, (entry.start &- start &- size) &<< 4 | position)
      start = entry.end
    }
    best = min(best, (units &- start &- size) &<< 4 | count)
    guard best < 1 << 24 else { return nil }
    let position = best & 0xF
    return (position, end(before: position), best &>> 4 &+ size)
  }

  /// Enters a range at a position, as `place` said; gives its slot.
  @inline(__always)
  mutating func insert(
    at position: UInt32, start: UInt32, word: UInt32, owner: RangeOwner
  ) -> UInt32 {
    let slot = UInt32(truncatingIfNeeded: freeSlots.trailingZeroBitCount)
    freeSlots &= freeSlots &- 1
    self[slot: slot] = Entry(start: start, word: RangeWord(bits: word))
    owners[slot] = owner
    let above = UInt32.max &<< (position &* 4)
    order = order & ~above | (order & above) &<< 4 | (slot &- 1) &<< (position &* 4)
    count &+= 1
    return slot
  }

  /// Removes the range in a slot; gives the free range that surrounds its place now.
  @inline(__always)
  mutating func remove(slot: UInt32, units: UInt32) -> (start: UInt32, end: UInt32) {
    // The lowest digit that is the slot's: subtracting borrows from the first 0 on.
    let difference = order ^ (slot &- 1) &* 0x1111_1111
    let zeros = (difference &- 0x1111_1111) & ~difference & 0x8888_8888
    let shift = UInt32(truncatingIfNeeded: zeros.trailingZeroBitCount) & ~3
    let position = shift &>> 2
    let start = end(before: position)
    let end = self.start(at: position &+ 1, units: units)
    let above = UInt32.max &<< shift
    order = order & ~above | (order &>> 4) & above | 0xF000_0000
    freeSlots |= 1 &<< slot
    self[slot: slot] = .none
    count &-= 1
    return (start, end)
  }

  /// Forgets all ranges.
  mutating func removeAll() { self = ShortArray(entries: entries, owners: owners) }

  /// Whether all digits of the order from `count` on are unused ones.
  var hasNothingBehind: Bool {
    (count..<UInt32(Self.capacity)).allSatisfy { order >> ($0 * 4) & 0xF == 0xF }
  }

  /// The longest gap, in units.
  func largestGap(units: UInt32) -> UInt32 {
    (0...count).reduce(0) { max($0, gap($1, units: units).room) }
  }

  /// A sender's live oneway ranges.
  func onewayTotal(of sender: Int32) -> SenderTotals.Total {
    var total: SenderTotals.Total = (0, 0)
    for position in 0..<count where self[position].word.isOneway {
      guard owners[slot(at: position)].sender == sender else { continue }
      total.buffers &+= 1
      total.units &+= self[position].word.size
    }
    return total
  }
}
