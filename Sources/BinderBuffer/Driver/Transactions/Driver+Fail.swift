internal import PageAlloc

extension Driver {
  /// Answers a failed transaction: a call to its sender, a reply to the caller that waits for it.
  mutating func fail(
    _ failure: TransactionFailure, inReplyTo call: TransactionIndex, _ id: UInt32,
    _ thread: ThreadIndex
  ) {
    guard !call.isNone else { return failOwn(failure, id, thread) }
    // The replier learns nothing, the caller everything (recording `error-reply`).
    setReturnError(BR.complete, thread)
    failCall(call, failure)
  }

  /// The sender reads the error.
  mutating func failOwn(_ failure: TransactionFailure, _ id: UInt32, _ thread: ThreadIndex) {
    threads[thread].extendedError = ExtendedError(
      id: id, command: failure.reply, param: -failure.errno)
    setReturnError(failure.reply, thread)
  }

  private mutating func setReturnError(_ error: UInt32, _ thread: ThreadIndex) {
    threads[thread].returnError = error
    give(.returnError, to: thread)
  }

  /// Ends a call whose reply failed: its caller learns why.
  mutating func failCall(_ call: TransactionIndex, _ failure: TransactionFailure) {
    let from = transactions[call].from
    if !from.isNone, threads[from].extendedError.command == BR.ok {
      threads[from].extendedError.command = failure.reply
      threads[from].extendedError.param = -failure.errno
    }
    failCall(call, failure.reply)
  }

  /// Ends a call without a reply: its caller reads `error`.
  ///
  /// When the caller is gone, the call that it was working on has failed too, and so on outwards:
  /// the innermost caller that still lives is told (recording `callback-callee-dies`).
  mutating func failCall(_ call: TransactionIndex, _ error: UInt32) {
    var call = call
    while !call.isNone {
      let from = transactions[call].from
      let outer = transactions[call].fromParent
      if !from.isNone {
        popStack(of: from, call)
        endTransaction(call)
        if threads[from].replyError == BR.ok {
          threads[from].replyError = error
          give(.replyError, to: from)
        }
        return
      }
      endTransaction(call)
      call = outer
    }
  }

  /// The caller of `call` no longer waits for it.
  mutating func popStack(of caller: ThreadIndex, _ call: TransactionIndex) {
    precondition(threads[caller].stack == call, "a call ends before those nested in it")
    threads[caller].stack = transactions[call].fromParent
    transactions[call].from = .none
  }
}
