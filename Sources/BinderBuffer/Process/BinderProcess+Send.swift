internal import PageAlloc

extension BinderProcess {
  /// Sends a transaction: reserves a range in the receiver's region, gives frames to its pages,
  /// copies the bytes once, and commits.
  ///
  /// A transaction that is not oneway opens a call; its reply is taken with `takeReply` or
  /// `awaitReply`, and the sender must have a region to receive it in.
  ///
  /// - Throws: `noSpace`, `noOnewaySpace`, `noMemory`, `badSource`, `invalidArgument`, `dead`. The
  ///   receiver then sees nothing, and nothing is held.
  public func send(_ transaction: Transaction, to node: Node) throws(BinderError) -> Receipt {
    try core.send(transaction, to: node)
  }

  /// Sends bytes of this process.
  @discardableResult
  public func send(
    oneway: Bool = false, code: UInt32 = 0, data: RawSpan, offsets: RawSpan = RawSpan(),
    to node: Node
  ) throws(BinderError) -> Receipt {
    try unsafe UserSlice.withTrusted(data) { (data) throws(BinderError) in
      try unsafe UserSlice.withTrusted(offsets) { (offsets) throws(BinderError) in
        try core.send(
          Transaction(code: code, flags: oneway ? .oneway : [], data: data, offsets: offsets),
          to: node)
      }
    }
  }

  /// Reserves a buffer to fill in steps; `send(_:to:code:flags:)` hands it over.
  ///
  /// - Parameters: sizes in bytes; `offsetsSize` and `extraSize` are multiples of 8.
  public func allocate(
    dataSize: Int, offsetsSize: Int = 0, extraSize: Int = 0, securityContextSize: Int = 0,
    oneway: Bool, for node: Node
  ) throws(BinderError) -> Allocation {
    let layout = try TransactionLayout(
      data: dataSize, offsets: offsetsSize, extra: extraSize,
      securityContext: securityContextSize)
    do throws(BinderError) {
      return try core.allocate(layout, oneway: oneway, for: node)
    } catch {
      node.core.countFailure(error)
      throw error
    }
  }

  /// Hands a filled buffer to the process that it lies in. A buffer allocated as oneway is sent so.
  public func send(
    _ allocation: consuming Allocation, to node: Node, code: UInt32 = 0,
    flags: TransactionFlags = []
  ) throws(BinderError) -> Receipt {
    guard
      unsafe allocation.core.toOpaque() == Unmanaged.passUnretained(node.core).toOpaque(),
      allocation.senderPID == pid, core.context === node.core.context
    else { throw .invalidArgument(.notOwner(pid: pid, debugID: allocation.debugID)) }
    do throws(BinderError) {
      allocation.clearsOnFree = flags.contains(.clearOnFree)
      if allocation.layout.offsetsSize > 0 { try allocation.checkObjects() }
      var receipt = Receipt(allocation, call: nil)
      receipt.call = try core.handOver(allocation, to: node, code: code, flags: flags)
      return receipt
    } catch {
      node.core.countFailure(error)
      throw error
    }
  }

  /// Answers a call; a delivery has one reply.
  ///
  /// - Throws: as `send`; whatever the reason, the call has then failed for the caller too.
  @discardableResult
  public func reply(to delivery: borrowing Delivery, _ transaction: Transaction)
    throws(BinderError) -> Receipt
  {
    try core.reply(to: delivery, transaction)
  }

  /// Answers a call with bytes of this process.
  @discardableResult
  public func reply(to delivery: borrowing Delivery, data: RawSpan) throws(BinderError) -> Receipt {
    let slice = unsafe data.withUnsafeBytes { unsafe UserSlice(unsafeTrusted: $0) }
    // SAFETY: the slice is read before `reply` returns, and `data` outlives the call.
    return try core.reply(to: delivery, Transaction(data: slice))
  }
}

extension ProcessCore {
  @inline(__always)
  func allocate(_ layout: TransactionLayout, oneway: Bool, for node: Node) throws(BinderError)
    -> Allocation
  {
    guard node.core.context === context else {
      throw .invalidArgument(.otherContext(pid: node.pid))
    }
    guard !hasExited else { throw .dead(pid: pid, .senderExited) }
    return try node.core.reserve(layout, oneway: oneway, sender: pid)
  }

  // Inlined with all that it calls: a receipt that is handed on from one frame to the next is
  // written in parts and read as a whole, which stalls the processor.
  @inline(__always)
  func send(_ transaction: Transaction, to node: Node) throws(BinderError) -> Receipt {
    do throws(BinderError) {
      let layout = try TransactionLayout(transaction)
      var allocation = try allocate(layout, oneway: transaction.isOneway, for: node)
      try allocation.fill(transaction)
      var receipt = Receipt(allocation, call: nil)
      receipt.call = try handOver(
        allocation, to: node, code: transaction.code, flags: transaction.flags)
      return receipt
    } catch {
      node.core.countFailure(error)
      throw error
    }
  }

  @inline(__always)
  func handOver(
    _ allocation: consuming Allocation, to node: Node, code: UInt32, flags: TransactionFlags
  ) throws(BinderError) -> CallID? {
    guard !allocation.isOneway else {
      try node.core.commit(
        allocation, code: code, flags: flags.union(.oneway), node: node.id, caller: nil,
        sender: self)
      return nil
    }
    let caller = try openCall(to: node.pid)
    do throws(BinderError) {
      try node.core.commit(
        allocation, code: code, flags: flags.subtracting(.oneway), node: node.id, caller: caller,
        sender: self)
      return caller.call
    } catch {
      cancel(caller)
      throw error
    }
  }

  func reply(to delivery: borrowing Delivery, _ transaction: Transaction) throws(BinderError)
    -> Receipt
  {
    guard unsafe delivery.core.toOpaque() == Unmanaged.passUnretained(self).toOpaque() else {
      throw .invalidArgument(.notOwner(pid: pid, debugID: delivery.debugID))
    }
    let caller = try takeCaller(ofBufferAt: delivery.offset, debugID: delivery.debugID)
    do throws(BinderError) {
      // SAFETY: the pin that the caller stands for keeps its core alive; `answer` gives it back.
      return try unsafe caller.process._withUnsafeGuaranteedRef { receiver in
        Result { () throws(BinderError) in
          do throws(BinderError) {
            return try answer(caller.call, of: receiver, transaction)
          } catch {
            receiver.countFailure(error)
            throw error
          }
        }
      }.get()
    } catch {
      // An exit in the middle of the reply has not seen this call.
      Self.fail(caller, hasExited ? .calleeExited(pid) : .noReply(pid))
      throw error
    }
  }

  private func answer(_ call: CallID, of receiver: ProcessCore, _ transaction: Transaction)
    throws(BinderError) -> Receipt
  {
    guard transaction.securityContext.isEmpty else {
      throw .invalidArgument(.securityContextInReply)
    }
    let layout = try TransactionLayout(transaction)
    var allocation = try receiver.reserve(layout, oneway: false, sender: pid)
    try allocation.fill(transaction)
    return try receiver.answer(
      call, allocation, code: transaction.code, flags: transaction.flags.subtracting(.oneway),
      from: self)
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
