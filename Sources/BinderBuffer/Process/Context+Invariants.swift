internal import PageAlloc

extension Context {
  /// Proves the invariants of every process, that the budget counts exactly their frames, and that
  /// the shrinker knows exactly the regions that it may take pages from.
  ///
  /// Call it while no other thread uses the processes of the context, and when no other context
  /// shares the budget: sums over processes mean something at rest only.
  ///
  /// - Throws: the first disagreement.
  /// - Complexity: O(bytes of all regions). For tests.
  public func checkInvariants() throws(InvariantViolation) {
    var frames = 0
    var reclaimable = 0
    for core in allCores() {
      try core.checkInvariants()
      // Before the process's lock, as the shrinker takes them.
      let isSeen = shrinker.isRegistered(core)
      let (held, canReclaim) = core.locked { state in
        let counts = state.inbox.statistics
        return (counts.pagesInUse + counts.pagesAvailable, state.inbox.canReclaim)
      }
      frames += held
      let isVisible = !core.hasExited && canReclaim
      if isVisible { reclaimable += 1 }
      try require(
        "the shrinker sees the region of process \(core.pid)", isSeen,
        isVisible)
    }
    try require("the shrinker sees living regions only", shrinker.targetCount, reclaimable)
    try require("budget = frames", budget.pagesInUse, frames)
  }
}
