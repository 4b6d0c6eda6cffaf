internal import BinderBuffer
internal import CLinuxShims

/// One return, with its fields.
struct DriverEvent: Equatable {
  let code: UInt32
  var fields: [UInt64] = []
}

/// Reads: what a thread must be told.
extension DriverModel {
  enum Reading {
    case wait
    case wouldBlock
    /// With the transaction that it brings, and its files.
    case ready([DriverEvent], Transaction?, tokens: [Int32])
  }

  /// - Parameter address: where the driver put the buffer of the transaction that it handed out.
  func read(_ thread: Thread, size: Int, nonblocking: Bool, address: UInt64?) -> Reading {
    let process = thread.process
    let before = thread.waits
    stopWaiting(thread)
    var takes = before == .nothing ? thread.takesProcessWork : before == .processWork
    while true {
      guard thread.isReady || thread.returnsAtOnce || (takes && !process.todo.isEmpty) else {
        if nonblocking { return .wouldBlock }
        thread.waits = takes ? .processWork : .ownWork
        if takes { process.waiting.append(thread) }
        return .wait
      }
      if let reading = take(thread, takes, size, address) { return reading }
      takes = thread.takesProcessWork
    }
  }

  private func take(
    _ thread: Thread, _ takes: Bool, _ size: Int, _ address: UInt64?
  ) -> Reading? {
    let process = thread.process
    var events: [DriverEvent] = [DriverEvent(code: bb_br_noop.rawValue)]
    var length: Int { events.reduce(0) { $0 + 4 + Int($1.code >> 16 & 0x3fff) } }
    var delivered: Transaction?
    var tokens: [Int32] = []
    while true {
      let isOwn = !thread.todo.isEmpty
      guard isOwn || (takes && !process.todo.isEmpty) else {
        if length == 4, !thread.returnsAtOnce { return nil }
        break
      }
      guard size - length >= 4 + bb_td_secctx_size else { break }
      let work = isOwn ? thread.todo.removeFirst() : process.todo.removeFirst()
      if thread.todo.isEmpty { thread.isReady = false }
      if case .transaction(let transaction) = work {
        events.append(deliver(transaction, thread, address))
        delivered = transaction
        tokens = transaction.tokens
        transaction.tokens = []
        break
      }
      if tell(work, thread, &events) { break }
    }
    if process.requested == 0, process.waiting.isEmpty, process.started < process.maxThreads,
      thread.isLooper
    {
      process.requested += 1
      events[0] = DriverEvent(code: bb_br_spawn_looper.rawValue)
    }
    thread.returnsAtOnce = false
    if !process.todo.isEmpty { wakeOne(of: process) }
    return .ready(events, delivered, tokens: tokens)
  }

  private func deliver(
    _ transaction: Transaction, _ thread: Thread, _ address: UInt64?
  ) -> DriverEvent {
    let message = transaction.message
    let buffer = transaction.buffer
    // One that still gets its files cannot be freed.
    if transaction.tokens.isEmpty { buffer.address = address }
    let hasLabel = buffer.target?.wantsLabel == true
    let code =
      transaction.isReply
      ? bb_br_reply : hasLabel ? bb_br_transaction_sec_ctx : bb_br_transaction
    let offsets = (message.data.count + 7) / 8 * 8
    var fields: [UInt64] = [
      buffer.target?.pointer ?? 0, buffer.target?.cookie ?? 0, UInt64(message.code),
      UInt64(message.flags), UInt64(transaction.from?.process.pid ?? 0),
      UInt64(DriverSender.user), UInt64(message.data.count), UInt64(message.offsetsSize),
      UInt64(offsets),
    ]
    if hasLabel, !transaction.isReply {
      fields.append(UInt64(offsets + message.offsetsSize + (message.extra + 7) / 8 * 8))
    }
    if transaction.isReply || transaction.isOneway {
      transactions.removeAll { $0 === transaction }
    } else {
      transaction.to = thread
      thread.stack.append(transaction)
    }
    return DriverEvent(code: code.rawValue, fields: fields)
  }

  /// - Returns: whether the read ends with it.
  private func tell(_ work: Work, _ thread: Thread, _ events: inout [DriverEvent]) -> Bool {
    switch work {
    case .transaction: preconditionFailure("`deliver` takes them")
    case .completion(let code): events.append(DriverEvent(code: code))
    case .returnError:
      events.append(DriverEvent(code: thread.returnError))
      thread.returnError = bb_br_ok.rawValue
    case .replyError:
      events.append(DriverEvent(code: thread.replyError))
      thread.replyError = bb_br_ok.rawValue
    case .node(let node): tell(node, &events)
    case .death(let death):
      if death.stage == .cleared {
        events.append(
          DriverEvent(
            code: bb_br_clear_death_notification_done.rawValue, fields: [death.cookie]))
        end(death)
        return false
      }
      events.append(DriverEvent(code: bb_br_dead_binder.rawValue, fields: [death.cookie]))
      death.process.readDeaths.append(death)
      return true
    case .freeze(let freeze):
      if freeze.isCleared {
        events.append(
          DriverEvent(
            code: bb_br_clear_freeze_notification_done.rawValue, fields: [freeze.cookie]))
        end(freeze)
        return false
      }
      events.append(
        DriverEvent(
          code: bb_br_frozen_binder.rawValue, fields: [freeze.cookie, freeze.isFrozen ? 1 : 0]))
      freeze.isRead = true
      freeze.process.readFreezes.append(freeze)
      return true
    }
    return false
  }

  /// What has changed for the owner since it was told last.
  private func tell(_ node: Node, _ events: inout [DriverEvent]) {
    let isStrong = isStrong(node)
    let isHeld = isStrong || isWeak(node)
    func put(_ code: bb_br) {
      events.append(DriverEvent(code: code.rawValue, fields: [node.pointer, node.cookie]))
    }
    if isHeld, !node.toldWeak {
      (node.toldWeak, node.awaitsWeak) = (true, true)
      put(bb_br_increfs)
    }
    if isStrong, !node.toldStrong {
      (node.toldStrong, node.awaitsStrong) = (true, true)
      put(bb_br_acquire)
    }
    if !isStrong, node.toldStrong {
      node.toldStrong = false
      put(bb_br_release)
    }
    if !isHeld, node.toldWeak {
      node.toldWeak = false
      put(bb_br_decrefs)
    }
    if !isHeld { end(node) }
  }

  // MARK: files that came with a read

  /// The receiver has them: under these numbers.
  func install(_ transaction: Transaction, _ descriptors: [Int32], address: UInt64?) {
    transaction.buffer.address = address
    transaction.buffer.arrayDescriptors = transaction.message.arrayDescriptors(descriptors)
  }

  /// The receiver could not get them: the message is lost, and its sender learns it.
  func installFailed(_ transaction: Transaction, _ thread: Thread) {
    if !transaction.isReply, thread.stack.last === transaction {
      thread.stack.removeLast()
      failCall(transaction, bb_br_failed_reply.rawValue)
    }
    free(transaction.buffer, of: thread.process)
  }
}
