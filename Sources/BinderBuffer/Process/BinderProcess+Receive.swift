internal import PageAlloc

extension BinderProcess {
  /// Takes the next transaction, oldest first; nil when none waits. Never blocks.
  ///
  /// Replies do not come this way: see `takeReply`.
  public func receive() throws(BinderError) -> Delivery? {
    try core.receive()
  }

  /// Takes the next transaction, waiting for one as long as `timeout`; nil when none came.
  public func receive(timeout: Duration) throws(BinderError) -> Delivery? {
    try core.receive(until: MonotonicClock.deadline(after: timeout))
  }

  /// Takes the reply of a call; nil when it has not come yet.
  ///
  /// - Throws: `dead` when the callee exited, `failedReply` when it could or would not answer; the
  ///   call has then ended.
  public func takeReply(_ call: CallID) throws(BinderError) -> Delivery? {
    try core.takeReply(call)
  }

  /// Takes the reply of a call, waiting for it as long as `timeout`; nil when it did not come.
  public func awaitReply(_ call: CallID, timeout: Duration) throws(BinderError) -> Delivery? {
    try core.awaitReply(call, until: MonotonicClock.deadline(after: timeout))
  }

  /// Gives up a call: its reply, should one come, is freed unseen.
  public func abandon(_ call: CallID) throws(BinderError) {
    try core.abandon(call)
  }

  /// Frees a delivered buffer that is held by its bare offset (`Delivery.keep`).
  ///
  /// - Throws: `invalidArgument` when no such buffer begins there; nothing changes then.
  public func free(at offset: Int) throws(BinderError) {
    try core.free(keptAt: offset)
  }
}

extension MonotonicClock {
  /// The moment `timeout` from now, as `Condition` counts; a timeout too long to count is for ever.
  static func deadline(after timeout: Duration) -> UInt64 {
    let (seconds, attoseconds) = timeout.components
    let now = nanoseconds()
    guard seconds >= 0, attoseconds >= 0 else { return now }
    let (whole, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, overflow2) = whole.addingReportingOverflow(
      UInt64(attoseconds) / 1_000_000_000 + now)
    return overflow || overflow2 ? .max : sum
  }
}
