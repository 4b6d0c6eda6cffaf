extension RangeEngine {
  /// Takes the range that the policy chooses.
  @usableFromInline
  mutating func reserve(
    _ size: Int, oneway: Bool, sender: Int32, debugID: UInt32, committed: Bool
  ) throws(RangeError) -> PlacedRange {
    // A negative size is a huge unsigned one.
    guard UInt(bitPattern: size) <= UInt(length) else { throw refuse(size, oneway: oneway) }
    let units = max(UInt32(truncatingIfNeeded: size) &+ 7, 8) >> 3
    if oneway && units &* 8 > freeOneway { throw refuse(size, oneway: true) }
    let word =
      units | RangeWord.live | (committed ? RangeWord.committed : 0)
      | (oneway ? RangeWord.oneway : 0)
    let owner = RangeOwner(sender: sender, debugID: debugID)
    if mode != .array || array.count >= arrayLimit { return try reserveInList(size, word, owner) }

    guard let place = array.place(units, units: self.units) else { throw noSpace(size) }
    let slot = array.insert(
      at: place.index, start: place.start, word: word, owner: owner)
    if oneway { freeOneway &-= units &* 8 }
    liveCount &+= 1
    liveUnits &+= units
    return PlacedRange(start: place.start, units: units, slot: slot, isSpam: false)
  }

  /// Why a request that no region of this length or state could hold is refused.
  @inline(never)
  private mutating func refuse(_ size: Int, oneway: Bool) -> RangeError {
    if size < 0 { return .invalidSize(size) }
    if mode == .array && array.count >= arrayLimit {
      do throws(RangeError) { try leaveArray() } catch { return error }
    }
    if oneway { return .noOnewaySpace(requested: size, free: Int(freeOneway)) }
    return noSpace(size)
  }

  @inline(never)
  private mutating func reserveInList(
    _ size: Int, _ word: UInt32, _ owner: RangeOwner
  ) throws(RangeError) -> PlacedRange {
    // A request that comes while the array is full moves to the list even if it then fails.
    if mode == .array { try leaveArray() }
    if mode == .sizeTree { return try reserveInSizeTree(size, word, owner) }

    let units = word & RangeWord.sizeMask
    let id = bestFit.find(units)
    guard id != 0 else { throw noSpace(size) }
    let node = list.nodes[id]
    bestFit.remove(id, node)
    list.take(id, node, word, owner)
    liveCount &+= 1
    liveUnits &+= units
    if node.word.size != units {
      let rest = list.cut(id, node, at: units)
      bestFit.insert(
        rest, start: node.start &+ units, size: node.word.size &- units, isLast: node.next == 0)
    }
    let isSpam = word & RangeWord.oneway != 0 && countOnewayInRust(units, owner.sender)
    return PlacedRange(start: node.start, units: units, slot: id, isSpam: isSpam)
  }

  /// Accounts a oneway range; true when its sender is suspected. The Rust driver says so at every
  /// reservation, the new buffer counting already, and never while the array holds the ranges.
  @inline(never)
  private mutating func countOnewayInRust(_ units: UInt32, _ sender: Int32) -> Bool {
    freeOneway &-= units &* 8
    let total = senders.add(units, to: sender)
    return freeOneway < length / 10 && isSuspicious(total)
  }

  /// More than 50 buffers, or more than a quarter of the region.
  @inline(__always)
  private mutating func isSuspicious(_ total: SenderTotals.Total) -> Bool {
    total.buffers > 50 || total.units &* 8 > length / 4
  }

  @inline(never)
  private mutating func reserveInSizeTree(
    _ size: Int, _ word: UInt32, _ owner: RangeOwner
  ) throws(RangeError) -> PlacedRange {
    let units = word & RangeWord.sizeMask
    let id = sizeTree.find(units)
    guard id != 0 else { throw noSpace(size) }
    let node = list.nodes[id]
    // The driver's order: the rest is inserted while the chosen node, its size already cut, still
    // stands in the tree.
    if node.word.size != units {
      let rest = list.cut(id, node, at: units)
      sizeTree.cut(id, to: units)
      sizeTree.insert(rest, size: node.word.size &- units)
    }
    sizeTree.erase(id)
    let isSpam = word & RangeWord.oneway != 0 && countOnewayInC(node, units, owner.sender)
    list.take(id, node, word | RangeWord.owned, owner)
    liveCount &+= 1
    liveUnits &+= units
    return PlacedRange(start: node.start, units: units, slot: id, isSpam: isSpam)
  }

  /// Accounts a oneway range that is about to become the sender's; true when it is to be reported.
  ///
  /// The C driver reports once and then not before a oneway reservation has found a tenth of the
  /// region free again. Since 6.8 it writes the new buffer's owner after this check only, so here
  /// the buffer counts for whoever owned its node before.
  @inline(never)
  private mutating func countOnewayInC(
    _ node: RangeNode, _ units: UInt32, _ sender: Int32
  ) -> Bool {
    freeOneway &-= units &* 8
    var total = senders.add(units, to: sender)
    guard freeOneway < length / 10 else {
      spamLatched = false
      return false
    }
    if spamLatched { return false }
    if policy != .c61 && !(node.word.isOwned && node.sender == sender) {
      total.buffers &-= 1
      total.units &-= units
    }
    spamLatched = isSuspicious(total)
    return spamLatched
  }

  /// Moves from the short array to the list.
  @inline(never)
  private mutating func leaveArray() throws(RangeError) {
    try mapTables()
    if policy == .rust {
      enterBestFit()
    } else {
      enterSizeTree()
    }
  }

  private mutating func enterSizeTree() {
    list.reset(units: units, first: 1)
    let id = list.append(start: 0, word: RangeWord(bits: units))
    sizeTree.insert(id, size: units)
    mode = .sizeTree
  }

  /// Each range keeps its slot as its node.
  private mutating func enterBestFit() {
    list.reset(units: units, first: UInt32(ShortArray.capacity) + 1)
    var end: UInt32 = 0
    for i in 0..<array.count {
      let entry = array.entries[i]
      appendFree(from: end, to: entry.start)
      let word = RangeWord(bits: entry.word.bits & ~(0xF << ShortArray.Entry.slotShift))
      let owner = array.owners[entry.slot]
      list.append(entry.slot, start: entry.start, word: word)
      list.nodes[entry.slot].sender = owner.sender
      list.nodes[entry.slot].tag = owner.debugID
      list.index(entry.slot, start: entry.start)
      if word.isOneway { _ = senders.add(word.size, to: owner.sender) }
      end = entry.end
    }
    appendFree(from: end, to: units)
    array.removeAll()
    mode = .bestFit
  }

  private mutating func appendFree(from start: UInt32, to end: UInt32) {
    guard start < end else { return }
    let id = list.append(start: start, word: RangeWord(bits: end - start))
    bestFit.insert(id, start: start, size: end - start, isLast: end == units)
  }
}
