internal import PageAlloc
internal import Synchronization

extension BinderProcess {
  /// Proves that everything the process knows about its region agrees: ranges, pages, queues, calls
  /// and counts.
  ///
  /// Safe at any moment, from any thread.
  ///
  /// - Throws: the first disagreement.
  /// - Complexity: O(region length), under the process's lock. For tests.
  public func checkInvariants() throws(InvariantViolation) {
    try core.checkInvariants()
  }
}

extension ProcessCore {
  func checkInvariants() throws(InvariantViolation) {
    lock.lock()
    defer { lock.unlock() }
    try checkInvariantsHoldingLock()
  }

  #if BINDERBUFFER_INTERNAL_CHECKS
    func stopUnlessConsistent() {
      do throws(InvariantViolation) {
        try checkInvariantsHoldingLock()
      } catch {
        fatalError("process \(pid): \(error)")
      }
    }
  #endif

  private func checkInvariantsHoldingLock() throws(InvariantViolation) {
    try checkCalls()
    guard let region = unsafe state.pointee.region else { return }
    let live = unsafe region.pointee.ranges.liveRanges()
    try unsafe region.pointee.ranges.checkInvariants()
    try unsafe checkSums(live, &region.pointee)
    try checkPages(live, unsafe region.pointee.pages)
    try unsafe checkDelivery(live, &region.pointee.ranges)
  }

  // MARK: sums

  private func checkSums(
    _ live: [RangeDescription], _ region: inout RegionState
  ) throws(InvariantViolation) {
    let counters = unsafe state.pointee.counters
    let bytes = live.reduce(0) { $0 + $1.size }
    let header = Int(region.ranges.policy.rules.onewayHeader.charged)
    let oneway = live.reduce(0) { $0 + ($1.isOneway ? $1.size + header : 0) }
    try require("bytes in use = bytes of live buffers", counters.bytesInUse, bytes)
    try require("live buffers are counted", region.ranges.bufferCount, live.count)
    try require(
      "free oneway space = half the region - what live oneway buffers cost", region.ranges.freeOnewaySpace,
      region.ranges.length / 2 - oneway)
    try require(
      "peak bytes >= bytes in use", counters.peakBytes >= counters.bytesInUse, true)
    try require("peak buffers >= live buffers", counters.peakBuffers >= live.count, true)
  }

  // MARK: pages

  private func checkPages(
    _ live: [RangeDescription], _ pages: borrowing RegionPages
  ) throws(InvariantViolation) {
    var touched = [Bool](repeating: false, count: pages.pageCount)
    for range in live {
      for page in range.offset >> Page.shift...(range.offset + range.size - 1) >> Page.shift {
        touched[page] = true
      }
    }
    if let what = pages.violation(touched: { touched[$0] }) {
      throw InvariantViolation(
        "page states = what live buffers touch; the LRU = the available pages; frames are counted",
        expected: "no contradiction", found: what)
    }
    var (last, isOrdered): (UInt64, Bool) = (0, true)
    pages.idle.visit { _, stamp in
      if stamp < last { isOrdered = false }
      last = stamp
    }
    try require("the LRU is in the order in which pages became available", isOrdered, true)
    if !hasExited {
      try require(
        "the shrinker's hint = the longest idle page", oldestIdle, pages.idle.oldestStamp ?? .max)
    }
  }

  // MARK: delivery

  /// Every committed buffer is in exactly one place: todo, behind its node, replied, or with the
  /// receiver.
  private func checkDelivery(
    _ live: [RangeDescription], _ ranges: inout RangeAllocator<BufferRecord>
  ) throws(InvariantViolation) {
    var states: [UInt32: BufferRecord.State] = [:]
    let nodeCount = unsafe state.pointee.nodes.count
    var busy = [Int](repeating: 0, count: nodeCount)
    var reserved = 0
    for range in live {
      guard range.state == .committed else {
        reserved += 1
        continue
      }
      var found: BufferRecord?
      ranges.updateMetadata(at: range.offset) { found = $0 }
      let record = found!
      states[UInt32(range.offset >> 3)] = record.state
      try require("a buffer's record = its range", record.debugID, range.debugID)
      try require("a buffer's record = its place", Int(record.place) << 3, range.offset)
      try require(
        "oneway in the record = oneway in the range", record.flags.contains(.oneway),
        range.isOneway)
      if range.isOneway, record.state != .waiting { busy[Int(record.node)] += 1 }
    }

    let queued = try walk(unsafe state.pointee.todo, .queued, states, &ranges)
    try require(
      "the todo queue holds exactly the queued buffers", queued,
      states.values.count { $0 == .queued })
    try require(
      "arrivals are announced",
      unsafe queued == 0 || sync.pointee.mayHaveArrivals.load(ordering: .relaxed), true)
    var waiting = 0
    for node in 0..<nodeCount {
      let state = unsafe state.pointee.nodes[UInt32(node)]
      let behind = try walk(state.waiting, .waiting, states, &ranges)
      waiting += behind
      try require(
        "one oneway buffer of a busy node is under way, none of an idle one", busy[node],
        state.isBusy ? 1 : 0)
      try require("nothing waits behind an idle node", behind > 0 && !state.isBusy, false)
    }
    try require(
      "the nodes' queues hold exactly the waiting buffers", waiting,
      states.values.count { $0 == .waiting })

    let delivered = states.values.count { $0 == .delivered }
    try require(
      "pins = buffers being filled + deliveries", unsafe state.pointee.regionPins,
      reserved + delivered)
    if !hasExited {
      var replies: Set<UInt32> = []
      unsafe state.pointee.calls.visit {
        if case .replied(let offset) = $0 { replies.insert(UInt32(offset >> 3)) }
      }
      try require(
        "each replied buffer has its call", replies.sorted(),
        states.filter { $0.value == .replied }.keys.sorted())
    }
  }

  /// Follows a queue; every buffer in it is in `expected`.
  private func walk(
    _ queue: BufferQueue, _ expected: BufferRecord.State, _ states: [UInt32: BufferRecord.State],
    _ ranges: inout RangeAllocator<BufferRecord>
  ) throws(InvariantViolation) -> Int {
    var count = 0
    var (last, unit) = (BufferRecord.none, queue.head)
    while unit != BufferRecord.none {
      guard let state = states[unit] else {
        throw InvariantViolation(
          "queues hold committed buffers", expected: "a buffer at \(Int(unit) << 3)", found: "none")
      }
      try require("the state of a queued buffer at \(Int(unit) << 3)", state, expected)
      count += 1
      guard count <= states.count else {
        throw InvariantViolation(
          "queues end", expected: "at most \(states.count) buffers", found: "a loop")
      }
      last = unit
      ranges.updateMetadata(at: Int(unit) << 3) { unit = $0.next }
    }
    try require("a queue's tail is its last buffer", queue.tail, last)
    return count
  }

  private func checkCalls() throws(InvariantViolation) {
    var (count, unanswered) = (0, 0)
    unsafe state.pointee.calls.visit {
      count += 1
      switch $0 {
      case .pending, .abandoned: unanswered += 1
      default: break
      }
    }
    try require("live calls are counted", unsafe state.pointee.calls.count, count)
    if !hasExited {
      try require("call pins = unanswered calls", unsafe state.pointee.callPins, unanswered)
    }
  }
}

/// Both sides as values, so that a violation can show them.
func require<T: Equatable>(
  _ invariant: @autoclosure () -> String, _ found: T, _ expected: T
) throws(InvariantViolation) {
  if found != expected {
    throw InvariantViolation(invariant(), expected: "\(expected)", found: "\(found)")
  }
}

extension RangeAllocator {
  fileprivate borrowing func liveRanges() -> [RangeDescription] {
    var live: [RangeDescription] = []
    forEachRange { if $0.state != .free { live.append($0) } }
    return live
  }
}
