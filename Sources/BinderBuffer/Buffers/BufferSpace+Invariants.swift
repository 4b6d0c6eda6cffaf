internal import PageAlloc

extension BufferSpace {
  /// Proves that ranges, pages and counts agree. O(region length).
  ///
  /// - Parameter live: the live ranges, by address.
  /// - Throws: the first disagreement.
  mutating func checkInvariants(_ live: [RangeDescription]) throws(InvariantViolation) {
    try ranges.checkInvariants()
    let bytes = live.reduce(0) { $0 + $1.size }
    let header = policy.rules.onewayHeader.charged
    let oneway = live.reduce(0) { $0 + ($1.isOneway ? $1.size + header : 0) }
    try require("bytes in use = bytes of live buffers", bytesInUse, bytes)
    try require("live buffers are counted", ranges.bufferCount, live.count)
    try require(
      "free oneway space = half the region - what live oneway buffers cost and empty ones leaked",
      ranges.freeOnewaySpace, length / 2 - oneway - Int(ranges.engine.leakedOneway))
    // Those whose pages are still being backed are not counted yet.
    let committed = live.filter { $0.state == .committed }
    try require(
      "peak bytes >= bytes of committed buffers",
      peakBytes >= committed.reduce(0) { $0 + $1.size }, true)
    try require("peak buffers >= committed buffers", peakBuffers >= committed.count, true)
    try checkPages(live)
  }

  private mutating func checkPages(_ live: [RangeDescription]) throws(InvariantViolation) {
    var touched = [Bool](repeating: false, count: pages.pageCount)
    for range in live {
      for page in RegionPages.pages(touching: range.offset, range.size) { touched[page] = true }
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
