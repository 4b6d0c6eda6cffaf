internal import BinderBuffer
internal import PageAlloc

/// Comparing what the engine did with what it had to do.
extension CheckWorld {
  /// The engine's answer is the model's: success, or this very error.
  func judge(
    _ what: @autoclosure () -> String, _ found: BinderError?, is expected: BinderError?
  ) throws(InvariantViolation) {
    checksum.add(found.map { -1 - $0.kind.rawValue } ?? 1)
    if found != expected {
      throw InvariantViolation(
        "\(what()) has the outcome that the rules give",
        expected: expected?.description ?? "success", found: found?.description ?? "success")
    }
  }

  // MARK: faults and reclaim during a call

  /// The injector's counts before a call.
  struct CallWindow {
    let injected: Int
    let checks: Int
  }

  func watch() -> CallWindow { CallWindow(injected: faults.injected, checks: faults.checks) }

  func hadFault(since watch: CallWindow) -> Bool { faults.injected != watch.injected }

  /// Takes over into the model what the engine took back during a call, and checks its order: the
  /// longest idle pages of all processes first.
  func followReclaims() throws(InvariantViolation) {
    var newest: UInt64 = 0
    for member in members {
      guard member.isReclaimable, let region = member.region, let process = member.process else {
        continue
      }
      let count = process.statistics.framesReclaimed - region.pages.framesReclaimed
      guard count != 0 else { continue }
      if count < 0 || count > region.pages.available {
        throw InvariantViolation(
          "only idle pages of process \(member.pid) are reclaimed",
          expected: "0 to \(region.pages.available)", found: "\(count)")
      }
      tally.reclaimed += count
      checksum.add(count)
      newest = max(newest, region.reclaim(count))
    }
    guard newest > 0 else { return }
    for member in members where member.isReclaimable {
      guard let oldest = member.region?.pages.oldest, oldest < newest else { continue }
      throw InvariantViolation(
        "the longest idle pages of all processes go first",
        expected: "no older idle page of process \(member.pid) left",
        found: "one that became idle at \(oldest), after one of \(newest) went")
    }
  }

  /// A frame was refused; that must have been for want of budget or on purpose.
  func judgeRefusedFrames(
    _ cause: PageAllocError, since watch: CallWindow
  ) throws(InvariantViolation) {
    switch cause {
    case .injected(.pageAllocation), .injected(.backing):
      try require("a fault is reported when one was injected", hadFault(since: watch), is: true)
    case .budgetExhausted(let requested, let inUse, let limit):
      try require("the budget's limit", limit, is: budget?.limit ?? .max)
      if inUse + requested <= limit {
        throw InvariantViolation(
          "frames are refused only when the budget is used up",
          expected: "more than \(limit) pages", found: "\(inUse) in use, \(requested) requested")
      }
      guard requested <= limit else { return }
      for member in members where member.isReclaimable {
        try require(
          "frames are refused only when no page of process \(member.pid) is idle",
          member.region?.pages.available ?? 0, is: 0)
      }
    default:
      throw InvariantViolation(
        "frames are refused for a known reason", expected: "a fault or a used up budget",
        found: "\(cause)")
    }
  }

  // MARK: after every step

  /// The counts of every process and of the budget, at a cost of nanoseconds.
  func checkCounts() throws(InvariantViolation) {
    var frames = 0
    for member in members {
      frames += member.frames
      guard let process = member.process else { continue }
      try require(
        "counts of process \(member.pid)", CheckedCounts(process.statistics), is: member.counts)
    }
    if !ghosts.isEmpty {
      ghosts.removeAll { $0.region == nil }
      for ghost in ghosts { frames += ghost.frames }
    }
    if let budget { try require("budget = frames", budget.pagesInUse, is: frames) }
  }

  /// Everything that can be known about a process: what it says about itself, and each range, page
  /// and byte against the model.
  func inspect(_ member: CheckedProcess) throws(InvariantViolation) {
    tally.walks += 1
    guard let process = member.process else { return }
    try process.checkInvariants()
    guard let region = member.region, !member.hasExited else { return }
    let inspection = process.inspect()
    let statistics = inspection.statistics
    try require("peak buffers", statistics.peakBuffers, is: member.peakBuffers)
    try require("peak bytes", statistics.peakBytes, is: member.peakBytes)
    try require("received", statistics.received, is: member.received)
    try require("bytes copied", statistics.bytesCopied, is: member.bytesCopied)
    try require("spam reports", statistics.spamReports, is: member.spamReports)
    try require("nodes", statistics.nodeCount, is: member.nodes.count)
    try require("page high watermark", statistics.pageHighWatermark, is: region.pages.highWatermark)
    try require(
      "lowest free oneway space", statistics.lowestFreeOnewaySpace,
      is: min(member.lowestFreeOneway, region.placement.freeOneway))
    try require(
      "largest free range", statistics.largestFreeRange,
      is: region.placement.ranges.lazy.filter { !$0.isLive }.map(\.size).max() ?? 0)
    let buffers = inspection.buffers
    try require(
      "live buffers lie where the rules put them",
      buffers.map(\.offset), is: region.placement.ranges.filter(\.isLive).map(\.start))
    for found in buffers {
      guard let buffer = member.live[found.offset] else { continue }
      try require("size of the buffer at \(found.offset)", found.size, is: buffer.layout.size)
      try require("number of the buffer at \(found.offset)", found.debugID, is: buffer.debugID)
      try require("state of the buffer at \(found.offset)", found.state, is: buffer.described)
    }
    try require("pages with frames", inspection.framedPages, is: region.pages.framedRuns)
    guard let mapping = member.mapping else { return }
    for run in region.pages.framedRuns {
      try unsafe mapping.withPages(run) { (found) throws(InvariantViolation) in
        try unsafe compare(found, with: region, at: run.lowerBound << Page.shift) {
          "every byte of process \(member.pid)'s region is what it was sent last there, or zero"
        }
      }
    }
  }

  /// Bytes that a receiver sees are exactly those that it was sent.
  func compare(
    _ found: UnsafeRawBufferPointer, with region: ModelRegion, at offset: Int,
    _ invariant: () -> String
  ) throws(InvariantViolation) {
    tally.bytesCompared += found.count
    if let difference = unsafe region.bytes.difference(from: found, at: offset) {
      throw InvariantViolation(
        invariant(), expected: "\(difference.expected) at offset \(difference.offset)",
        found: "\(difference.found)")
    }
  }
}

extension ModelBuffer {
  var described: BufferDescription.State {
    switch state {
    case .beingFilled: .beingFilled
    case .queued: .queued
    case .waiting: .waiting
    case .replied: .replied
    case .delivered, .kept, .gone: .delivered
    }
  }
}
