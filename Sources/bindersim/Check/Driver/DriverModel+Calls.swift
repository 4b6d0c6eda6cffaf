internal import BinderBuffer
internal import CLinuxShims
internal import PageAlloc

/// Transactions, from the command to the receiver's list, and how they fail.
extension DriverModel {
  /// What a command must come to.
  enum Outcome {
    case done
    case stop
    case failed(Errno)
    /// Is to be filled.
    case transaction(Pending)
  }

  /// What the sender reads, and the number beside it.
  struct Failure: Error {
    let reply: UInt32
    var errno: Int32 = 0

    static func failed(_ errno: Errno) -> Failure {
      Failure(reply: bb_br_failed_reply.rawValue, errno: errno.rawValue)
    }
    static func dead(_ errno: Errno? = nil) -> Failure {
      Failure(reply: bb_br_dead_reply.rawValue, errno: errno?.rawValue ?? 0)
    }
  }

  private struct Destination {
    let receiver: Process?
    var node: Node?
    var call: Transaction?
    let acceptsFiles: Bool
  }

  // MARK: the first step

  /// - Parameter fault: the reservation was made to fail like this.
  func begin(
    _ message: DriverMessage, isReply: Bool, handle: UInt32, by thread: Thread, fault: Errno?
  ) -> Outcome {
    thread.error = ExtendedError(hasID: true)
    let destination: Destination
    do throws(Failure) {
      destination =
        try isReply ? replyDestination(thread) : callDestination(message, handle, thread)
    } catch {
      failOwn(error, thread)
      return .done
    }
    do throws(Failure) {
      let pending = try reserve(message, isReply, destination, thread, fault)
      self.pending.append(pending)
      return .transaction(pending)
    } catch {
      if let node = destination.node { unpin(node) }
      fail(error, destination.call, thread)
      return .done
    }
  }

  private func callDestination(
    _ message: DriverMessage, _ handle: UInt32, _ thread: Thread
  ) throws(Failure) -> Destination {
    let node: Node
    if handle == 0 {
      guard let manager else { throw .dead(.invalidArgument) }
      node = manager
    } else {
      guard let reference = thread.process.references[handle], reference.strong > 0 else {
        throw .failed(.invalidArgument)
      }
      node = reference.node
    }
    guard let receiver = node.owner else { throw .dead(.invalidArgument) }
    guard receiver !== thread.process else { throw .failed(.invalidArgument) }
    if !message.isOneway {
      if case .transaction = thread.todo.first { throw .failed(.protocolError) }
      if let innermost = thread.stack.last, innermost.to !== thread {
        throw .failed(.protocolError)
      }
    }
    node.pins += 1
    return Destination(receiver: receiver, node: node, acceptsFiles: node.acceptsFiles)
  }

  private func replyDestination(_ thread: Thread) throws(Failure) -> Destination {
    guard let call = thread.stack.last, call.to === thread else { throw .failed(.protocolError) }
    thread.stack.removeLast()
    return Destination(
      receiver: call.from?.process, call: call, acceptsFiles: call.message.acceptsFiles)
  }

  private func reserve(
    _ message: DriverMessage, _ isReply: Bool, _ destination: Destination, _ thread: Thread,
    _ fault: Errno?
  ) throws(Failure) -> Pending {
    guard let receiver = destination.receiver else { throw .dead() }
    var label = 0
    if destination.node?.wantsLabel == true {
      guard let bytes = thread.process.label else { throw .failed(.invalidArgument) }
      label = bytes.count
    }
    guard receiver.isMapped else { throw .dead(.noSuchProcess) }
    guard let size = message.size(label: label) else { throw .failed(.invalidArgument) }
    guard size <= receiver.regionLength else { throw .failed(.noSpace) }
    if let fault { throw .failed(fault) }
    let pending = Pending(
      message, isReply: isReply, by: thread, to: receiver, target: destination.node,
      inReplyTo: destination.call, acceptsFiles: destination.acceptsFiles)
    pending.buffer.size = max(8, size)
    receiver.buffers.append(pending.buffer)
    thread.replying = destination.call
    return pending
  }

  // MARK: the second step

  /// - Parameter isFilled: the sender's memory was asked at all.
  func finish(_ pending: Pending, isFilled: Bool) {
    self.pending.removeAll { $0 === pending }
    let verdict = isFilled ? pending.message.verdict(pending.acceptsFiles) : .unread
    let thread = pending.thread
    guard thread.process.threads[thread.tid] === thread else {
      undo(pending, verdict)
      if let call = pending.inReplyTo { failCall(call, bb_br_dead_reply.rawValue) }
      return forgetDead(pending.receiver)
    }
    thread.replying = nil
    do throws(Failure) {
      guard pending.receiver.isAlive else { throw .dead() }
      try translate(pending, verdict)
      do throws(Failure) {
        if let errno = verdict.failure { throw .failed(errno) }
        if pending.isReply { try reply(pending, verdict) } else { try call(pending, verdict) }
      } catch {
        release(pending.buffer, of: pending.receiver)
        throw error
      }
      if let target = pending.target { unpin(target) }
    } catch {
      undo(pending, verdict)
      fail(error, pending.inReplyTo, thread)
    }
    forgetDead(pending.receiver)
  }

  private func undo(_ pending: Pending, _ verdict: DriverMessage.Verdict) {
    effects.closedFiles += verdict.tokens
    pending.receiver.buffers.removeAll { $0 === pending.buffer }
    if let target = pending.target {
      strongGone(target)
      unpin(target)
    }
  }

  private func translate(
    _ pending: Pending, _ verdict: DriverMessage.Verdict
  ) throws(Failure) {
    for object in pending.message.objects.prefix(verdict.goodObjects) {
      do throws(Errno) {
        pending.buffer.objects.append(try translated(object.kind, pending))
      } catch {
        release(pending.buffer, of: pending.receiver)
        throw .failed(error)
      }
    }
  }

  private func translated(
    _ kind: DriverMessage.Kind, _ pending: Pending
  ) throws(Errno) -> Held {
    let thread = pending.thread
    switch kind {
    case .binder(let pointer, let cookie, let strong, let flags):
      let node = try node(of: thread.process, pointer: pointer, cookie: cookie, flags: flags)
      node.pins += 1
      defer { unpin(node) }
      let reference = try addReference(
        of: pending.receiver, to: node, strong: strong, teller: thread)
      return .handle(reference.handle, strong: strong)
    case .handle(let handle, let strong):
      guard let reference = thread.process.references[handle], !strong || reference.strong > 0
      else { throw .invalidArgument }
      let node = reference.node
      node.pins += 1
      defer { unpin(node) }
      if node.owner === pending.receiver { return .own(node, strong: strong) }
      let other = try addReference(of: pending.receiver, to: node, strong: strong, teller: nil)
      return .handle(other.handle, strong: strong)
    default: return .nothing
    }
  }

  private func reply(_ pending: Pending, _ verdict: DriverMessage.Verdict) throws(Failure) {
    let call = pending.inReplyTo!
    guard let caller = call.from else { throw .dead() }
    let transaction = makeTransaction(pending, verdict)
    give(.completion(bb_br_transaction_complete.rawValue), to: pending.thread)
    caller.stack.removeLast()
    call.from = nil
    give(.transaction(transaction), to: caller)
    end(call)
  }

  private func call(_ pending: Pending, _ verdict: DriverMessage.Verdict) throws(Failure) {
    let receiver = pending.receiver
    let thread = pending.thread
    if receiver.isFrozen {
      guard pending.message.isOneway else {
        receiver.gotCall = true
        throw Failure(reply: bb_br_frozen_reply.rawValue)
      }
      receiver.gotOneway = true
    }
    let nested = pending.message.isOneway ? nil : threadInChain(of: thread, in: receiver)
    let transaction = makeTransaction(pending, verdict)
    if pending.message.isOneway {
      queueOneway(transaction, pending.target!)
      let isPending = receiver.isFrozen && kernel == .linux612
      give(
        .completion(
          isPending
            ? bb_br_transaction_pending_frozen.rawValue : bb_br_transaction_complete.rawValue),
        to: thread)
      return
    }
    thread.todo.append(.completion(bb_br_transaction_complete.rawValue))
    transaction.from = thread
    transaction.outer = thread.stack.last
    thread.stack.append(transaction)
    deliver(transaction, to: nested)
  }

  /// The thread of `receiver` that waits, somewhere in the chain of calls, for what `thread` does.
  private func threadInChain(of thread: Thread, in receiver: Process) -> Thread? {
    var call = thread.stack.last
    while let current = call {
      if let from = current.from, from.process === receiver { return from }
      call = current.outer
    }
    return nil
  }

  private func deliver(_ transaction: Transaction, to nested: Thread?) {
    if let thread = nested ?? transaction.receiver.waiting.popLast() {
      give(.transaction(transaction), to: thread)
    } else {
      transaction.receiver.todo.append(.transaction(transaction))
    }
  }

  private func queueOneway(_ transaction: Transaction, _ node: Node) {
    guard node.isBusy else {
      node.isBusy = true
      return deliver(transaction, to: nil)
    }
    let message = transaction.message
    var outdated: Int?
    if transaction.receiver.isFrozen, message.flags & bb_tf_update_txn.rawValue != 0 {
      outdated = node.waiting.firstIndex {
        $0.message.flags == message.flags && $0.message.code == message.code
          && $0.senderPID == transaction.senderPID
      }
    }
    let old = outdated.map { node.waiting.remove(at: $0) }
    node.waiting.append(transaction)
    if let old {
      end(old)
      free(old.buffer, of: old.receiver, advancing: false)
    }
  }

  private func makeTransaction(
    _ pending: Pending, _ verdict: DriverMessage.Verdict
  ) -> Transaction {
    let transaction = Transaction(
      pending.message, isReply: pending.isReply, receiver: pending.receiver,
      senderPID: pending.thread.process.pid, buffer: pending.buffer)
    transaction.tokens = verdict.tokens
    transactions.append(transaction)
    return transaction
  }
}
