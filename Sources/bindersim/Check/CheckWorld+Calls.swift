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
    let replier = asked.receiver
    let length = asked.call?.caller.region?.placement.length ?? 4096
    let transaction = drawTransaction(length, oneway: oneIn(12), isReply: true)
    held.swapAt(index, held.count - 1)
    let delivery = held.removeLast()
    // Whoever holds a bare offset keeps its buffer; a delivery goes with its reply.
    let process = oneIn(2) && !replier.hasExited ? replier.process : nil
    if process != nil { try keep(delivery) }

    let watch = watch()
    var receipt: Receipt?
    var error: BinderError?
    do throws(BinderError) {
      if let process {
        receipt = try process.reply(transaction, toBufferAt: asked.offset)
      } else {
        receipt = try delivery.delivery.take()!.reply(transaction)
      }
    } catch let thrown {
      error = thrown
    }
    let call = asked.call
    try judgeReply(
      transaction, of: asked, receipt, error, since: watch)
    // Whoever exited has said so already.
    if call != nil { asked.call = nil }
    if process == nil {
      replier.free(asked, clock: &clock)
      replier.unpin()
    }
  }

  private func judgeReply(
    _ transaction: Transaction, of asked: ModelBuffer, _ receipt: Receipt?, _ error: BinderError?,
    since watch: CallWindow
  ) throws(InvariantViolation) {
    let replier = asked.receiver
    if let obstacle = replier.obstacle {
      return try judge("answering while dead", error, is: obstacle)
    }
    guard let call = asked.call else {
      let expected = BinderError.invalidArgument(.notACall(debugID: asked.debugID))
      return try judge("answering what is no call", error, is: expected)
    }
    let caller = call.caller
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
      buffer, receipt, nil, from: replier, to: nil, code: transaction.code, flags: transaction.flags
    )
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
    calls.removeAll { $0.call == nil }
    return calls.isEmpty ? nil : calls[pick(calls.count)]
  }

  func takeReply() throws(InvariantViolation) {
    guard let model = anyCall(), let call = model.call.take() else { return try reply() }
    let caller = model.caller
    var delivery: Delivery?
    var error: BinderError?
    do throws(BinderError) {
      delivery = try call.takeReply(elseTo: &model.call)
    } catch let thrown {
      error = thrown
    }
    if let obstacle = caller.obstacle {
      return try judge("taking a reply while dead", error, is: obstacle)
    }
    switch model.state {
    case .pending:
      try judge("a call without a reply yet", error, is: nil)
      try require("no reply has come yet", delivery == nil, is: true)
    case .abandoned, .ended:
      throw InvariantViolation("a call ends once", expected: "no call", found: "one")
    case .failed(let failure):
      model.end()
      try judge("a call that cannot be answered", error, is: failure)
    case .replied(let buffer):
      try judge("a call that was answered", error, is: nil)
      model.end()
      guard let delivery = delivery.take() else {
        throw InvariantViolation(
          "a reply arrives", expected: "buffer \(buffer.debugID)", found: "none")
      }
      try accept(delivery, of: buffer)
    }
  }

  func abandonCall() throws(InvariantViolation) {
    if let call = anyCall() { abandon(call) }
  }

  func abandon(_ model: ModelCall) {
    model.call = nil
    guard !model.caller.hasExited else { return }
    switch model.state {
    case .pending: model.state = .abandoned
    case .replied(let buffer):
      model.end()
      model.caller.free(buffer, clock: &clock)
    case .failed: model.end()
    case .abandoned, .ended: break
    }
  }
}
