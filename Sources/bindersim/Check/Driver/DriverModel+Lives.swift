internal import BinderBuffer
internal import CLinuxShims
internal import PageAlloc

/// Threads, opens, the context manager and freezing: how they begin and end.
extension DriverModel {
  // MARK: ends

  /// - Parameter freeing: buffers that it has not read are freed; else the region goes anyway.
  func endThread(_ thread: Thread, freeing: Bool) {
    thread.process.waiting.removeAll { $0 === thread }
    thread.process.threads[thread.tid] = nil
    let innermost = thread.stack.last
    let answers = innermost?.to === thread
    if let call = thread.replying { stopWorking(on: call) }
    for call in thread.stack.reversed() {
      if call.to === thread { stopWorking(on: call) } else { call.from = nil }
    }
    thread.stack = []
    // A call that has one of its own out ends with that.
    if answers, let innermost { failCall(innermost, bb_br_dead_reply.rawValue) }
    while !thread.todo.isEmpty { discard(thread.todo.removeFirst(), freeing: freeing) }
  }

  private func stopWorking(on call: Transaction) {
    call.to = nil
    call.isOutstanding = false
  }

  private func discard(_ work: Work, freeing: Bool) {
    switch work {
    case .transaction(let transaction): discard(transaction, freeing: freeing)
    case .death(let death):
      if death.stage == .cleared || death.stage == .deadAndCleared { end(death) }
    case .freeze(let freeze): if freeze.isCleared { end(freeze) }
    case .node, .completion, .returnError, .replyError: break
    }
  }

  private func discard(_ transaction: Transaction, freeing: Bool) {
    if transaction.isReply || transaction.isOneway {
      end(transaction)
    } else {
      failCall(transaction, bb_br_dead_reply.rawValue)
    }
    if freeing { free(transaction.buffer, of: transaction.receiver) }
  }

  func endProcess(_ process: Process) {
    effects.died.append(process)
    process.isAlive = false
    process.isFrozen = false
    if let manager, manager.owner === process { self.manager = nil }
    for thread in process.threads.values.sorted(by: { $0.tid < $1.tid }) {
      endThread(thread, freeing: false)
    }
    for node in process.nodes.values.sorted(by: { $0.pointer < $1.pointer }) { kill(node) }
    for handle in process.references.keys.sorted() {
      if let reference = process.references[handle] { end(reference) }
    }
    while !process.todo.isEmpty { discard(process.todo.removeFirst(), freeing: false) }
    while !process.readDeaths.isEmpty {
      discard(.death(process.readDeaths.removeFirst()), freeing: false)
    }
    while !process.readFreezes.isEmpty {
      discard(.freeze(process.readFreezes.removeFirst()), freeing: false)
    }
    process.buffers = []
    forgetDead(process)
  }

  /// Whoever asked is told; references live on.
  private func kill(_ node: Node) {
    while !node.waiting.isEmpty { discard(node.waiting.removeFirst(), freeing: false) }
    removeWork { $0.isNode(node) }
    node.owner?.nodes[node.pointer] = nil
    node.owner = nil
    guard !node.references.isEmpty || node.pins > 0 else {
      nodes.removeAll { $0 === node }
      return
    }
    for reference in node.references {
      guard let death = reference.death, !isQueued(death) else { continue }
      death.stage = .dead
      give(.death(death), to: reference.process)
    }
  }

  func forgetDead(_ process: Process) {
    guard !process.isAlive, !pending.contains(where: { $0.receiver === process }) else { return }
    processes.removeAll { $0 === process }
  }

  func close(_ process: Process) {
    process.descriptors -= 1
    for thread in process.threads.values.sorted(by: { $0.tid < $1.tid }) {
      thread.returnsAtOnce = true
      wake(thread)
    }
    endIfUnused(process)
  }

  func unmap(_ process: Process) {
    process.isMapped = false
    endIfUnused(process)
  }

  private func endIfUnused(_ process: Process) {
    if process.descriptors == 0, !process.isMapped { endProcess(process) }
  }

  // MARK: context manager

  func becomeManager(
    _ process: Process, pointer: UInt64, cookie: UInt64, flags: UInt32
  ) throws(Errno) {
    guard manager == nil else { throw .resourceBusy }
    let node = try node(of: process, pointer: pointer, cookie: cookie, flags: flags)
    node.isManagers = true
    (node.toldStrong, node.toldWeak) = (true, true)
    manager = node
  }

  // MARK: freezing

  /// - Throws: `EAGAIN` when a call from or to the process is pending.
  func freeze(_ process: Process, _ freezes: Bool) throws(Errno) {
    process.gotCall = false
    process.gotOneway = false
    process.isFrozen = freezes
    if freezes, isBusy(process) {
      process.isFrozen = false
      throw .resourceTemporarilyUnavailable
    }
    for node in process.nodes.values.sorted(by: { $0.pointer < $1.pointer }) {
      for reference in node.references {
        guard let freeze = reference.freeze else { continue }
        freeze.isFrozen = freezes
        noteChange(freeze)
      }
    }
  }

  func isBusy(_ process: Process) -> Bool {
    transactions.contains { $0.receiver === process && $0.isOutstanding }
      || process.threads.values.contains { !$0.stack.isEmpty }
  }

  // MARK: what can be seen from outside

  func isReady(_ process: Process, tid: Int32) -> Bool {
    guard let thread = process.threads[tid] else { return true }
    return thread.isReady || thread.returnsAtOnce
      || (thread.takesProcessWork && !process.todo.isEmpty)
  }

  var census: DriverCensus {
    var census = DriverCensus()
    census.processes = processes.count
    census.threads = processes.reduce(0) { $0 + $1.threads.count }
    census.nodes = nodes.count
    census.references = processes.reduce(0) { $0 + $1.references.count }
    census.transactions = transactions.count
    census.deathNotices = deaths.count
    census.freezeNotices = freezes.count
    census.fileTransactions = transactions.count { !$0.tokens.isEmpty }
    census.works = nodes.reduce(0) { $0 + $1.waiting.count }
    for process in processes {
      census.works += process.todo.count + process.readDeaths.count + process.readFreezes.count
      census.works += process.threads.values.reduce(0) { $0 + $1.todo.count }
    }
    return census
  }
}
