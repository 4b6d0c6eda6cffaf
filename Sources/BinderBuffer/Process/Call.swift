internal import PageAlloc

/// A call that was made and whose reply is awaited.
///
/// It ends once: with the reply, with the reason why none comes, or by being dropped; a reply that
/// comes later is freed unseen.
///
///     let call = try client.call(request, to: node)
///     let reply = try call.awaitReply()          // a `Delivery`
///
/// One owner at a time; it may move between threads.
@safe public struct Call: ~Copyable, @unchecked Sendable {
  // INVARIANT: stands for one end of an entry of the core's calls, which keeps the core alive.
  private let core: Unmanaged<ProcessCore>
  private let number: UInt32
  /// What the sender learned when the transaction was taken.
  public let receipt: Receipt

  @inline(__always)
  init(core: Unmanaged<ProcessCore>, number: UInt32, receipt: Receipt) {
    unsafe self.core = unsafe core
    self.number = number
    self.receipt = receipt
  }

  deinit {
    // SAFETY: the entry keeps the core alive.
    unsafe core._withUnsafeGuaranteedRef { $0.abandon(number) }
  }

  /// How a call stands.
  public enum Progress: ~Copyable, Sendable {
    /// No reply has come yet; this is the call, to ask again.
    case pending(Call)
    /// The call has ended with this reply.
    case replied(Delivery)
  }

  /// Gives the call up: its reply, should one come, is freed unseen.
  public consuming func abandon() {}

  /// Takes the reply, if it has come. Never blocks.
  ///
  /// - Throws: `dead` when the callee exited, or the caller; `failedReply` when the callee could or
  ///   would not answer. The call has then ended.
  public consuming func takeReply() throws(BinderError) -> Progress {
    try progress { (core, number) throws(BinderError) in try core.takeReply(number) }
  }

  /// Waits for the reply as long as `timeout`. Throws as `takeReply`.
  public consuming func awaitReply(timeout: Duration) throws(BinderError) -> Progress {
    let deadline = MonotonicClock.deadline(after: timeout)
    return try progress { (core, number) throws(BinderError) in
      try core.takeReply(number, until: deadline)
    }
  }

  /// Waits for the reply, however long it takes. Throws as `takeReply`.
  public consuming func awaitReply() throws(BinderError) -> Delivery {
    var call = self
    while true {
      switch try call.progress({ (core, number) throws(BinderError) in
        try core.takeReply(number, until: .max)
      }) {
      case .replied(let delivery): return delivery
      case .pending(let same): call = same
      }
    }
  }

  private consuming func progress(
    _ take: (ProcessCore, UInt32) throws(BinderError) -> Delivery?
  ) throws(BinderError) -> Progress {
    let (core, number) = unsafe (core, number)
    var reply: Delivery?
    var failure: BinderError?
    // SAFETY: the entry keeps the core alive, or else the delivery that takes its place.
    unsafe core._withUnsafeGuaranteedRef { core in
      do throws(BinderError) { reply = try take(core, number) } catch { failure = error }
    }
    if let failure {
      discard self
      throw failure
    }
    guard let delivery = reply.take() else { return .pending(self) }
    discard self
    return .replied(delivery)
  }
}
