internal import PageAlloc

/// A transaction on its way from a sender to a receiver: reserve, fill, commit.
///
/// Both processes are named; each step takes the lock of one of them.
enum Transmission {
  /// Sends to a node without a reply.
  ///
  // Inlined with all that it calls: a receipt that is handed on from one frame to the next is
  // written in parts and read as a whole, which stalls the processor.
  @inline(__always)
  static func send(
    _ transaction: borrowing Transaction, from sender: ProcessCore, to node: Node
  ) throws(BinderError) -> Receipt {
    do throws(BinderError) {
      var buffer = try reserve(
        try TransactionLayout(transaction), oneway: true, from: sender, to: node.core)
      try buffer.fill(transaction)
      return try commit(
        buffer, code: transaction.code, flags: transaction.flags, from: sender, to: node)
    } catch {
      node.core.countFailure(error)
      throw error
    }
  }

  /// Sends to a node and makes a call, to await the reply of.
  @inline(__always)
  static func call(
    _ transaction: borrowing Transaction, from sender: ProcessCore, to node: Node
  ) throws(BinderError) -> Call {
    do throws(BinderError) {
      var buffer = try reserve(
        try TransactionLayout(transaction), oneway: false, from: sender, to: node.core)
      try buffer.fill(transaction)
      return try commitCall(
        buffer, code: transaction.code, flags: transaction.flags, from: sender, to: node)
    } catch {
      node.core.countFailure(error)
      throw error
    }
  }

  /// Answers the call of a buffer that `replier` holds.
  ///
  /// Whatever goes wrong, the call has then failed for its maker too.
  static func reply(
    _ transaction: borrowing Transaction, from replier: ProcessCore, toBufferAt offset: Int,
    isKept: Bool
  ) throws(BinderError) -> Receipt {
    let caller = try replier.takeCaller(ofBufferAt: offset, isKept: isKept)
    do throws(BinderError) {
      // SAFETY: the caller's end of the call, which is ours now, keeps its core alive.
      let receiver = unsafe caller.core.takeUnretainedValue()
      do throws(BinderError) {
        return try answer(caller.call, of: receiver, transaction, from: replier)
      } catch {
        receiver.countFailure(error)
        throw error
      }
    } catch {
      // An exit in the middle of the reply has not seen this call.
      ProcessCore.fail(
        caller, replier.hasExited ? .calleeExited(replier.pid) : .noReply(replier.pid))
      throw error
    }
  }

  private static func answer(
    _ call: UInt32, of receiver: ProcessCore, _ transaction: borrowing Transaction,
    from replier: ProcessCore
  ) throws(BinderError) -> Receipt {
    guard transaction.securityContext.isEmpty else {
      throw .invalidArgument(.securityContextInReply)
    }
    var buffer = try receiver.reserve(
      try TransactionLayout(transaction), oneway: false, sender: replier.pid)
    try buffer.fill(transaction)
    let receipt = Receipt(buffer)
    try receiver.answer(
      call, buffer, code: transaction.code, flags: transaction.flags.subtracting(.oneway),
      from: replier)
    return receipt
  }

  // MARK: steps

  /// Reserves a buffer in the receiver's region.
  @inline(__always)
  static func reserve(
    _ layout: TransactionLayout, oneway: Bool, from sender: ProcessCore, to receiver: ProcessCore
  ) throws(BinderError) -> ReservedBuffer {
    guard receiver.context === sender.context else {
      throw .invalidArgument(.otherContext(pid: receiver.pid))
    }
    guard !sender.hasExited else { throw .dead(pid: sender.pid, .senderExited) }
    return try receiver.reserve(layout, oneway: oneway, sender: sender.pid)
  }

  /// Hands a filled buffer over that awaits no reply.
  @inline(__always)
  static func commit(
    _ buffer: consuming ReservedBuffer, code: UInt32, flags: TransactionFlags,
    from sender: ProcessCore, to node: Node
  ) throws(BinderError) -> Receipt {
    let receipt = Receipt(buffer)
    try node.core.commit(
      buffer, code: code, flags: flags.union(.oneway), node: node.id, caller: nil, sender: sender)
    return receipt
  }

  /// Hands a filled buffer over that awaits a reply.
  @inline(__always)
  static func commitCall(
    _ buffer: consuming ReservedBuffer, code: UInt32, flags: TransactionFlags,
    from sender: ProcessCore, to node: Node
  ) throws(BinderError) -> Call {
    let receipt = Receipt(buffer)
    let caller = try sender.openCall()
    // Dropped, it ends the call for its maker.
    let call = unsafe Call(core: .passUnretained(sender), number: caller.call, receipt: receipt)
    do throws(BinderError) {
      try node.core.commit(
        buffer, code: code, flags: flags.subtracting(.oneway), node: node.id, caller: caller,
        sender: sender)
    } catch {
      ProcessCore.fail(caller, .noReply(node.pid))
      throw error
    }
    return call
  }
}

extension TransactionLayout {
  @inline(__always)
  init(_ transaction: borrowing Transaction) throws(BinderError) {
    try self.init(
      data: transaction.data.length, offsets: transaction.offsets.length,
      extra: transaction.extraSize, securityContext: transaction.securityContext.length)
  }
}
