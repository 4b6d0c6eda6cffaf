public import PageAlloc

extension Driver {
  /// Ends a thread, as `BINDER_THREAD_EXIT` does: calls that it works on get a dead reply.
  public mutating func exitThread(_ id: DriverProcessID, tid: Int32) throws(Errno) {
    let process = try find(id)
    if let thread = processes[process].threads[tid] { endThread(thread, freeing: true) }
  }

  /// - Parameter freeing: buffers that it has not read are freed; else the region goes anyway.
  mutating func endThread(_ thread: ThreadIndex, freeing: Bool) {
    removeWaiting(thread)
    let process = threads[thread].process
    processes[process].threads[threads[thread].tid] = nil
    let innermost = threads[thread].stack
    let answers = !innermost.isNone && transactions[innermost].to == thread
    leaveCalls(thread)
    // A call that has one of its own out ends with that (recording `callback-callee-dies`).
    if answers { failCall(innermost, BR.deadReply) }
    while let work = popFirst(.thread(thread)) { discard(work, freeing: freeing) }
    setReady(thread, false)
    threads.remove(thread)
  }

  /// Nobody works on its calls any more, and nobody waits for the answers.
  private mutating func leaveCalls(_ thread: ThreadIndex) {
    if !threads[thread].replying.isNone { stopWorking(on: threads[thread].replying) }
    var call = threads[thread].stack
    threads[thread].stack = .none
    while !call.isNone {
      if transactions[call].to == thread {
        stopWorking(on: call)
        call = transactions[call].toParent
      } else {
        precondition(transactions[call].from == thread)
        transactions[call].from = .none
        call = transactions[call].fromParent
      }
    }
  }

  private mutating func stopWorking(on call: TransactionIndex) {
    transactions[call].to = .none
    guard transactions[call].isOutstanding else { return }
    transactions[call].isOutstanding = false
    endOutstanding(transactions[call].receiver)
  }

  /// Ends work that will not be read.
  private mutating func discard(_ work: Work.Kind, freeing: Bool) {
    switch work {
    case .transaction(let transaction): discardUnread(transaction, freeing: freeing)
    case .death(let death):
      // One that was cleared has no reference any more that would end it.
      if deaths[death].stage == .cleared || deaths[death].stage == .deadAndCleared {
        endDeath(death)
      }
    case .freeze(let freeze):
      if freezes[freeze].isCleared { endFreeze(freeze) }
    case .node(let node): if freeing { nodes[node].hasLostNotice = true }
    case .completion, .returnError, .replyError: break
    }
  }

  /// Ends an open: its nodes die, its references and its unread transactions go.
  mutating func endProcess(_ process: ProcessIndex) {
    guard !processes[process].isDead else { return }
    effects.died.append(id(process))
    processes[process].isDead = true
    processes[process].isFrozen = false
    if !manager.isNone, nodes[manager].owner == process { manager = .none }
    for tid in processes[process].threads.keys.sorted() {
      if let thread = processes[process].threads[tid] { endThread(thread, freeing: false) }
    }
    for pointer in processes[process].nodes.keys.sorted() {
      if let node = processes[process].nodes[pointer] { killNode(node) }
    }
    for handle in processes[process].handles.all {
      if let reference = reference(process, handle) { endReference(reference) }
    }
    while let work = popFirst(.process(process)) { discard(work, freeing: false) }
    while let work = popFirst(.readDeaths(process)) { discard(work, freeing: false) }
    while let work = popFirst(.readFreezes(process)) { discard(work, freeing: false) }
    // What is live now goes with the region.
    if options.reportsBuffers {
      let last = processes[process].statistics
      note(.ended(last), 0, in: process)
    }
    effects.freezeProgress = true
    endProcessIfUnused(process)
  }

  /// Its owner is dead: whoever asked is told; references live on.
  private mutating func killNode(_ node: NodeIndex) {
    while let work = popFirst(.node(node)) { discard(work, freeing: false) }
    if !nodes[node].work.isNone { remove(nodes[node].work) }
    processes[nodes[node].owner].nodes[nodes[node].pointer] = nil
    nodes[node].owner = .none
    nodes[node].localStrong = 0
    nodes[node].localWeak = 0
    if nodes[node].firstReference.isNone, nodes[node].pins == 0 {
      nodes.remove(node)
    } else {
      notifyDeath(of: node)
    }
  }

  /// The region stays while others fill buffers in it.
  mutating func endProcessIfUnused(_ process: ProcessIndex) {
    guard processes[process].isDead, processes[process].fills == 0 else { return }
    precondition(processes[process].todo.isEmpty)
    processes.remove(process)
  }
}
