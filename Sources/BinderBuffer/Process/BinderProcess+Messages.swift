internal import PageAlloc

/// Sending.
extension BinderProcess {
  /// Sends a transaction without a reply: reserves a range in the receiver's region, gives frames to
  /// its pages, copies the bytes once, and commits.
  ///
  /// Transactions to one node are received one at a time, in order: the next one when the buffer of
  /// the one before is freed. They hold their buffers while they wait.
  ///
  /// - Throws: `noSpace`, `noOnewaySpace`, `noMemory`, `badSource`, `invalidArgument`, `dead`. The
  ///   receiver then sees nothing, and nothing is held.
  @discardableResult
  public func send(_ transaction: Transaction, to node: Node) throws(BinderError) -> Receipt {
    try Transmission.send(transaction, from: core, to: node)
  }

  /// Sends bytes of this process without a reply. Throws as `send(_:to:)`.
  @discardableResult
  public func send(
    _ bytes: RawSpan, code: UInt32 = 0, flags: TransactionFlags = [], to node: Node
  ) throws(BinderError) -> Receipt {
    try unsafe UserSlice.withTrusted(bytes) { (data) throws(BinderError) in
      try Transmission.send(Transaction(code: code, flags: flags, data: data), from: core, to: node)
    }
  }

  /// Sends bytes of this process without a reply. Throws as `send(_:to:)`.
  @discardableResult
  public func send(
    _ bytes: [UInt8], code: UInt32 = 0, flags: TransactionFlags = [], to node: Node
  ) throws(BinderError) -> Receipt {
    try unsafe send(bytes.span.bytes, code: code, flags: flags, to: node)
  }

  /// Makes a call: sends a transaction as `send(_:to:)` does, past oneway ones that wait, and gives
  /// what its reply is awaited with. The caller must have a region to receive the reply in.
  ///
  /// - Throws: `noSpace`, `noMemory`, `badSource`, `invalidArgument`, `dead`. The receiver then sees
  ///   nothing, and nothing is held.
  public func call(_ transaction: Transaction, to node: Node) throws(BinderError) -> Call {
    try Transmission.call(transaction, from: core, to: node)
  }

  /// Makes a call with bytes of this process. Throws as `call(_:to:)`.
  public func call(
    _ bytes: RawSpan, code: UInt32 = 0, flags: TransactionFlags = [], to node: Node
  ) throws(BinderError) -> Call {
    try unsafe UserSlice.withTrusted(bytes) { (data) throws(BinderError) in
      try Transmission.call(Transaction(code: code, flags: flags, data: data), from: core, to: node)
    }
  }

  /// Makes a call with bytes of this process. Throws as `call(_:to:)`.
  public func call(
    _ bytes: [UInt8], code: UInt32 = 0, flags: TransactionFlags = [], to node: Node
  ) throws(BinderError) -> Call {
    try unsafe call(bytes.span.bytes, code: code, flags: flags, to: node)
  }
}

/// Receiving.
extension BinderProcess {
  /// Takes the next transaction, oldest first; nil when none waits. Never blocks.
  ///
  /// Replies do not come this way, but to their `Call`. Oneway transactions that wait behind another
  /// of their node do not come yet: `statistics.waitingTransactions` counts them.
  ///
  /// - Throws: `dead` after `exit` and without a region.
  public func receive() throws(BinderError) -> Delivery? {
    try core.receive()
  }

  /// Takes the next transaction, waiting for one as long as `timeout`; nil when none came. Throws as
  /// `receive()`.
  public func receive(timeout: Duration) throws(BinderError) -> Delivery? {
    try core.receive(until: MonotonicClock.deadline(after: timeout))
  }
}

/// Buffers that are held by their bare offsets, as programs of the driver hold them (`Delivery.keep`).
///
/// All of these throw `invalidArgument` when no such buffer begins there; nothing changes then.
extension BinderProcess {
  /// Frees a kept buffer.
  public func free(at offset: Int) throws(BinderError) {
    try core.free(keptAt: offset)
  }

  /// Makes a kept buffer a delivery again: to read it, or to answer it.
  public func take(at offset: Int) throws(BinderError) -> Delivery {
    try core.take(keptAt: offset)
  }

  /// Answers the call of a kept buffer, which stays kept. Throws as `Delivery.reply`.
  @discardableResult
  public func reply(_ transaction: Transaction, toBufferAt offset: Int) throws(BinderError)
    -> Receipt
  {
    try Transmission.reply(transaction, from: core, toBufferAt: offset, isKept: true)
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
