extension ProcessCore {
  func checkInvariants() throws(InvariantViolation) {
    try locked { (state) throws(InvariantViolation) in try checkInvariants(&state) }
  }

  func checkInvariants(_ state: inout ProcessState) throws(InvariantViolation) {
    try state.inbox.checkInvariants()
    try require(
      "the shrinker's hint = the longest idle page", oldestIdle, state.inbox.oldestIdle)
    let waits = state.inbox.statistics.queuedTransactions > 0
    try require("arrivals are announced", waits && !mayHaveArrivals, false)
  }

  #if BINDERBUFFER_INTERNAL_CHECKS
    /// Stops the program at a disagreement.
    func stopUnlessConsistent(_ state: inout ProcessState) {
      do throws(InvariantViolation) {
        try checkInvariants(&state)
      } catch {
        fatalError("process \(pid): \(error)")
      }
    }
  #endif
}
