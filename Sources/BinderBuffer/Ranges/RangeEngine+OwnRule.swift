/// Placement by a rule of the user's own. Apart from all others, so that these pay nothing for it.
extension RangeEngine {
  mutating func reserve(
    _ size: Int, oneway: Bool, owner: RangeOwner, by rule: inout some PlacementRule
  ) throws(RangeError) -> PlacedRange {
    precondition(
      search != .c, "a rule of one's own needs a policy that searches as rust or compact")
    let flags =
      (oneway ? RangeWord.oneway | (size == 0 ? RangeWord.empty : 0) : 0) | RangeWord.live
    if mode == .array, array.count >= arrayLimit {
      if size < 0 { throw .invalidSize(size) }
      try mapTables()
      enterBestFit()
    }
    guard let units = roundUp(size, flags) else { throw refusal(size, flags) }
    let request = PlacementRequest(
      size: Int(units) * 8, isOneway: oneway, sender: owner.sender, debugID: owner.debugID)
    // SAFETY: what is lent ends with the call, during which nothing else uses the engine.
    let offset = unsafe withUnsafePointer(to: &self) {
      rule.place(request, in: unsafe FreeSpace($0))
    }
    guard let offset else { throw noSpace(size) }
    let unit = unit(offset)
    guard unit < UInt(self.units), UInt(self.units) - unit >= UInt(units) else {
      throw .invalidPlacement(offset: offset, size: request.size)
    }
    let start = UInt32(truncatingIfNeeded: unit)
    let placed =
      mode == .array
      ? takeInArray(from: start, units, flags, owner) : takeInList(from: start, units, flags, owner)
    guard let placed else { throw .invalidPlacement(offset: offset, size: request.size) }
    return placed
  }

  /// Nil where the units are not all free.
  private mutating func takeInArray(
    from start: UInt32, _ units: UInt32, _ flags: UInt32, _ owner: RangeOwner
  ) -> PlacedRange? {
    for position in 0...array.count {
      let gap = array.gap(position, units: self.units)
      if start >= gap.start, start + units <= gap.start + gap.room {
        return takeInArray((position, start), units, flags, owner)
      }
    }
    return nil
  }

  /// Nil where the units are not all free. What is left in front and behind stays free.
  private mutating func takeInList(
    from start: UInt32, _ units: UInt32, _ flags: UInt32, _ owner: RangeOwner
  ) -> PlacedRange? {
    var id = list.nodes[0].next
    while id != 0, list.nodes[id].start + list.nodes[id].word.size <= start {
      id = list.nodes[id].next
    }
    let node = list.nodes[id]
    let front = start - min(node.start, start)
    guard id != 0, !node.word.isLive, node.word.size >= front + units else { return nil }
    let rest = node.word.size - front - units
    bestFit.remove(id, node)
    var taken = id
    if front > 0 {
      taken = list.cut(id, start: start, size: units)
      list.nodes[id].word = RangeWord(bits: front)
      bestFit.insert(id, start: node.start, size: front)
    }
    if rest > 0 {
      let behind = list.cut(taken, start: start + units, size: rest)
      bestFit.insert(behind, start: start + units, size: rest)
    }
    list.take(taken, list.nodes[taken], units | flags, owner)
    return account(taken, start, units, flags, owner.sender)
  }

  /// The lowest free range for which `condition` holds.
  func firstFree(where condition: (FreeRange) -> Bool) -> FreeRange? {
    if mode == .array {
      for position in 0...array.count {
        let gap = array.gap(position, units: units)
        if gap.room > 0, case let range = FreeRange(gap.start, gap.room), condition(range) {
          return range
        }
      }
      return nil
    }
    var id = list.nodes[0].next
    while id != 0 {
      let node = list.nodes[id]
      if !node.word.isLive, case let range = FreeRange(node.start, node.word.size),
        condition(range)
      {
        return range
      }
      id = node.next
    }
    return nil
  }
}
