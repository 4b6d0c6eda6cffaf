/// What a process says about itself: cheap counts, and everything.
extension BinderProcess {
  /// The counts of this moment.
  ///
  /// - Complexity: O(1), but for the largest free range: under `compact` and `rust` a look at those of
  ///   8 KiB and more, at most 511. Under the process's lock.
  public var statistics: ProcessStatistics { core.locked { $0.inbox.statistics } }

  /// Every buffer of the region and the state of every page at this moment, for tools and tests.
  ///
  /// - Complexity: O(live buffers + pages), under the process's lock: those who only count ask for
  ///   `statistics`.
  public func inspect() -> RegionInspection { core.locked { $0.inbox.inspect() } }

  /// Proves that everything the process knows about its region agrees: ranges, pages, queues, calls
  /// and counts. Safe at any moment, from any thread.
  ///
  /// - Throws: the first disagreement.
  /// - Complexity: O(region length), under the process's lock. For tests.
  public func checkInvariants() throws(InvariantViolation) {
    try core.checkInvariants()
  }
}
