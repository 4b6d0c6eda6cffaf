internal import PageAlloc

/// Calls that this process made, and how it ends.
extension ProcessCore {
  /// Makes a call: the caller's end of it, for the record of the buffer that is to be answered.
  func openCall() throws(BinderError) -> Caller {
    let call = try locked { (state) throws(BinderError) in try state.inbox.openCall() }
    return unsafe Caller(
      process: OpaquePointer(Unmanaged.passUnretained(self).toOpaque()), call: call)
  }

  /// Takes a filled buffer in as the reply of a call.
  ///
  /// - Parameter replier: whose death before this moment means that no reply comes.
  func answer(
    _ call: UInt32, _ buffer: consuming ReservedBuffer, code: UInt32, flags: TransactionFlags,
    from replier: ProcessCore
  ) throws(BinderError) {
    let record = MessageRecord(
      at: buffer.offset, buffer.layout, debugID: buffer.debugID, senderPID: buffer.senderPID,
      code: code, flags: flags, node: MessageRecord.none, caller: nil)
    let bytesCopied = buffer.bytesCopied
    try locked { (state) throws(BinderError) in
      guard !replier.hasExited else { throw .dead(pid: replier.pid, .senderExited) }
      try state.inbox.answer(call, record, bytesCopied: bytesCopied)
      publishOldestIdle(&state)
      wake(.reply, all: true, state)
    }
    buffer.handOver()
  }

  /// Ends a call without a reply.
  static func fail(_ caller: Caller, _ failure: CallTable.Failure) {
    // SAFETY: the caller's end of the call keeps the core until it is settled, which is done here.
    unsafe caller.core._withUnsafeGuaranteedRef { core in
      core.locked { state in
        state.inbox.fail(caller.call, failure)
        core.wake(.reply, all: true, state)
      }
    }
  }

  /// Takes the right to answer out of a buffer of this process, for its one reply.
  func takeCaller(ofBufferAt offset: Int, isKept: Bool) throws(BinderError) -> Caller {
    try locked { (state) throws(BinderError) in
      try isKept
        ? state.inbox.takeCaller(ofKept: offset) : state.inbox.takeCaller(ofBufferAt: offset)
    }
  }

  func takeReply(_ call: UInt32) throws(BinderError) -> Delivery? {
    try locked { (state) throws(BinderError) in try nextReply(call, &state) }
  }

  func takeReply(_ call: UInt32, until deadline: UInt64) throws(BinderError) -> Delivery? {
    try wait(for: .reply, until: deadline) { (state) throws(BinderError) in
      try nextReply(call, &state)
    }
  }

  private func nextReply(_ call: UInt32, _ state: inout ProcessState) throws(BinderError)
    -> Delivery?
  {
    guard let record = try state.inbox.takeReply(call) else { return nil }
    return unsafe Delivery(core: .passUnretained(self), record: record, view: state.inbox.view)
  }

  /// Nobody will ask for the reply of a call any more.
  func abandon(_ call: UInt32) {
    if isInherited { return }
    locked { state in
      state.inbox.abandon(call)
      publishOldestIdle(&state)
    }
  }

  // MARK: the end

  /// Ends the process: what it has not received is gone, calls that it owes an answer to end as
  /// dead, its region goes with the last delivery; what it sent elsewhere lives on. When this
  /// returns all of that is done, whichever thread has done it.
  func exit() {
    if isInherited { return }
    var callers: [Caller] = []
    let isFirst = locked { state in
      guard !state.inbox.isDead else { return false }
      callers = state.inbox.die()
      publishExit(&state)
      if state.inbox.isHeld {
        // INVARIANT: this retain stands for all that is held; the last of it releases it.
        state.isRetained = true
        _ = unsafe Unmanaged.passRetained(self)
      }
      wake(.arrival, all: true, state)
      wake(.reply, all: true, state)
      return true
    }
    guard isFirst else { return awaitEnd() }
    context.remove(self)
    for caller in callers { Self.fail(caller, .calleeExited(pid)) }
    locked { state in
      state.hasEnded = true
      wake(.end, all: true, state)
    }
  }

  private func awaitEnd() {
    _ = try? wait(for: .end, until: .max) { $0.hasEnded ? true : nil }
  }
}

extension Caller {
  var core: Unmanaged<ProcessCore> {
    // SAFETY: made of one, in `openCall`.
    unsafe .fromOpaque(UnsafeRawPointer(process))
  }
}
