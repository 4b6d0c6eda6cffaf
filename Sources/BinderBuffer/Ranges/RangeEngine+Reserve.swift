extension RangeEngine {
  /// Takes the range that the policy chooses.
  @usableFromInline
  mutating func reserve(
    _ size: Int, oneway: Bool, sender: Int32, debugID: UInt32, committed: Bool
  ) throws(RangeError) -> PlacedRange {
    guard size >= 0 else { throw .invalidSize(size) }
    // A request that comes while the array is full moves to the list even if it then fails.
    if mode == .array && array.count >= arrayLimit { try leaveArray() }
    if oneway && size > Int(freeOneway) { throw noOnewaySpace(size) }
    guard size <= Int(length) else { throw noSpace(size) }
    let units = UInt32(truncatingIfNeeded: max(size, 1) &+ 7) >> 3
    if oneway && units &* 8 > freeOneway { throw noOnewaySpace(size) }

    var word = units | RangeWord.live
    if committed { word |= RangeWord.committed }
    if oneway { word |= RangeWord.oneway }
    let owner = RangeOwner(sender: sender, tag: debugID)

    let start: UInt32
    let slot: UInt32
    var isSpam = false
    switch mode {
    case .array:
      guard let place = array.place(units, units: self.units) else { throw noSpace(size) }
      start = place.start
      slot = array.insert(at: place.index, start: start, word: word, owner: owner)
      if oneway { freeOneway &-= units &* 8 }
    case .bestFit:
      slot = bestFit.find(units)
      guard slot != 0 else { throw noSpace(size) }
      start = takeBestFit(slot, units)
      list.nodes[slot].word.bits = word
      list.owners[slot] = owner
      if oneway {
        freeOneway &-= units &* 8
        senders.add(units, to: sender)
        isSpam = isSpamToRust(sender)
      }
    case .sizeTree:
      slot = sizeTree.find(units)
      guard slot != 0 else { throw noSpace(size) }
      start = takeFromSizeTree(slot, units)
      if oneway { isSpam = countOnewayInC(slot, units, sender) }
      list.nodes[slot].word.bits = word | RangeWord.owned
      list.owners[slot] = owner
    }
    liveCount &+= 1
    liveUnits &+= units
    return PlacedRange(start: start, units: units, slot: slot, isSpam: isSpam)
  }

  /// Cuts `units` off the front of a free range; gives its start.
  @inline(__always)
  private mutating func takeBestFit(_ id: UInt32, _ units: UInt32) -> UInt32 {
    let node = list.nodes[id]
    let size = node.word.size
    let isLast = node.next == 0
    bestFit.remove(id, start: node.start, size: size, isLast: isLast)
    if size != units {
      let rest = list.cut(id, node, at: units)
      bestFit.insert(rest, start: node.start &+ units, size: size &- units, isLast: isLast)
    }
    list.index(id, start: node.start)
    return node.start
  }

  /// The same in the C driver's order: the rest is inserted while the chosen node, its size
  /// already cut, still stands in the tree.
  @inline(__always)
  private mutating func takeFromSizeTree(_ id: UInt32, _ units: UInt32) -> UInt32 {
    let node = list.nodes[id]
    let size = node.word.size
    if size != units {
      sizeTree.cut(id, to: units)
      let rest = list.cut(id, node, at: units)
      sizeTree.insert(rest, size: size &- units)
    }
    sizeTree.erase(id)
    list.index(id, start: node.start)
    return node.start
  }

  /// Whether the Rust driver suspects `sender`, whose new buffer counts already. It says so at
  /// every reservation, and never while the array holds the ranges.
  @inline(__always)
  private func isSpamToRust(_ sender: Int32) -> Bool {
    guard freeOneway < length / 10 else { return false }
    let total = senders.total(of: sender)
    return total.buffers > 50 || total.units &* 8 > length / 4
  }

  /// Accounts a oneway range that is about to become `sender`'s; true when it is to be reported.
  ///
  /// The C driver reports once and then not before a oneway reservation has found a tenth of the
  /// region free again. Since 6.8 it writes the new buffer's owner after this check only, so here
  /// the buffer counts for whoever owned its node before.
  private mutating func countOnewayInC(
    _ id: UInt32, _ units: UInt32, _ sender: Int32
  ) -> Bool {
    freeOneway &-= units &* 8
    defer { senders.add(units, to: sender) }
    guard freeOneway < length / 10 else {
      spamLatched = false
      return false
    }
    if spamLatched { return false }
    var total = senders.total(of: sender)
    let counts: Bool
    switch policy {
    case .c61: counts = true
    default: counts = list.nodes[id].word.isOwned && list.owners[id].sender == sender
    }
    if counts {
      total.buffers &+= 1
      total.units &+= units
    }
    spamLatched = total.buffers > 50 || total.units &* 8 > length / 4
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
      list.append(entry.slot, start: entry.start, word: word)
      list.owners[entry.slot] = array.owners[entry.slot]
      list.index(entry.slot, start: entry.start)
      if word.isOneway { senders.add(word.size, to: list.owners[entry.slot].sender) }
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
