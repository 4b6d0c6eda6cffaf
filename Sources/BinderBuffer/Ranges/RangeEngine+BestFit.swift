/// The Rust driver's rule once more than eight ranges have lived together, and most of `compact`'s.
extension RangeEngine {
  @inline(never)
  mutating func reserveBestFitSlowly(
    _ size: Int, _ flags: UInt32, _ sender: Int32, _ debugID: UInt32
  ) throws(RangeError) -> PlacedRange {
    guard let units = roundUp(size, flags) else { throw refusal(size, flags) }
    let key = bestFit.bins.find(units)
    guard key != 0 else { throw noSpace(size) }
    let owner = RangeOwner(sender: sender, debugID: debugID)
    if search == .compact && TieBins.size(key) >= TieBins.long {
      return reserveCompactly(key, units, flags, owner)
    }
    return takeBestFit(TieBins.low(key), units, flags, owner)
  }

  /// Takes the start of a free range; the rest stays free.
  @inline(__always)
  mutating func takeBestFit(
    _ id: UInt32, _ units: UInt32, _ flags: UInt32, _ owner: RangeOwner
  ) -> PlacedRange {
    let node = list.nodes[id]
    bestFit.remove(id, node)
    list.take(id, node, units | flags | RangeWord.live, owner)
    if node.word.size != units {
      let rest = list.cut(id, node, at: units)
      bestFit.insert(rest, start: node.start &+ units, size: node.word.size &- units)
    }
    return account(id, node.start, units, flags, owner.sender)
  }

  /// Puts a range that was just taken on the accounts.
  @inline(__always)
  mutating func account(
    _ id: UInt32, _ start: UInt32, _ units: UInt32, _ flags: UInt32, _ sender: Int32
  ) -> PlacedRange {
    liveCount &+= 1
    liveUnits &+= units
    let spam = flags & RangeWord.oneway != 0 ? takeOneway(units, sender) : .none
    return PlacedRange(start: start, units: units, slot: id, spam: spam)
  }

  @inline(never)
  mutating func freeBestFitSlowly(_ offset: Int, _ committed: Bool) throws(RangeError) -> FreedSlot
  {
    let id = try findNode(offset, committed: committed)
    let node = list.nodes[id]
    forget(node)
    var start = node.start
    var size = node.word.size
    var next = node.next
    var survivor = id

    let right = list.nodes[next]
    if !right.word.isLive {
      bestFit.remove(next, right)
      list.recycle(next)
      size &+= right.word.size
      next = right.next
    }
    list.unindex(id, start: node.start, nextLive: next)
    let left = list.nodes[node.previous]
    if !left.word.isLive {
      bestFit.remove(node.previous, left)
      list.recycle(id)
      start = left.start
      size &+= left.word.size
      survivor = node.previous
    }
    list.join(survivor, RangeWord(bits: size), next: next)
    if liveCount == 0 {
      // The region is empty: the array starts again. Nothing needs clearing, because what every
      // table holds was taken out range by range.
      mode = .array
    } else {
      bestFit.insert(survivor, start: start, size: size)
    }
    return FreedSlot(
      start: node.start, units: node.word.size, holeStart: start, holeEnd: start &+ size,
      slot: id)
  }

  /// Takes a live range off the accounts.
  @inline(__always)
  mutating func forget(_ node: RangeNode) {
    liveCount &-= 1
    liveUnits &-= node.word.size
    if node.word.isOneway {
      returnOneway(node.word)
      senders.remove(node.word.size, from: node.sender)
    }
  }

  /// Moves from the array to the list; each range keeps its slot as its node.
  mutating func enterBestFit() {
    list.reset(units: units, first: UInt32(ShortArray.capacity) + 1)
    var end: UInt32 = 0
    for i in 0..<array.count {
      let entry = array[i]
      let slot = array.slot(at: i)
      let owner = array.owners[slot]
      appendFree(from: end, to: entry.start)
      list.append(slot, start: entry.start, word: entry.word)
      list.take(slot, list.nodes[slot], entry.word.bits, owner)
      if entry.word.isOneway { _ = senders.add(entry.word.size, to: owner.sender) }
      end = entry.end
    }
    appendFree(from: end, to: units)
    array.removeAll()
    mode = .bestFit
  }

  private mutating func appendFree(from start: UInt32, to end: UInt32) {
    guard start < end else { return }
    let id = list.append(start: start, word: RangeWord(bits: end - start))
    bestFit.insert(id, start: start, size: end - start)
  }
}
