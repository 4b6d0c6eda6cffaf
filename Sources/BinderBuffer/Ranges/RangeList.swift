/// One range, live or free, in the chain of all ranges by address.
struct RangeNode: BitwiseCopyable {
  /// First unit.
  var start: UInt32
  /// Length in units and state.
  var word: RangeWord
  /// The neighbours by address; node 0 beyond either end.
  var previous: UInt32
  var next: UInt32
  /// Who took it; once it is free, who took it last.
  var sender: Int32 = 0
  /// A live range's debug id; a free one's place in its bin.
  var tag: UInt32 = 0
}

/// A range's length in units and its state, in one word.
struct RangeWord: BitwiseCopyable, Equatable {
  var bits: UInt32

  static let sizeMask: UInt32 = 0xF_FFFF
  static let live: UInt32 = 1 << 31
  static let committed: UInt32 = 1 << 30
  static let oneway: UInt32 = 1 << 29
  /// The node has an owner, maybe a past one: a node born as the rest of a cut has none.
  static let owned: UInt32 = 1 << 28
  /// A oneway range of no bytes, which takes 8 all the same.
  static let empty: UInt32 = 1 << 27

  @inline(__always) var size: UInt32 { bits & Self.sizeMask }
  @inline(__always) var isLive: Bool { bits & Self.live != 0 }
  @inline(__always) var isCommitted: Bool { bits & Self.committed != 0 }
  @inline(__always) var isOneway: Bool { bits & Self.oneway != 0 }
  @inline(__always) var isOwned: Bool { bits & Self.owned != 0 }
  @inline(__always) var isEmpty: Bool { bits & Self.empty != 0 }
}

/// All ranges of a region in address order, and the index that finds a live one by its offset.
///
/// The index has one entry for each 128 bytes of the region: the lowest live range that starts
/// there. A buffer is found in one step, or in a few along the chain when small ones share an
/// entry (at most 31), and an offset at which nothing lives is recognised the same way.
///
/// INVARIANT: node 0 stands for both ends, is never free, and starts where the region ends.
/// INVARIANT: along `next` from node 0 every range starts where the one before it ends, and no
/// two neighbours are free.
/// INVARIANT: `heads[k]` is the lowest live node that starts in entry k, or 0.
struct RangeList {
  /// Units per index entry, as a shift.
  static let entryShift: UInt32 = 4

  var nodes = Table<RangeNode>()
  var heads = Table<UInt32>()
  /// Recycled nodes, chained by `next`, most recent first.
  private(set) var recycled: UInt32 = 0
  /// The first node never used since the last reset.
  private(set) var unused: UInt32 = 1

  /// The most nodes a region of `units` can need: every unit a range, both ends, and the slots
  /// of the short array.
  static func nodeCount(units: Int) -> Int { units + 2 + ShortArray.capacity }
  static func headCount(units: Int) -> Int { (units >> Int(entryShift)) + 1 }

  /// Forgets all nodes at or above `first`; the chain is the two ends alone.
  mutating func reset(units: UInt32, first: UInt32) {
    recycled = 0
    unused = first
    nodes[0] = RangeNode(
      start: units, word: RangeWord(bits: RangeWord.live), previous: 0, next: 0)
  }

  @inline(__always)
  mutating func makeNode() -> UInt32 {
    let id = recycled
    if id != 0 {
      recycled = nodes[id].next
      return id
    }
    unused &+= 1
    return unused &- 1
  }

  @inline(__always)
  mutating func recycle(_ id: UInt32) {
    nodes[id].next = recycled
    recycled = id
  }

  /// Puts a node at the chain's end, whatever it is.
  func append(_ id: UInt32, start: UInt32, word: RangeWord) {
    let last = nodes[0].previous
    nodes[id] = RangeNode(start: start, word: word, previous: last, next: 0)
    nodes[last].next = id
    nodes[0].previous = id
  }

  /// The same with a new node.
  mutating func append(start: UInt32, word: RangeWord) -> UInt32 {
    let id = makeNode()
    append(id, start: start, word: word)
    return id
  }

  /// Makes a free node live.
  @inline(__always)
  func take(_ id: UInt32, _ node: RangeNode, _ word: UInt32, _ owner: RangeOwner) {
    nodes[id].word = RangeWord(bits: word)
    nodes[id].sender = owner.sender
    nodes[id].tag = owner.debugID
    index(id, start: node.start)
  }

  /// Cuts a range in two; the new free node behind the cut has had no owner. The first part's
  /// word stays as it was.
  @inline(__always)
  mutating func cut(_ id: UInt32, _ node: RangeNode, at size: UInt32) -> UInt32 {
    cut(id, start: node.start &+ size, size: node.word.size &- size)
  }

  /// The same, given what is cut off.
  @inline(__always)
  mutating func cut(_ id: UInt32, start: UInt32, size: UInt32) -> UInt32 {
    let rest = makeNode()
    let next = nodes[id].next
    nodes[rest] = RangeNode(
      start: start, word: RangeWord(bits: size), previous: id, next: next)
    nodes[next].previous = rest
    nodes[id].next = rest
    return rest
  }

  /// Makes a free range of a node and of what follows it up to `next`.
  @inline(__always)
  func join(_ id: UInt32, _ word: RangeWord, next: UInt32) {
    nodes[id].word = word
    nodes[id].next = next
    nodes[next].previous = id
  }

  /// The live node that starts at unit `start`, or 0.
  @inline(__always)
  func find(_ start: UInt32) -> UInt32 {
    let id = heads[start >> Self.entryShift]
    if nodes[id].start == start { return id }
    return findAlongChain(start, from: id)
  }

  @inline(never)
  private func findAlongChain(_ start: UInt32, from head: UInt32) -> UInt32 {
    guard head != 0 else { return 0 }
    var id = head
    // Ends: node 0 starts behind everything that can be asked for.
    while nodes[id].start < start { id = nodes[id].next }
    return nodes[id].start == start && nodes[id].word.isLive ? id : 0
  }

  /// Enters a node that has become live.
  @inline(__always)
  func index(_ id: UInt32, start: UInt32) {
    let entry = start >> Self.entryShift
    let head = heads[entry]
    // Without a branch; an empty entry's 0 is a node that starts behind everything.
    heads[entry] = nodes[head].start > start ? id : head
  }

  /// Removes a node that is no longer live; `nextLive` is the next live one by address, or 0.
  @inline(__always)
  func unindex(_ id: UInt32, start: UInt32, nextLive: UInt32) {
    let entry = start >> Self.entryShift
    let head = heads[entry]
    let next = nodes[nextLive].start >> Self.entryShift == entry ? nextLive : 0
    heads[entry] = head == id ? next : head
  }
}
