extension RangeEngine {
  @usableFromInline
  borrowing func forEachCommittedSlot(_ body: (UInt32) -> Void) {
    if mode == .array {
      for i in 0..<array.count where array[i].word.isCommitted {
        body(array.slot(at: i))
      }
      return
    }
    var id = list.nodes[0].next
    while id != 0 {
      if list.nodes[id].word.isCommitted { body(id) }
      id = list.nodes[id].next
    }
  }

  borrowing func forEachRange(_ body: (RangeDescription) -> Void) {
    if mode == .array {
      var end: UInt32 = 0
      for i in 0..<array.count {
        let entry = array[i]
        if entry.start > end { body(Self.describe(from: end, to: entry.start)) }
        body(Self.describe(entry.start, entry.word, array.owners[array.slot(at: i)]))
        end = entry.end
      }
      if end < units { body(Self.describe(from: end, to: units)) }
      return
    }
    var id = list.nodes[0].next
    while id != 0 {
      let node = list.nodes[id]
      body(
        node.word.isLive
          ? Self.describe(
            node.start, node.word, RangeOwner(sender: node.sender, debugID: node.tag))
          : Self.describe(from: node.start, to: node.start + node.word.size))
      id = node.next
    }
  }

  private static func describe(from start: UInt32, to end: UInt32) -> RangeDescription {
    RangeDescription(
      offset: Int(start) * 8, size: Int(end - start) * 8, state: .free, isOneway: false,
      sender: 0, debugID: 0)
  }

  private static func describe(
    _ start: UInt32, _ word: RangeWord, _ owner: RangeOwner
  ) -> RangeDescription {
    RangeDescription(
      offset: Int(start) * 8, size: Int(word.size) * 8,
      state: word.isCommitted ? .committed : .reserved, isOneway: word.isOneway,
      sender: owner.sender, debugID: owner.debugID)
  }
}
