internal import BinderBuffer
internal import PageAlloc

/// Which pages of a region have frames, how many live buffers touch each, and since when each idle
/// one has been idle: an entry for each page, counted and searched one by one.
struct ModelPages {
  private var touches: [Int32]
  private var framed: [Bool]
  /// Ticks of the run's clock; 0 for a page that is not idle.
  private var idleSince: [UInt64]
  private(set) var inUse = 0
  private(set) var available = 0
  private(set) var framesAllocated = 0
  private(set) var framesReclaimed = 0
  private(set) var highWatermark = 0

  init(count: Int) {
    touches = Array(repeating: 0, count: count)
    framed = Array(repeating: false, count: count)
    idleSince = Array(repeating: 0, count: count)
  }

  var frames: Int { inUse + available }

  static func touched(by offset: Int, _ size: Int) -> ClosedRange<Int> {
    offset >> Page.shift...(offset + size - 1) >> Page.shift
  }

  func isFramed(_ page: Int) -> Bool { framed[page] }

  /// The runs of pages with a frame.
  var framedRuns: [Range<Int>] {
    var runs: [Range<Int>] = []
    for page in framed.indices where framed[page] {
      if let last = runs.last, last.upperBound == page {
        runs[runs.count - 1] = last.lowerBound..<page + 1
      } else {
        runs.append(page..<page + 1)
      }
    }
    return runs
  }

  /// How many runs of pages a buffer there would lack.
  func missingRuns(_ offset: Int, _ size: Int) -> Int {
    var (count, isMissing) = (0, false)
    for page in Self.touched(by: offset, size) {
      if !framed[page], !isMissing { count += 1 }
      isMissing = !framed[page]
    }
    return count
  }

  mutating func use(_ offset: Int, _ size: Int) {
    for page in Self.touched(by: offset, size) {
      if touches[page] == 0 {
        inUse += 1
        if framed[page] {
          available -= 1
          idleSince[page] = 0
        } else {
          framed[page] = true
          framesAllocated += 1
          highWatermark = max(highWatermark, page + 1)
        }
      }
      touches[page] += 1
    }
  }

  /// Pages that no other buffer touches become available, in the order of the driver.
  mutating func stopUsing(
    _ offset: Int, _ size: Int, _ policy: PlacementPolicy, clock: inout UInt64
  ) {
    var order: [Int] = []
    for page in Self.touched(by: offset, size) {
      touches[page] -= 1
      if touches[page] == 0, framed[page] { order.append(page) }
    }
    guard !order.isEmpty else { return }
    if policy.rules.lru != .allDown {
      // The pages wholly inside first, then the one at the right end, then that at the left.
      var inside = order.filter {
        $0 << Page.shift >= offset && ($0 + 1) << Page.shift <= offset + size
      }
      let left = order.first.flatMap { $0 << Page.shift < offset ? $0 : nil }
      let right = order.last.flatMap {
        $0 != left && ($0 + 1) << Page.shift > offset + size ? $0 : nil
      }
      if policy.rules.lru == .down { inside.reverse() }
      order = inside + [right, left].compactMap { $0 }
    } else {
      order.reverse()
    }
    for page in order {
      clock += 1
      idleSince[page] = clock
    }
    inUse -= order.count
    available += order.count
  }

  /// Idle pages that a buffer there touches, taken from the LRU for a while.
  mutating func hold(_ offset: Int, _ size: Int) -> [(page: Int, since: UInt64)] {
    let held = Self.touched(by: offset, size).map { ($0, idleSince[$0]) }.filter { $0.1 > 0 }
    for (page, _) in held { idleSince[page] = 0 }
    available -= held.count
    return held
  }

  mutating func release(_ held: [(page: Int, since: UInt64)]) {
    for (page, since) in held { idleSince[page] = since }
    available += held.count
  }

  /// A buffer there came and went without getting the frames that it lacked: its idle pages have
  /// become idle once more.
  mutating func touch(
    _ offset: Int, _ size: Int, _ policy: PlacementPolicy, clock: inout UInt64
  ) {
    for page in Self.touched(by: offset, size) {
      if touches[page] == 0, framed[page] {
        available -= 1
        inUse += 1
      }
      touches[page] += 1
    }
    stopUsing(offset, size, policy, clock: &clock)
  }

  /// When the longest idle page became idle; nil when none is.
  var oldest: UInt64? { available == 0 ? nil : idleSince.lazy.filter { $0 > 0 }.min() }

  /// Takes the longest idle pages back; `body` gets each.
  ///
  /// - Returns: when the last of them became idle.
  mutating func reclaim(_ count: Int, _ body: (Int) -> Void) -> UInt64 {
    var last: UInt64 = 0
    let idle = idleSince.indices.filter { idleSince[$0] > 0 }
    for page in idle.sorted(by: { idleSince[$0] < idleSince[$1] }).prefix(count) {
      last = idleSince[page]
      idleSince[page] = 0
      framed[page] = false
      body(page)
    }
    available -= count
    framesReclaimed += count
    return last
  }
}
