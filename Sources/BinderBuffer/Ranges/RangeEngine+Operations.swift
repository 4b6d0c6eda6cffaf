extension RangeEngine {
  /// Takes the range that the policy chooses.
  @inlinable
  @inline(__always)
  mutating func reserve(
    _ size: Int, oneway: Bool, sender: Int32, debugID: UInt32, committed: Bool
  ) throws(RangeError) -> PlacedRange {
    // A oneway range of no bytes is marked: some drivers forget what it took.
    let flags: UInt32 =
      (oneway ? 1 << 29 | (size == 0 ? 1 << 27 : 0) : 0) | (committed ? 1 << 30 : 0)
    switch mode {
    case .array:
      return search == .compact
        ? try reserveCompactlyInArray(size, flags, sender, debugID)
        : try reserveInArray(size, flags, sender, debugID)
    case .bestFit: return try reserveBestFit(size, flags, sender, debugID)
    case .sizeTree: return try reserveInSizeTree(size, flags, sender, debugID)
    }
  }

  /// Frees a range that must be committed, or must be reserved; gives the slot whose metadata is
  /// the caller's now, until the next reservation.
  @inlinable
  @inline(__always)
  mutating func free(_ offset: Int, committed: Bool) throws(RangeError) -> FreedSlot {
    switch mode {
    case .array:
      return search == .compact
        ? try freeCompactlyInArray(offset, committed) : try freeInArray(offset, committed)
    case .bestFit: return try freeBestFit(offset, committed)
    case .sizeTree: return try freeInSizeTree(offset, committed)
    }
  }

  /// Marks a reserved range committed; gives the slot for its metadata.
  @usableFromInline
  mutating func commit(_ offset: Int) throws(RangeError) -> UInt32 {
    try toggle(offset, committed: false).slot
  }

  /// Marks a committed range reserved; gives the slot whose metadata is the caller's now.
  @usableFromInline
  mutating func reserveExisting(
    _ offset: Int
  ) throws(RangeError) -> (slot: UInt32, size: UInt32, debugID: UInt32) {
    let (slot, word) = try toggle(offset, committed: true)
    let debugID = mode == .array ? array.owners[slot].debugID : list.nodes[slot].tag
    return (slot, word.size &* 8, debugID)
  }

  /// The slot of a committed range's metadata.
  @usableFromInline
  mutating func slot(ofCommitted offset: Int) throws(RangeError) -> UInt32 {
    if mode == .array { return try findInArray(offset, committed: true) }
    return try findNode(offset, committed: true)
  }

  /// Flips the state of a range that is in the state `committed` says.
  @inline(__always)
  private mutating func toggle(
    _ offset: Int, committed: Bool
  ) throws(RangeError) -> (slot: UInt32, word: RangeWord) {
    if mode == .array {
      let slot = try findInArray(offset, committed: committed)
      array[slot: slot].word.bits ^= RangeWord.committed
      return (slot, array[slot: slot].word)
    }
    let id = try findNode(offset, committed: committed)
    list.nodes[id].word.bits ^= RangeWord.committed
    return (id, list.nodes[id].word)
  }

  // MARK: Finding

  /// The unit at `offset`, or a number beyond all units when it is not in the region.
  @inline(__always)
  mutating func unit(_ offset: Int) -> UInt {
    // Rotated by three bits, an offset that is negative or no multiple of 8 becomes huge.
    UInt(bitPattern: offset) >> 3 | UInt(bitPattern: offset) << 61
  }

  /// The array's slot of a range that is in the state `committed` says.
  @inline(__always)
  mutating func findInArray(
    _ offset: Int, committed: Bool, lowestFirst: Bool = true
  ) throws(RangeError) -> UInt32 {
    let unit = unit(offset)
    guard unit < UInt(units),
      let slot = array.find(UInt32(truncatingIfNeeded: unit), lowestFirst: lowestFirst)
    else { throw .noRange(offset: offset) }
    if array[slot: slot].word.isCommitted != committed {
      throw committed ? .notCommitted(offset: offset) : .notReserved(offset: offset)
    }
    return slot
  }

  /// The node of a range that is in the state `committed` says.
  @inline(__always)
  mutating func findNode(_ offset: Int, committed: Bool) throws(RangeError) -> UInt32 {
    let unit = unit(offset)
    guard unit < UInt(units) else { throw .noRange(offset: offset) }
    let id = list.find(UInt32(truncatingIfNeeded: unit))
    if id == 0 { throw .noRange(offset: offset) }
    if list.nodes[id].word.isCommitted != committed {
      throw committed ? .notCommitted(offset: offset) : .notReserved(offset: offset)
    }
    return id
  }

  // MARK: Accounting

  /// Units for `size` bytes, when a region of this length and the oneway space could hold them.
  @inline(__always)
  mutating func roundUp(_ size: Int, _ flags: UInt32) -> UInt32? {
    // A negative size is a huge unsigned one.
    guard UInt(bitPattern: size) <= UInt(length) else { return nil }
    let units = max(UInt32(truncatingIfNeeded: size) &+ 7, 8) >> 3
    return flags & RangeWord.oneway != 0 && units &* 8 &+ onewayRequirement > freeOneway
      ? nil : units
  }

  /// Why `roundUp` refused.
  @inline(never)
  mutating func refusal(_ size: Int, _ flags: UInt32) -> RangeError {
    if size < 0 { return .invalidSize(size) }
    if flags & RangeWord.oneway != 0 {
      return .noOnewaySpace(requested: size, free: Int(freeOneway))
    }
    return noSpace(size)
  }

  // Mutating although it changes nothing: a large `self` that is only lent is copied first.
  @inline(never)
  mutating func noSpace(_ size: Int) -> RangeError {
    let largest: UInt32
    switch mode {
    case .array: largest = array.largestGap(units: units)
    case .bestFit: largest = bestFit.largest
    case .sizeTree: largest = sizeTree.largest
    }
    return .noSpace(
      requested: size, freeBytes: Int(units &- liveUnits) * 8, largestFree: Int(largest) * 8)
  }
}
