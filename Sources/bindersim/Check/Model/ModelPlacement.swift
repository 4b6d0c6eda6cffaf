internal import BinderBuffer

/// Where buffers lie in a region, kept as one list of ranges in address order and searched from one
/// end to the other: the rules of placement with nothing clever about them.
struct ModelPlacement {
  struct Range {
    var start: Int
    var size: Int
    var isLive = false
    var isOneway = false
    var sender: Int32 = 0
    /// Who last owned the C driver's descriptor of this range; nobody, if it was born of a split.
    var owner: Int32?
    /// Its node in the C driver's tree, while it is free.
    var node = 0

    var end: Int { start + size }
  }

  enum Answer {
    case placed(offset: Int, isSpam: Bool)
    case noSpace(free: Int, largest: Int)
    case noOnewaySpace(free: Int)
  }

  let length: Int
  let policy: PlacementPolicy
  private(set) var ranges: [Range]
  private(set) var freeOneway: Int
  private(set) var liveCount = 0
  private(set) var liveBytes = 0
  private var tree = ModelTree()
  /// The Rust driver's short array is in use.
  private var isArray: Bool
  private var hasReportedSpam = false

  init(length: Int, policy: PlacementPolicy) {
    self.length = length
    self.policy = policy
    ranges = [Range(start: 0, size: length)]
    freeOneway = length / 2
    isArray = policy.isOfTheRustDriver
    if policy.isOfTheCDriver { ranges[0].node = tree.insert(size: length, start: 0) }
  }

  /// The place in the list of the range that begins at `start`.
  func index(of start: Int) -> Int? {
    var (low, high) = (0, ranges.count)
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].start < start { low = middle + 1 } else { high = middle }
    }
    return low < ranges.count && ranges[low].start == start ? low : nil
  }

  // MARK: reserve

  mutating func reserve(
    _ size: Int, oneway: Bool, sender: Int32, pages: ModelPages
  ) -> Answer {
    if isArray, liveCount >= 8 { isArray = false }
    if oneway, size > freeOneway { return .noOnewaySpace(free: freeOneway) }
    guard let chosen = choose(size, pages) else {
      let free = ranges.lazy.filter { !$0.isLive }.map(\.size)
      return .noSpace(free: free.reduce(0, +), largest: free.max() ?? 0)
    }
    take(chosen.index, size)
    let index = chosen.isAtEnd ? swapWithRest(chosen.index) : chosen.index
    if oneway { freeOneway -= size }
    let isSpam = oneway && detectSpam(index, size, sender)
    ranges[index].isLive = true
    ranges[index].isOneway = oneway
    ranges[index].sender = sender
    ranges[index].owner = sender
    liveCount += 1
    liveBytes += size
    return .placed(offset: ranges[index].start, isSpam: isSpam)
  }

  /// The range to take, and whether to take its end.
  private func choose(_ size: Int, _ pages: ModelPages) -> (index: Int, isAtEnd: Bool)? {
    guard let best = chooseRange(size) else { return nil }
    guard policy == .compact, ranges[best].size >= 8192 else { return (best, false) }
    var first: (rank: [Int], index: Int)?
    for index in ranges.indices where !ranges[index].isLive && ranges[index].size >= size {
      let range = ranges[index]
      for (isAtEnd, offset) in [range.start, range.end - size].enumerated() {
        let missing = pages.missing(offset, size)
        let idle = pages.idle(offset, size)
        let rank =
          size > 8192
          ? [missing, idle, range.size, range.start, isAtEnd]
          : [missing, range.size, range.start, idle, isAtEnd]
        if first.map({ rank.lexicographicallyPrecedes($0.rank) }) ?? true { first = (rank, index) }
      }
    }
    return first.map { ($0.index, $0.rank[4] == 1) }
  }

  private func chooseRange(_ size: Int) -> Int? {
    if policy.isOfTheCDriver { return tree.find(size).map { self.index(of: $0)! } }
    let fitting = ranges.indices.lazy.filter { !ranges[$0].isLive && ranges[$0].size >= size }
    if isArray {
      if let last = ranges.indices.last, !ranges[last].isLive, ranges[last].size >= size {
        return last
      }
      return fitting.first
    }
    // The first of the smallest: `min` keeps the earlier of two equal ones.
    return fitting.min { ranges[$0].size < ranges[$1].size }
  }

  private mutating func take(_ index: Int, _ size: Int) {
    let node = ranges[index].node
    ranges[index].node = 0
    if ranges[index].size > size {
      let (start, rest) = (ranges[index].start + size, ranges[index].size - size)
      ranges[index].size = size
      var remainder = Range(start: start, size: rest)
      if policy.isOfTheCDriver {
        // The chosen node stays, cut to the request, while the rest is inserted.
        tree.resize(node, to: size)
        remainder.node = tree.insert(size: rest, start: start)
      }
      ranges.insert(remainder, at: index + 1)
    }
    if policy.isOfTheCDriver { tree.erase(node) }
  }

  /// Moves the range that was just cut behind what is left over; gives its index there.
  private mutating func swapWithRest(_ index: Int) -> Int {
    let (start, size, rest) = (ranges[index].start, ranges[index].size, ranges[index + 1].size)
    ranges[index].size = rest
    ranges[index + 1] = Range(start: start + rest, size: size)
    return index + 1
  }

  // MARK: spam

  private mutating func detectSpam(_ index: Int, _ size: Int, _ sender: Int32) -> Bool {
    if policy.isOfTheCDriver { return detectSpamAsC(index, size, sender) }
    guard freeOneway < length / 10 else { return false }
    // Before 6.18.19 the new buffer does not count, and nobody looks in the array.
    if policy == .rust6180 { return !isArray && isSpam(sender, andOneMore: nil) }
    return isSpam(sender, andOneMore: size)
  }

  private mutating func detectSpamAsC(_ index: Int, _ size: Int, _ sender: Int32) -> Bool {
    guard freeOneway < length / 10 else {
      hasReportedSpam = false
      return false
    }
    if hasReportedSpam { return false }
    // Since 6.8 the new buffer still counts for whoever owned its descriptor before.
    let counts = policy == .c61 || ranges[index].owner == sender
    hasReportedSpam = isSpam(sender, andOneMore: counts ? size : nil)
    return hasReportedSpam
  }

  private func isSpam(_ sender: Int32, andOneMore size: Int?) -> Bool {
    let own = ranges.filter { $0.isLive && $0.isOneway && $0.sender == sender }
    let count = own.count + (size == nil ? 0 : 1)
    let bytes = own.reduce(0) { $0 + $1.size } + (size ?? 0)
    return count > 50 || bytes > length / 4
  }

  // MARK: free

  mutating func free(_ offset: Int) {
    var index = index(of: offset)!
    liveCount -= 1
    liveBytes -= ranges[index].size
    if ranges[index].isOneway { freeOneway += ranges[index].size }
    ranges[index].isLive = false
    ranges[index].isOneway = false
    if index + 1 < ranges.count, !ranges[index + 1].isLive {
      if policy.isOfTheCDriver { tree.erase(ranges[index + 1].node) }
      ranges[index].size += ranges[index + 1].size
      ranges.remove(at: index + 1)
    }
    if index > 0, !ranges[index - 1].isLive {
      if policy.isOfTheCDriver { tree.erase(ranges[index - 1].node) }
      ranges[index - 1].size += ranges[index].size
      ranges.remove(at: index)
      index -= 1
    }
    if policy.isOfTheCDriver {
      ranges[index].node = tree.insert(size: ranges[index].size, start: ranges[index].start)
    }
    if liveCount == 0, policy.isOfTheRustDriver { isArray = true }
  }
}

extension PlacementPolicy {
  var isOfTheCDriver: Bool { self == .c || self == .c61 }
  var isOfTheRustDriver: Bool { self == .rust || self == .rust6180 }
}
