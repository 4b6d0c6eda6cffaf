internal import PageAlloc

extension Driver {
  /// Why a transaction failed: what the sender reads, and the error number beside it.
  struct TransactionFailure: Error {
    let reply: UInt32
    /// 0: none.
    let errno: Int32

    static func failed(_ errno: Errno) -> Self {
      Self(reply: BR.failedReply, errno: errno.rawValue)
    }
    static func dead(_ errno: Errno?) -> Self {
      Self(reply: BR.deadReply, errno: errno?.rawValue ?? 0)
    }
    static var frozen: Self { Self(reply: BR.frozenReply, errno: 0) }
  }

  /// Whom a transaction is for.
  private struct Destination {
    let receiver: ProcessIndex
    /// Strongly held and pinned.
    var node = NodeIndex.none
    var inReplyTo = TransactionIndex.none
    let acceptsFiles: Bool
    var wantsContext = false
  }

  /// The first step of `BC_TRANSACTION` and `BC_REPLY`: finds the receiver and reserves a buffer.
  ///
  /// A failure is answered at once: there is nothing to fill then.
  mutating func begin(_ command: TransactionCommand, by thread: ThreadIndex) -> WriteStep {
    let id = nextID()
    threads[thread].extendedError = ExtendedError(id: id, command: BR.ok, param: 0)
    let destination: Destination
    do throws(TransactionFailure) {
      destination =
        try command.isReply ? replyDestination(thread) : callDestination(command, thread)
    } catch {
      failOwn(error, id, thread)
      return .done
    }
    do throws(TransactionFailure) {
      return .transaction(try reserve(command, id, destination, thread))
    } catch {
      if !destination.node.isNone { release(target: destination.node) }
      fail(error, inReplyTo: destination.inReplyTo, id, thread)
      return .done
    }
  }

  /// Gives up what a transaction holds of its target while it is made.
  mutating func release(target: NodeIndex) {
    dropStrong(target, isReference: false)
    unpin(target)
  }

  private mutating func callDestination(
    _ command: TransactionCommand, _ thread: ThreadIndex
  ) throws(TransactionFailure) -> Destination {
    let process = threads[thread].process
    let node = try targetNode(command.handle, of: process)
    let receiver = nodes[node].owner
    guard !receiver.isNone else { throw .dead(.invalidArgument) }
    if command.handle == 0, processes[receiver].pid == processes[process].pid {
      throw .failed(.invalidArgument)
    }
    guard receiver != process else { throw .failed(.invalidArgument) }
    if !command.isOneway { try checkMayCall(thread) }
    nodes[node].localStrong += 1
    nodes[node].pins += 1
    return Destination(
      receiver: receiver, node: node, acceptsFiles: nodes[node].acceptsFiles,
      wantsContext: nodes[node].wantsSecurityContext)
  }

  private func targetNode(_ handle: UInt32, of process: ProcessIndex) throws(TransactionFailure)
    -> NodeIndex
  {
    if handle == 0 {
      guard !manager.isNone else { throw .dead(.invalidArgument) }
      return manager
    }
    guard let reference = reference(process, handle, strong: true) else {
      throw .failed(.invalidArgument)
    }
    return references[reference].node
  }

  /// A thread with a call of its own out may not call, nor one that was given a call and has not
  /// read it.
  private func checkMayCall(_ thread: ThreadIndex) throws(TransactionFailure) {
    let first = threads[thread].todo.first
    if !first.isNone, case .transaction = works[first].kind { throw .failed(.protocolError) }
    let stack = threads[thread].stack
    if !stack.isNone, transactions[stack].to != thread { throw .failed(.protocolError) }
  }

  private mutating func replyDestination(_ thread: ThreadIndex) throws(TransactionFailure)
    -> Destination
  {
    let call = threads[thread].stack
    guard !call.isNone, transactions[call].to == thread else { throw .failed(.protocolError) }
    threads[thread].stack = transactions[call].toParent
    let caller = transactions[call].from
    guard !caller.isNone else {
      return Destination(receiver: .none, inReplyTo: call, acceptsFiles: false)
    }
    return Destination(
      receiver: threads[caller].process, inReplyTo: call,
      acceptsFiles: transactions[call].flags & WireFlag.acceptsFiles != 0)
  }

  private mutating func reserve(
    _ command: TransactionCommand, _ id: UInt32, _ destination: Destination, _ thread: ThreadIndex
  ) throws(TransactionFailure) -> PendingTransaction {
    let receiver = destination.receiver
    let sender = threads[thread].process
    guard !receiver.isNone else { throw .dead(nil) }
    guard threads[thread].unread < options.limits.unreadCompletions else {
      throw .failed(.noMemory)
    }
    var context: [UInt8]?
    if destination.wantsContext {
      context = processes[sender].securityContext
      guard let context, !context.isEmpty else { throw .failed(.invalidArgument) }
    }
    guard processes[receiver].isMapped else { throw .dead(.noSuchProcess) }
    let layout: MessageLayout
    do throws(Errno) {
      layout = try MessageLayout(command, contextSize: context?.count ?? 0)
    } catch {
      throw .failed(error)
    }
    let pid = processes[sender].pid
    let reservation: Reservation
    do throws(BufferError) {
      reservation = try reserveBuffer(
        receiver, layout.request, oneway: command.isOneway, sender: pid, id: id)
    } catch {
      if options.reportsBuffers {
        let message = describe(
          command, layout, by: thread, node: destination.node, inReplyTo: destination.inReplyTo)
        let cause = BinderError(error, pid: processes[receiver].pid)
        note(.refused(message, cause), id, in: receiver)
      }
      throw .failed(error.errno)
    }
    note(.reserved, id, in: receiver)
    let view = processes[receiver].space.value.window(
      at: reservation.offset, size: reservation.size)
    if let context {
      for (i, byte) in context.enumerated() { view.set(byte, at: layout.contextStart + i) }
    }
    processes[receiver].fills += 1
    threads[thread].replying = destination.inReplyTo
    return PendingTransaction(
      command: command, sender: self.id(thread), receiver: receiver, target: destination.node,
      inReplyTo: destination.inReplyTo, id: id, reservation: reservation, layout: layout,
      view: view, address: processes[receiver].regionAddress &+ UInt64(reservation.offset),
      acceptsFiles: destination.acceptsFiles, senderPID: pid)
  }

  /// Reserves; when the budget has no frame left, idle pages of any process are taken back first.
  private mutating func reserveBuffer(
    _ receiver: ProcessIndex, _ size: Int, oneway: Bool, sender: Int32, id: UInt32
  ) throws(BufferError) -> Reservation {
    while true {
      do throws(BufferError) {
        return try processes[receiver].space.value.reserve(
          size, oneway: oneway, sender: sender, debugID: id)
      } catch {
        if case .noMemory = error, reclaim(upTo: Region.longest / Page.size) > 0 { continue }
        throw error
      }
    }
  }

  /// Takes idle pages back, of the process first whose pages have been idle longest.
  ///
  /// - Returns: how many went.
  public mutating func reclaim(upTo limit: Int) -> Int {
    var gone = 0
    var order: [(UInt64, ProcessIndex)] = []
    processes.forEachIndex {
      if let idle = oldestIdle(of: $0) { order.append((idle, $0)) }
    }
    for (_, process) in order.sorted(by: { $0.0 < $1.0 }) where gone < limit {
      gone += processes[process].space.value.reclaim(upTo: limit - gone)
    }
    return gone
  }

  private func oldestIdle(of process: ProcessIndex) -> UInt64? {
    let oldest = processes[process].oldestIdle
    return oldest == .max ? nil : oldest
  }
}
