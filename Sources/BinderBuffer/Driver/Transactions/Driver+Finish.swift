internal import PageAlloc

extension Driver {
  /// The second step of a transaction: translates its objects, hands the buffer to the receiver and
  /// queues it; or undoes everything and answers the failure.
  ///
  /// Call it for every pending transaction, whatever `fill` met. Then the command is done.
  public mutating func finish(_ pending: consuming PendingTransaction) {
    let receiver = pending.receiver
    guard let thread = find(pending.sender) else { return abandon(pending) }
    threads[thread].replying = .none
    do throws(TransactionFailure) {
      try complete(pending, thread)
      if !pending.target.isNone { unpin(pending.target) }
    } catch {
      if options.reportsBuffers {
        let message = describe(pending, by: thread)
        note(.failed(message, error.errno), pending.id, in: receiver)
      }
      undo(pending)
      fail(error, inReplyTo: pending.inReplyTo, pending.id, thread)
    }
    endFill(of: receiver)
  }

  private mutating func complete(
    _ pending: borrowing PendingTransaction, _ thread: ThreadIndex
  ) throws(TransactionFailure) {
    guard !processes[pending.receiver].isDead else { throw .dead(nil) }
    do throws(Errno) {
      try translateObjects(of: pending, sender: thread)
    } catch {
      throw .failed(error)
    }
    do throws(TransactionFailure) {
      if let errno = pending.failure { throw .failed(errno) }
      try pending.command.isReply ? reply(pending, thread) : call(pending, thread)
    } catch {
      releaseObjects(
        pending.view, pending.layout, upTo: pending.goodObjects, of: pending.receiver,
        closingAt: nil)
      throw error
    }
  }

  // MARK: queueing

  private mutating func reply(
    _ pending: borrowing PendingTransaction, _ thread: ThreadIndex
  ) throws(TransactionFailure) {
    let call = pending.inReplyTo
    let caller = transactions[call].from
    guard !caller.isNone else { throw .dead(nil) }
    let transaction = makeTransaction(pending, thread)
    complete(BR.complete, thread)
    popStack(of: caller, call)
    give(.transaction(transaction), to: caller)
    endTransaction(call)
  }

  private mutating func call(
    _ pending: borrowing PendingTransaction, _ thread: ThreadIndex
  ) throws(TransactionFailure) {
    let isOneway = pending.command.isOneway
    let isFrozen = processes[pending.receiver].isFrozen
    if isFrozen {
      if isOneway {
        processes[pending.receiver].gotOneway = true
      } else {
        processes[pending.receiver].gotCall = true
        throw .frozen
      }
    }
    let nested = isOneway ? nil : nestedThread(of: thread, in: pending.receiver)
    let transaction = makeTransaction(pending, thread)
    if isOneway {
      queueOneway(transaction, pending.target, isFrozen: isFrozen)
      let spam = pending.isSpam ? BR.onewaySpam : BR.complete
      complete(isFrozen && options.kernel == .linux612 ? BR.pendingFrozen : spam, thread)
      return
    }
    // What comes next for the thread brings the completion along.
    append(.completion(pending.isSpam ? BR.onewaySpam : BR.complete), to: .thread(thread))
    threads[thread].unread += 1
    transactions[transaction].from = thread
    transactions[transaction].fromParent = threads[thread].stack
    threads[thread].stack = transaction
    deliver(transaction, to: nested)
  }

  /// To the thread of the receiver that waits, in the chain of calls, for what the sender works on.
  private func nestedThread(of thread: ThreadIndex, in receiver: ProcessIndex) -> ThreadIndex? {
    var call = threads[thread].stack
    while !call.isNone {
      let from = transactions[call].from
      if !from.isNone, threads[from].process == receiver { return from }
      call = transactions[call].fromParent
    }
    return nil
  }

  /// To a given thread, else to the waiting one that came last, else to the process.
  private mutating func deliver(_ transaction: TransactionIndex, to thread: ThreadIndex?) {
    let receiver = transactions[transaction].receiver
    if let thread = thread ?? takeWaiting(of: receiver) {
      give(.transaction(transaction), to: thread)
    } else {
      append(.transaction(transaction), to: .process(receiver))
      noteReadiness(receiver)
    }
  }

  private mutating func queueOneway(
    _ transaction: TransactionIndex, _ node: NodeIndex, isFrozen: Bool
  ) {
    guard nodes[node].hasOneway else {
      nodes[node].hasOneway = true
      return deliver(transaction, to: nil)
    }
    let outdated = isFrozen ? outdatedUpdate(transaction, node) : nil
    if let outdated { remove(transactions[outdated].work) }
    append(.transaction(transaction), to: .node(node))
    if let outdated {
      let buffer = transactions[outdated].buffer
      let receiver = transactions[outdated].receiver
      endTransaction(outdated)
      freeBuffer(of: receiver, at: buffer, advancing: false)
    }
  }

  /// The waiting update that a new one stands for (recording `freeze-update`).
  private func outdatedUpdate(_ new: TransactionIndex, _ node: NodeIndex) -> TransactionIndex? {
    let new = transactions[new]
    guard new.flags & WireFlag.update != 0 else { return nil }
    var work = nodes[node].waiting.first
    while !work.isNone {
      if case .transaction(let waiting) = works[work].kind {
        let old = transactions[waiting]
        if old.flags == new.flags, old.code == new.code, old.senderPID == new.senderPID {
          return waiting
        }
      }
      work = works[work].next
    }
    return nil
  }

  private mutating func complete(_ code: UInt32, _ thread: ThreadIndex) {
    threads[thread].unread += 1
    give(.completion(code), to: thread)
  }

  private mutating func makeTransaction(
    _ pending: borrowing PendingTransaction, _ thread: ThreadIndex
  ) -> TransactionIndex {
    if options.reportsBuffers {
      let message = describe(pending, by: thread)
      note(.sent(message), pending.id, in: pending.receiver)
    }
    let command = pending.command
    let transaction = transactions.insert(
      Transaction(
        id: pending.id, code: command.code, flags: command.flags, user: pending.user,
        isReply: command.isReply, receiver: pending.receiver, buffer: pending.offset,
        senderPID: pending.senderPID))
    if !pending.files.isEmpty {
      files[transaction] = pending.files
      transactions[transaction].hasFiles = true
    }
    processes[pending.receiver].outstanding += 1
    processes[pending.receiver].space.value.commit(
      pending.offset,
      TransactionBuffer(
        id: pending.id, layout: pending.layout, address: pending.address, target: pending.target,
        isOneway: command.isOneway, clearsOnFree: command.flags & WireFlag.clear != 0))
    return transaction
  }

  // MARK: undoing

  /// Gives back what a transaction that failed holds.
  private mutating func undo(_ pending: borrowing PendingTransaction) {
    effects.closedFiles += pending.files.map(\.token)
    let clears = pending.command.flags & WireFlag.clear != 0
    processes[pending.receiver].space.value.abort(
      pending.offset, clearing: clears ? pending.layout.size : 0)
    if !pending.target.isNone { release(target: pending.target) }
  }

  /// The sender ended while it filled the buffer: the receiver sees nothing.
  private mutating func abandon(_ pending: borrowing PendingTransaction) {
    note(.freed, pending.id, in: pending.receiver)
    undo(pending)
    if !pending.inReplyTo.isNone { failCall(pending.inReplyTo, BR.deadReply) }
    endFill(of: pending.receiver)
  }

  private mutating func endFill(of receiver: ProcessIndex) {
    processes[receiver].fills -= 1
    if processes[receiver].isDead { endProcessIfUnused(receiver) }
  }

  // MARK: buffers

  /// `BC_FREE_BUFFER`: what is no delivered buffer of the process is ignored.
  mutating func freeBuffer(of process: ProcessIndex, address: UInt64) {
    let base = processes[process].regionAddress
    guard address >= base, address - base < UInt64(processes[process].regionLength) else { return }
    let offset = Int(address - base)
    guard let buffer = processes[process].space.value.record(at: offset), buffer.isDelivered else {
      return
    }
    freeBuffer(of: process, at: offset)
  }

  /// Frees a buffer with what its objects hold; the next oneway transaction of its node comes.
  mutating func freeBuffer(of process: ProcessIndex, at offset: Int, advancing: Bool = true) {
    guard let buffer = processes[process].space.value.record(at: offset) else {
      preconditionFailure("no buffer at \(offset)")
    }
    if advancing, buffer.isOneway { advanceOneway(buffer.target, of: process) }
    let view = processes[process].space.value.window(at: offset, size: buffer.layout.size)
    if !buffer.target.isNone { dropStrong(buffer.target, isReference: false) }
    releaseObjects(
      view, buffer.layout, upTo: buffer.layout.objectCount, of: process,
      closingAt: buffer.hasDescriptors ? buffer.address : nil)
    _ = processes[process].space.value.free(offset)
    note(.freed, buffer.id, in: process)
  }

  private mutating func advanceOneway(_ node: NodeIndex, of process: ProcessIndex) {
    guard let next = popFirst(.node(node)) else {
      nodes[node].hasOneway = false
      return
    }
    give(next, to: process)
  }
}
