internal import PageAlloc

extension ProcessCore {
  /// Opens a call of this process; the pin of the `Caller` that stands for it is taken here.
  func openCall(to callee: Int32) throws(BinderError) -> Caller {
    lock.lock()
    defer { unlock() }
    _ = try unsafe liveRegion()
    unsafe state.pointee.callPins += 1
    return unsafe Caller(
      process: .passUnretained(self), call: state.pointee.calls.open(callee: callee))
  }

  /// Takes back a call whose transaction never left.
  func cancel(_ caller: Caller) {
    lock.lock()
    if !hasExited { unsafe state.pointee.calls.close(caller.call) }
    let last = unpinCall()
    unlock()
    finish(last)
  }

  /// Takes the answer's right out of a delivered buffer, for its one reply.
  func takeCaller(ofBufferAt offset: Int, debugID: UInt32) throws(BinderError) -> Caller {
    lock.lock()
    defer { unlock() }
    let region = try unsafe liveRegion()
    var caller: Caller?
    unsafe region.pointee.ranges.updateMetadata(at: offset) {
      swap(&caller, &$0.caller)
    }
    guard let caller = caller else { throw .invalidArgument(.notACall(debugID: debugID)) }
    return caller
  }

  /// Hands a reply's buffer to this process, which made the call.
  ///
  /// - Parameter replier: whose death before this moment means that no reply comes.
  func answer(
    _ call: CallID, _ allocation: consuming Allocation, code: UInt32, flags: TransactionFlags,
    from replier: ProcessCore
  ) throws(BinderError) -> Receipt {
    let receipt = Receipt(allocation, call: nil)
    lock.lock()
    guard !replier.hasExited, !hasExited, let region = unsafe state.pointee.region else {
      let death: BinderError =
        hasExited
        ? .dead(pid: pid, .receiverExited) : .dead(pid: replier.pid, .senderExited)
      unlock()
      // Dropping the allocation takes the lock again; the caller's pin goes when the call fails.
      _ = consume allocation
      throw death
    }
    unsafe state.pointee.counters.bytesCopied += allocation.bytesCopied
    let offset = allocation.offset
    unsafe region.pointee.ranges.commitReserved(
      offset,
      BufferRecord(
        allocation, code: code, flags: flags, node: BufferRecord.none, state: .replied,
        caller: nil))
    allocation.handOver()
    let isAwaited: Bool
    if case .pending = unsafe state.pointee.calls[call] {
      isAwaited = true
      unsafe state.pointee.calls.update(call, to: .replied(offset: offset))
    } else {
      isAwaited = false
      unsafe state.pointee.calls.close(call)
      _ = unsafe freeCommitted(offset, &region.pointee)
    }
    // Neither pin is the last: the process has not exited.
    _ = unpinRegion()
    _ = unpinCall()
    if isAwaited { unlockWakingReplyWaiters() } else { unlock() }
    return receipt
  }

  /// Ends a call without a reply, and with it the pin that the caller stood for.
  static func fail(_ caller: Caller?, _ failure: CallTable.Failure) {
    guard let caller = caller else { return }
    // SAFETY: the pin that the caller stands for keeps its core alive until `finish`.
    unsafe caller.process._withUnsafeGuaranteedRef { $0.endCall(caller.call, failure) }
  }

  private func endCall(_ call: CallID, _ failure: CallTable.Failure) {
    lock.lock()
    if !hasExited {
      if case .abandoned = unsafe state.pointee.calls[call] {
        unsafe state.pointee.calls.close(call)
      } else {
        unsafe state.pointee.calls.update(call, to: .failed(failure))
      }
    }
    let last = unpinCall()
    unlockWakingReplyWaiters()
    finish(last)
  }

  /// Gives the lock back and then wakes those who await replies, if any do.
  ///
  /// The caller's pin is gone, and a woken thread may drop the last reference to the process: a
  /// retain of its own keeps the core until the wake-up is done.
  @inline(__always)
  private func unlockWakingReplyWaiters() {
    guard unsafe state.pointee.replyWaiters > 0 else { return unlock() }
    let kept = unsafe Unmanaged.passRetained(self)
    unlock()
    unsafe sync.pointee.replies.broadcast()
    // SAFETY: balances the retain above.
    unsafe kept.release()
  }

  /// The reply of a call, if it has come. Call with the lock held.
  private func nextReply(_ call: CallID) throws(BinderError) -> Delivery? {
    let region = try unsafe liveRegion()
    switch unsafe state.pointee.calls[call] {
    case .pending: return nil
    case .replied(let offset):
      unsafe state.pointee.calls.close(call)
      var record: BufferRecord?
      unsafe region.pointee.ranges.updateMetadata(at: offset) {
        $0.state = .delivered
        record = $0
      }
      unsafe state.pointee.regionPins += 1
      unsafe state.pointee.counters.received += 1
      return unsafe Delivery(
        core: .passUnretained(self), record: record!, view: region.pointee.receiverView)
    case .failed(let failure):
      unsafe state.pointee.calls.close(call)
      throw failure.error
    case nil, .unused, .abandoned: throw .invalidArgument(.noSuchCall(pid: pid))
    }
  }

  func takeReply(_ call: CallID) throws(BinderError) -> Delivery? {
    lock.lock()
    defer { unlock() }
    return try nextReply(call)
  }

  func awaitReply(_ call: CallID, until deadline: UInt64) throws(BinderError) -> Delivery? {
    lock.lock()
    defer { unlock() }
    while true {
      if let delivery = try nextReply(call) { return delivery }
      unsafe state.pointee.replyWaiters += 1
      let inTime = unsafe sync.pointee.replies.wait(lock, deadline: deadline)
      unsafe state.pointee.replyWaiters -= 1
      if !inTime { return try nextReply(call) }
    }
  }

  func abandon(_ call: CallID) throws(BinderError) {
    lock.lock()
    // Whoever else awaits the call learns that it has ended.
    defer { unlockWakingReplyWaiters() }
    let region = try unsafe liveRegion()
    switch unsafe state.pointee.calls[call] {
    case .pending: unsafe state.pointee.calls.update(call, to: .abandoned)
    case .replied(let offset):
      unsafe state.pointee.calls.close(call)
      _ = unsafe freeCommitted(offset, &region.pointee)
    case .failed: unsafe state.pointee.calls.close(call)
    case nil, .unused, .abandoned: throw .invalidArgument(.noSuchCall(pid: pid))
    }
  }
}
