internal import BinderBuffer

/// Where buffers lie in a region, kept as one list of ranges in address order and searched from one
/// end to the other: the rules of placement with nothing clever about them.
///
/// The one model of placement: `check`, the tests and the fuzz targets compare the engine with it.
struct ModelPlacement {
  struct Range {
    var start: Int
    var size: Int
    var isLive = false
    var isOneway = false
    /// It was asked for with no bytes.
    var isEmpty = false
    var sender: Int32 = 0
    /// Who last owned the C driver's descriptor of this range; nobody, if it was born of a split.
    var owner: Int32?
    /// Its node in the C driver's tree, while it is free.
    var node = 0

    var end: Int { start + size }
  }

  enum Answer: Equatable {
    case placed(offset: Int, spam: SpamFinding)
    case noSpace(free: Int, largest: Int)
    case noOnewaySpace(free: Int)
  }

  let length: Int
  let policy: PlacementPolicy
  private(set) var ranges: [Range]
  private(set) var freeOneway: Int
  /// What empty oneway buffers never gave back.
  private(set) var leakedOneway = 0
  private(set) var liveCount = 0
  private(set) var liveBytes = 0
  private var tree = ModelTree()
  /// The Rust driver's short array is in use.
  private var isArray: Bool
  private var hasReportedSpam = false

  private var rules: DriverRules { policy.rules }
  private var isOfTheCDriver: Bool { policy.search == .c }

  init(length: Int, policy: PlacementPolicy) {
    self.length = length
    self.policy = policy
    ranges = [Range(start: 0, size: length)]
    freeOneway = length / 2
    isArray = policy.search == .rust
    if isOfTheCDriver { ranges[0].node = tree.insert(size: length, start: 0) }
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

  /// - Parameter hasFrame: whether a page has a frame, for the policy that asks.
  mutating func reserve(
    _ request: Int, oneway: Bool, sender: Int32, hasFrame: (Int) -> Bool = { _ in true }
  ) -> Answer {
    if isArray, liveCount >= 8 { isArray = false }
    let size = max(8, (request + 7) / 8 * 8)
    if oneway, size > freeOneway - header.required { return .noOnewaySpace(free: freeOneway) }
    guard let chosen = choose(size, hasFrame) else {
      let free = gaps.map(\.count)
      return .noSpace(free: free.reduce(0, +), largest: free.max() ?? 0)
    }
    take(chosen.index, size)
    let index = chosen.isAtEnd ? swapWithRest(chosen.index) : chosen.index
    if oneway { freeOneway -= size + header.charged }
    let spam = oneway ? detectSpam(index, size, sender) : .none
    ranges[index].isLive = true
    ranges[index].isOneway = oneway
    ranges[index].isEmpty = request == 0
    ranges[index].sender = sender
    ranges[index].owner = sender
    liveCount += 1
    liveBytes += size
    return .placed(offset: ranges[index].start, spam: spam)
  }

  /// What a oneway buffer costs beside its bytes, and what must be free beside them.
  private var header: (charged: Int, required: Int) {
    switch rules.onewayHeader {
    case .none: (0, 0)
    case .charged96: (96, 96)
    case .charged104: (104, 104)
    case .required104: (0, 104)
    }
  }

  /// The free ranges in address order.
  var gaps: [Swift.Range<Int>] { ranges.filter { !$0.isLive }.map { $0.start..<$0.end } }

  /// The range to take, and whether to take its end.
  private func choose(_ size: Int, _ hasFrame: (Int) -> Bool) -> (index: Int, isAtEnd: Bool)? {
    guard let best = chooseRange(size) else { return nil }
    guard policy.search == .compact, ranges[best].size >= 8192 else { return (best, false) }
    var first: (rank: [Int], index: Int)?
    for index in ranges.indices where !ranges[index].isLive && ranges[index].size >= size {
      let range = ranges[index]
      for (isAtEnd, offset) in [range.start, range.end - size].enumerated() {
        let touched = offset / 4096...(offset + size - 1) / 4096
        let missing = touched.count { !hasFrame($0) }
        // Whole pages of the free range, which therefore nobody uses.
        let idle = touched.count { $0 * 4096 >= range.start && ($0 + 1) * 4096 <= range.end }
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
    if isOfTheCDriver { return tree.find(size).map { self.index(of: $0)! } }
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
      if isOfTheCDriver {
        // The chosen node stays, cut to the request, while the rest is inserted.
        tree.resize(node, to: size)
        remainder.node = tree.insert(size: rest, start: start)
      }
      ranges.insert(remainder, at: index + 1)
    }
    if isOfTheCDriver { tree.erase(node) }
  }

  /// Moves the range that was just cut behind what is left over; gives its index there.
  private mutating func swapWithRest(_ index: Int) -> Int {
    let (start, size, rest) = (ranges[index].start, ranges[index].size, ranges[index + 1].size)
    ranges[index].size = rest
    ranges[index + 1] = Range(start: start + rest, size: size)
    return index + 1
  }

  // MARK: spam

  private mutating func detectSpam(_ index: Int, _ size: Int, _ sender: Int32) -> SpamFinding {
    guard freeOneway < length / 10 else {
      hasReportedSpam = false
      return .none
    }
    switch rules.spam {
    case .none: return .none
    case .rustBefore:
      // The new buffer does not count yet, and nobody looks in the array.
      return !isArray && isSpam(sender, andOneMore: nil) ? .reported : .none
    case .rustAfter: return isSpam(sender, andOneMore: size) ? .reported : .none
    case .log, .latch:
      // Since 6.8 the new buffer still counts for whoever owned its descriptor before.
      let counts =
        rules.owner == .early || (isOfTheCDriver && ranges[index].owner == sender)
      guard isSpam(sender, andOneMore: counts ? size : nil) else { return .none }
      if rules.spam == .log || hasReportedSpam { return .logged }
      hasReportedSpam = true
      return .reported
    }
  }

  private func isSpam(_ sender: Int32, andOneMore size: Int?) -> Bool {
    let own = ranges.filter { $0.isLive && $0.isOneway && $0.sender == sender }
    let count = own.count + (size == nil ? 0 : 1)
    let bytes = own.reduce(0) { $0 + $1.size } + (size ?? 0) + count * header.charged
    return count > 50 || bytes > length / 4
  }

  // MARK: free

  /// - Returns: the free range that surrounds it now.
  @discardableResult
  mutating func free(_ offset: Int) -> Swift.Range<Int> {
    var index = index(of: offset)!
    liveCount -= 1
    liveBytes -= ranges[index].size
    if ranges[index].isOneway {
      let isForgotten = ranges[index].isEmpty && rules.emptyOneway == .leaks
      freeOneway += header.charged + (isForgotten ? 0 : ranges[index].size)
      if isForgotten { leakedOneway += ranges[index].size }
    }
    ranges[index].isLive = false
    ranges[index].isOneway = false
    if index + 1 < ranges.count, !ranges[index + 1].isLive {
      if isOfTheCDriver { tree.erase(ranges[index + 1].node) }
      ranges[index].size += ranges[index + 1].size
      ranges.remove(at: index + 1)
    }
    if index > 0, !ranges[index - 1].isLive {
      if isOfTheCDriver { tree.erase(ranges[index - 1].node) }
      ranges[index - 1].size += ranges[index].size
      ranges.remove(at: index)
      index -= 1
    }
    if isOfTheCDriver {
      ranges[index].node = tree.insert(size: ranges[index].size, start: ranges[index].start)
    }
    if liveCount == 0, policy.search == .rust { isArray = true }
    return ranges[index].start..<ranges[index].end
  }
}
