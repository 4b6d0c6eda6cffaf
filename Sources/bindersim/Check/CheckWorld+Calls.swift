internal import BinderBuffer
internal import PageAlloc

/// Replies, and how calls end: once each.
extension CheckWorld {
  func reply() throws(InvariantViolation) {
    guard !held.isEmpty else { return try receive() }
    // Mostly to one that awaits it.
    let first = pick(held.count)
    let index =
      oneIn(8)
      ? first
      : held.indices.map { ($0 + first) % held.count }.first { held[$0].model.call != nil } ?? first
    let asked = held[index].model
    let replier = oneIn(24) ? anyMember() : asked.receiver
    guard let process = replier.process else { return }
    let length = asked.call?.caller.region?.placement.length ?? 4096
    let transaction = drawTransaction(length, oneway: oneIn(12), isReply: true)

    let watch = watch()
    var receipt: Receipt?
    var error: BinderError?
    do throws(BinderError) {
      receipt = try process.reply(to: held[index].delivery!, transaction)
    } catch let thrown {
      error = thrown
    }
    let caller = asked.call?.caller

    if replier !== asked.receiver {
      let expected = BinderError.notOwner(replier, asked)
      return try judge("answering for somebody else", error, is: expected)
    }
    if let obstacle = replier.obstacle {
      return try judge("answering while dead", error, is: obstacle)
    }
    guard let call = asked.call, let caller else {
      let expected = BinderError.invalidArgument(.notACall(debugID: asked.debugID))
      return try judge("answering what is no call", error, is: expected)
    }
    asked.call = nil
    guard transaction.securityContext.isEmpty else {
      call.fail(.failedReply(pid: replier.pid))
      let expected = BinderError.invalidArgument(.securityContextInReply)
      return try judge("a security context in a reply", error, is: expected)
    }
    guard
      let buffer = try reserve(
        transaction, in: caller, from: replier, oneway: false, error, since: watch)
    else { return call.fail(.failedReply(pid: replier.pid)) }
    let expected = fill(buffer, with: transaction, error, since: watch)
    try judge("reply", error, is: expected)
    guard let receipt else {
      caller.abort(buffer, clock: &clock)
      return call.fail(.failedReply(pid: replier.pid))
    }
    try handOver(
      buffer, receipt, from: replier, to: nil, code: transaction.code, flags: transaction.flags)
    settle(call, with: buffer)
  }

  /// A reply waits for its caller, or goes at once when nobody waits.
  private func settle(_ call: ModelCall, with buffer: ModelBuffer) {
    // `commit` has queued it like a transaction; replies do not come that way.
    buffer.receiver.todo.removeAll { $0 === buffer }
    buffer.state = .replied
    if case .abandoned = call.state {
      call.end()
      buffer.receiver.free(buffer, clock: &clock)
    } else {
      call.state = .replied(buffer)
    }
  }

  private func anyCall() -> ModelCall? {
    calls.removeAll {
      if case .ended = $0.state { return !oneIn(4) }
      return $0.caller.process == nil
    }
    return calls.isEmpty ? nil : calls[pick(calls.count)]
  }

  func takeReply() throws(InvariantViolation) {
    guard let call = anyCall(), let process = call.caller.process else { return try reply() }
    let caller = call.caller
    var delivery: Delivery?
    var error: BinderError?
    do throws(BinderError) {
      delivery = try process.takeReply(call.id)
    } catch let thrown {
      error = thrown
    }
    if let obstacle = caller.obstacle {
      return try judge("taking a reply while dead", error, is: obstacle)
    }
    switch call.state {
    case .pending:
      try judge("a call without a reply yet", error, is: nil)
      try require("no reply has come yet", delivery == nil, is: true)
    case .abandoned, .ended:
      let expected = BinderError.invalidArgument(.noSuchCall(pid: caller.pid))
      try judge("a call ends once", error, is: expected)
    case .failed(let failure):
      call.end()
      try judge("a call that cannot be answered", error, is: failure)
    case .replied(let buffer):
      try judge("a call that was answered", error, is: nil)
      call.end()
      guard let delivery = delivery.take() else {
        throw InvariantViolation(
          "a reply arrives", expected: "buffer \(buffer.debugID)", found: "none")
      }
      try accept(delivery, of: buffer)
    }
  }

  func abandonCall() throws(InvariantViolation) {
    guard let call = anyCall(), let process = call.caller.process else { return }
    let error = answer { () throws(BinderError) in try process.abandon(call.id) }
    if let obstacle = call.caller.obstacle {
      return try judge("giving up a call while dead", error, is: obstacle)
    }
    switch call.state {
    case .pending:
      try judge("giving up a call", error, is: nil)
      call.state = .abandoned
    case .replied(let buffer):
      try judge("giving up a call that was answered", error, is: nil)
      call.end()
      call.caller.free(buffer, clock: &clock)
    case .failed:
      try judge("giving up a call that failed", error, is: nil)
      call.end()
    case .abandoned, .ended:
      let expected = BinderError.invalidArgument(.noSuchCall(pid: call.caller.pid))
      try judge("giving up a call twice", error, is: expected)
    }
  }
}

extension BinderError {
  fileprivate static func notOwner(_ member: Member, _ buffer: ModelBuffer) -> BinderError {
    .invalidArgument(.notOwner(pid: member.pid, debugID: buffer.debugID))
  }
}
