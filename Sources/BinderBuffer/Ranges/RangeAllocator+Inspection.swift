extension RangeAllocator {
  /// The region's length in bytes.
  public var length: Int { Int(engine.length) }
  /// The rule that chooses where ranges are placed.
  public var policy: PlacementPolicy { engine.policy }
  /// Live ranges, reserved and committed.
  public var bufferCount: Int { Int(engine.liveCount) }
  /// Whether no range is live, reserved or committed.
  public var isEmpty: Bool { engine.liveCount == 0 }
  /// Bytes in no live range.
  public var freeBytes: Int { Int(engine.units - engine.liveUnits) * 8 }
  /// Bytes that oneway reservations may still take; half the region when there are none.
  public var freeOnewaySpace: Int { Int(engine.freeOneway) }
  /// Bytes of the longest free range. Constant under the C policies, else a look at those of 8 KiB and
  /// more, at most 511.
  public var largestFreeRange: Int { engine.largestFree }

  /// Calls `body` with every range in address order, free ones too.
  public borrowing func forEachRange(_ body: (RangeDescription) -> Void) {
    engine.forEachRange(body)
  }

  /// Looks for contradictions in the allocator's tables. O(n log n); for tests and debugging.
  public borrowing func checkInvariants() throws(InvariantViolation) {
    try engine.checkInvariants()
  }

  /// In a build with `BINDERBUFFER_INTERNAL_CHECKS`, looks for them after every change.
  // Mutating although it changes nothing: a large `self` that is only lent is copied first.
  @inlinable
  @inline(__always)
  mutating func checkAfterChange() {
    #if BINDERBUFFER_INTERNAL_CHECKS
      engine.stopUnlessConsistent()
    #endif
  }
}
