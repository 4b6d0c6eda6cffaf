extension RangeEngine {
  /// Proves that the tables agree with each other in both directions. O(n log n).
  borrowing func checkInvariants() throws(InvariantViolation) {
    switch mode {
    case .array: try checkArray()
    case .bestFit, .sizeTree: try checkList()
    }
  }

  #if BINDERBUFFER_INTERNAL_CHECKS
    @usableFromInline
    mutating func stopUnlessConsistent() {
      do throws(InvariantViolation) {
        try checkInvariants()
      } catch {
        fatalError("\(error)")
      }
    }
  #endif

  private func require(
    _ condition: Bool, _ what: @autoclosure () -> String
  ) throws(InvariantViolation) {
    if !condition { throw InvariantViolation(description: what()) }
  }

  /// Sums over live ranges, to be compared with the running totals.
  private struct Sums {
    var buffers: UInt32 = 0
    var units: UInt32 = 0
    var onewayBytes: UInt32 = 0
    var onewayCount: UInt32 = 0
    var perSender: [Int32: (buffers: UInt32, units: UInt32)] = [:]

    mutating func add(_ word: RangeWord, _ sender: Int32) {
      buffers += 1
      units += word.size
      guard word.isOneway else { return }
      onewayBytes += word.size * 8
      onewayCount += 1
      perSender[sender, default: (0, 0)].buffers += 1
      perSender[sender, default: (0, 0)].units += word.size
    }
  }

  private func checkTotals(_ sums: Sums) throws(InvariantViolation) {
    try require(sums.buffers == liveCount, "\(sums.buffers) live, counted \(liveCount)")
    try require(sums.units == liveUnits, "\(sums.units) units live, counted \(liveUnits)")
    let onewayCost = sums.onewayBytes + sums.onewayCount * onewayCharge + leakedOneway
    try require(
      onewayCost + freeOneway == length / 2,
      "\(onewayCost) oneway bytes and \(freeOneway) free of \(length / 2)")
  }

  private func checkArray() throws(InvariantViolation) {
    var sums = Sums()
    var end: UInt32 = 0
    var slots: UInt32 = 0
    for i in 0..<array.count {
      let (entry, slot) = (array[i], array.slot(at: i))
      try require(entry.word.isLive && entry.word.size > 0, "array entry \(i) is not live")
      try require(entry.start >= end, "array entry \(i) overlaps the one before")
      try require(slots & 1 << slot == 0, "array slot \(slot) is used twice")
      slots |= 1 << slot
      sums.add(entry.word, array.owners[slot].sender)
      end = entry.end
    }
    try require(end <= units, "the array ends at unit \(end) of \(units)")
    try require(slots ^ 0x1FE == array.freeSlots, "array slots in use differ")
    for slot in 1...UInt32(ShortArray.capacity) where slots & 1 << slot == 0 {
      try require(array[slot: slot].start == .max, "array slot \(slot) is stale")
    }
    try require(array.hasNothingBehind, "array positions behind the last one are taken")
    try checkTotals(sums)
    try require(senders.senders == 0, "sender totals are kept beside the array")
    try require(array.count <= arrayLimit, "the array holds \(array.count)")
    try require(
      search == .c || !hasTables || bestFit.largest == 0,
      "the bins outlived the list")
  }

  private func checkList() throws(InvariantViolation) {
    var sums = Sums()
    var heads: [UInt32: UInt32] = [:]
    var free: [UInt32: RangeNode] = [:]
    var previous: UInt32 = 0
    var end: UInt32 = 0
    var id = list.nodes[0].next
    while id != 0 {
      let node = list.nodes[id]
      try require(node.previous == previous, "node \(id) does not know the one before it")
      try require(node.start == end && node.word.size > 0, "node \(id) leaves a gap")
      if node.word.isLive {
        sums.add(node.word, node.sender)
        let entry = node.start >> RangeList.entryShift
        if heads[entry] == nil { heads[entry] = id }
        try require(list.find(node.start) == id, "node \(id) is not found by its offset")
      } else {
        try require(
          previous == 0 || list.nodes[previous].word.isLive,
          "node \(id) and the one before are free")
        try require(
          node.word.bits & ~(RangeWord.sizeMask | RangeWord.owned) == 0, "node \(id) has live marks"
        )
        try require(list.find(node.start) == 0, "free node \(id) is found by its offset")
        free[id] = node
      }
      end = node.start + node.word.size
      previous = id
      id = node.next
    }
    try require(list.nodes[0].previous == previous, "the end does not know the last node")
    try require(list.nodes[0].start == units && list.nodes[0].word.isLive, "the end moved")
    try require(end == units, "the ranges end at unit \(end) of \(units)")
    for entry in 0..<UInt32(RangeList.headCount(units: Int(units))) {
      try require(list.heads[entry] == heads[entry] ?? 0, "index entry \(entry) is wrong")
    }
    try checkTotals(sums)
    if let what = senders.contradiction(sums.perSender) {
      throw InvariantViolation(description: what)
    }
    let what = mode == .bestFit ? bestFit.contradiction(free) : sizeTree.contradiction(free)
    if let what { throw InvariantViolation(description: what) }
    if let what = list.contradiction(used: Int(sums.buffers) + free.count) {
      throw InvariantViolation(description: what)
    }
  }
}

extension RangeList {
  /// What is wrong with the recycled nodes, or nil: used and recycled ones are all there are.
  func contradiction(used: Int) -> String? {
    var count = used
    var id = recycled
    while id != 0 && count <= Int(unused) {
      count += 1
      id = nodes[id].next
    }
    return count == Int(unused) - 1 ? nil : "\(count) nodes used and recycled of \(unused - 1)"
  }
}

extension BestFitIndex {
  /// What is wrong with the bins, given all free nodes; or nil.
  func contradiction(_ free: [UInt32: RangeNode]) -> String? {
    var seen: Set<UInt32> = []
    if !bins.sizes.isConsistent { return "the bitmap's summary is wrong" }
    for bin in 1..<TieBins.binCount {
      let agrees = bins.check(bin, nodes: nodes) { id in
        guard let node = free[id], TieBins.bin(node.word.size) == bin else { return false }
        return seen.insert(id).inserted
      }
      if !agrees { return "bin \(bin) is wrong" }
    }
    return seen.count == free.count ? nil : "\(seen.count) ranges indexed of \(free.count) free"
  }
}

extension SizeTree {
  /// What is wrong with the tree, given all free nodes; or nil.
  func contradiction(_ free: [UInt32: RangeNode]) -> String? {
    var order: [UInt32] = []
    if !sizes.isConsistent { return "the bitmap's summary is wrong" }
    /// The black height, or nil when something is wrong.
    func visit(_ id: UInt32, under parent: UInt32) -> Int? {
      guard id != 0 else { return 1 }
      let node = nodes[id]
      guard node.parent == parent, let range = free[id], range.word.size == node.size,
        !(node.isRed && nodes[parent].isRed)
      else { return nil }
      let left = visit(node.left, under: id)
      order.append(id)
      let right = visit(node.right, under: id)
      guard let left, left == right else { return nil }
      return left + (node.isRed ? 0 : 1)
    }
    guard visit(root, under: 0) != nil, !nodes[root].isRed, nodes[0].key == 0 else {
      return "the size tree is no red-black tree over the free ranges"
    }
    if order.count != free.count { return "\(order.count) in the tree of \(free.count) free" }
    return chainContradiction(order)
  }

  /// What is wrong with the chain and the runs, given the tree's order; or nil.
  private func chainContradiction(_ order: [UInt32]) -> String? {
    var before: UInt32 = 0
    var found: [UInt32: UInt64] = [:]
    for id in order {
      let size = nodes[id].size
      guard nodes[id].before == before, nodes[before].after == id, size >= nodes[before].size
      else { return "node \(id) is out of order" }
      found[size] = (found[size] ?? UInt64(id) << 32) & ~0xFFFF_FFFF | UInt64(id)
      before = id
    }
    guard nodes[before].after == 0, nodes[0].before == before else { return "the chain is open" }
    for size in 0..<SizeBitmap.sizeCount {
      guard sizes.contains(size) == (found[size] != nil) else {
        return "size \(size)'s bit is wrong"
      }
      if let run = found[size], runs[size] != run { return "size \(size)'s run is wrong" }
    }
    return nil
  }
}

extension SenderTotals {
  /// What is wrong with the totals, given sums over all live oneway ranges; or nil.
  func contradiction(_ sums: [Int32: (buffers: UInt32, units: UInt32)]) -> String? {
    if sums.count != Int(senders) { return "\(senders) senders recorded of \(sums.count)" }
    for (sender, sum) in sums {
      let recorded = total(of: sender)
      if recorded != sum { return "sender \(sender) has \(sum), recorded \(recorded)" }
    }
    return nil
  }
}
