internal import PageAlloc

extension Inbox {
  /// Proves that ranges, pages, queues, calls and counts agree. O(region length).
  ///
  /// - Throws: the first disagreement.
  mutating func checkInvariants() throws(InvariantViolation) {
    let ends = calls.heldEnds
    try require("live calls are counted", calls.count, ends.any)
    try require("awaited calls are counted", calls.awaitedCount, ends.awaited)
    guard !space.isEmpty else {
      return try require("no buffer is held without a region", heldBuffers, 0)
    }
    let live = space.value.liveRanges()
    try space.value.checkInvariants(live)
    try checkDelivery(live)
  }

  /// Every committed buffer is in exactly one place: todo, behind its node, replied, or with the
  /// receiver.
  private mutating func checkDelivery(_ live: [RangeDescription]) throws(InvariantViolation) {
    var states: [UInt32: MessageRecord.State] = [:]
    var busy = [Int](repeating: 0, count: nodeCount)
    var reserved = 0
    for range in live {
      guard let record = record(at: range.offset) else {
        reserved += 1
        continue
      }
      states[UInt32(range.offset >> 3)] = record.state
      try require("a buffer's record = its range", record.debugID, range.debugID)
      try require("a buffer's record = its place", record.offset, range.offset)
      try require("oneway in the record = oneway in the range", record.isOneway, range.isOneway)
      if range.isOneway, record.state != .waiting { busy[Int(record.node)] += 1 }
    }
    func count(_ state: MessageRecord.State) -> Int { states.values.count { $0 == state } }

    let queued = try walk(todo, .queued, states)
    try require("the todo queue holds exactly the queued buffers", queued, count(.queued))
    try require("queued transactions are counted", counters.queued, queued)
    var waiting = 0
    for node in nodes.indices where !isDead {
      let behind = try walk(nodes[node].waiting, .waiting, states)
      waiting += behind
      try require(
        "one oneway buffer of a busy node is under way, none of an idle one", busy[node],
        nodes[node].isBusy ? 1 : 0)
      try require("nothing waits behind an idle node", behind > 0 && !nodes[node].isBusy, false)
    }
    try require("the nodes' queues hold exactly the waiting buffers", waiting, count(.waiting))
    try require("waiting transactions are counted", counters.waiting, waiting)
    try require(
      "held buffers = buffers being filled + deliveries", heldBuffers, reserved + count(.delivered))
    let replies = calls.replies.map { UInt32($0 >> 3) }
    if !isDead {
      try require(
        "each replied buffer has its call", replies.sorted(),
        states.filter { $0.value == .replied }.keys.sorted())
      try require("waiting replies are counted", counters.replied, replies.count)
    }
  }

  /// Follows a queue; every buffer in it is in `expected`.
  private mutating func walk(
    _ queue: MessageQueue, _ expected: MessageRecord.State, _ states: [UInt32: MessageRecord.State]
  ) throws(InvariantViolation) -> Int {
    var count = 0
    var (last, unit) = (MessageRecord.none, queue.head)
    while unit != MessageRecord.none {
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
      unit = record(at: Int(unit) << 3)!.next
    }
    try require("a queue's tail is its last buffer", queue.tail, last)
    return count
  }
}
