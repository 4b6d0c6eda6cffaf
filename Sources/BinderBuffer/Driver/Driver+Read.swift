internal import PageAlloc

extension Driver {
  /// Reads what there is for a thread.
  ///
  /// - Parameters:
  ///   - buffer: memory of yours, at least 256 bytes; a read never fills more.
  ///   - size: `read_size`, the program's room.
  ///   - consumed: `read_consumed`: what the program has already, any number. `buffer` gets what
  ///     comes behind it.
  ///   - nonblocking: the file is `O_NONBLOCK`.
  /// - Complexity: O(returns read).
  public mutating func read(
    _ id: DriverThreadID, into buffer: UnsafeMutableRawBufferPointer, size: UInt64,
    consumed: UInt64 = 0, nonblocking: Bool = false
  ) -> ReadStep {
    guard let thread = find(id) else { return .gone }
    let waited = threads[thread].waitsFor
    removeWaiting(thread)
    threads[thread].waitsFor = .nothing
    var writer = unsafe ReturnWriter(buffer, size: size, consumed: consumed)
    if consumed == 0 { writer.put(BR.noop) }
    // Decided before it waits: work of the process that comes later counts, though the thread may
    // have got some of its own meanwhile.
    var takesProcessWork =
      waited == .nothing ? takesProcessWork(thread) : waited == .processWork
    while true {
      guard hasWork(thread, takesProcessWork: takesProcessWork) else {
        if nonblocking { return .wouldBlock }
        wait(thread, takesProcessWork)
        return .wait
      }
      if let result = take(thread, takesProcessWork, &writer) { return .ready(result) }
      takesProcessWork = self.takesProcessWork(thread)
    }
  }

  /// Gives up a wait, because of a signal: a read that returned `wait` is not called again.
  public mutating func cancelWait(_ id: DriverThreadID) {
    guard let thread = find(id) else { return }
    removeWaiting(thread)
    threads[thread].waitsFor = .nothing
  }

  private mutating func wait(_ thread: ThreadIndex, _ takesProcessWork: Bool) {
    threads[thread].waitsFor = takesProcessWork ? .processWork : .ownWork
    if takesProcessWork { addWaiting(thread) }
  }

  func hasWork(_ thread: ThreadIndex, takesProcessWork: Bool) -> Bool {
    threads[thread].hasReadyWork || threads[thread].returnsAtOnce
      || (takesProcessWork && !processes[threads[thread].process].todo.isEmpty)
  }

  /// Takes work until one thing that ends a read, or no more fits.
  ///
  /// - Returns: nil when there was only work that turned out to be nothing to tell.
  private mutating func take(
    _ thread: ThreadIndex, _ takesProcessWork: Bool, _ writer: inout ReturnWriter
  ) -> ReadResult? {
    let process = threads[thread].process
    var transaction: ReadResult?
    while true {
      let list: ListName
      if !threads[thread].todo.isEmpty {
        list = .thread(thread)
      } else if takesProcessWork, !processes[process].todo.isEmpty {
        list = .process(process)
      } else {
        if writer.end == 4, !threads[thread].returnsAtOnce { return nil }
        break
      }
      guard writer.hasRoom, let work = popFirst(list) else { break }
      if threads[thread].todo.isEmpty { setReady(thread, false) }
      if case .transaction(let received) = work {
        transaction = receive(received, thread, &writer)
        break
      }
      if tell(work, thread, &writer) { break }
    }
    var result = transaction ?? ReadResult(byteCount: 0)
    result.byteCount = writer.position
    askForThread(thread, writer)
    threads[thread].returnsAtOnce = false
    if !processes[process].todo.isEmpty { wakeOne(of: process) }
    return result
  }

  /// The leading no-op becomes `BR_SPAWN_LOOPER` when no thread is left to wait.
  private mutating func askForThread(_ thread: ThreadIndex, _ writer: borrowing ReturnWriter) {
    let process = threads[thread].process
    guard
      processes[process].requestedThreads == 0, processes[process].firstWaiting.isNone,
      processes[process].startedThreads < processes[process].maxThreads,
      threads[thread].looper.isLooper, writer.startsBuffer
    else { return }
    processes[process].requestedThreads += 1
    writer.setFirst(BR.spawnLooper)
  }

  /// Writes what work other than a transaction tells.
  ///
  /// - Returns: whether the read ends with it.
  private mutating func tell(
    _ work: Work.Kind, _ thread: ThreadIndex, _ writer: inout ReturnWriter
  ) -> Bool {
    switch work {
    case .transaction: preconditionFailure("`receive` takes them")
    case .completion(let code):
      threads[thread].unread -= 1
      let detects = processes[threads[thread].process].detectsSpam
      writer.put(code == BR.onewaySpam && !detects ? BR.complete : code)
    case .returnError:
      writer.put(threads[thread].returnError)
      threads[thread].returnError = BR.ok
    case .replyError:
      writer.put(threads[thread].replyError)
      threads[thread].replyError = BR.ok
    case .node(let node): tell(node, &writer)
    case .death(let death): return tell(death, &writer)
    case .freeze(let freeze): return tell(freeze, &writer)
    }
    return false
  }

  /// Tells the owner what has changed since it was told last, if anything.
  private mutating func tell(_ node: NodeIndex, _ writer: inout ReturnWriter) {
    nodes[node].hasLostNotice = false
    let entry = nodes[node]
    let isStrong = entry.isStrong
    let isWeak = entry.isWeak || isStrong
    func put(_ code: UInt32) {
      writer.put(code)
      writer.put(entry.pointer)
      writer.put(entry.cookie)
    }
    if isWeak, !entry.toldWeak {
      // Held until the owner confirms.
      nodes[node].toldWeak = true
      nodes[node].awaitsWeakDone = true
      nodes[node].localWeak += 1
      put(BR.increfs)
    }
    if isStrong, !entry.toldStrong {
      nodes[node].toldStrong = true
      nodes[node].awaitsStrongDone = true
      nodes[node].localStrong += 1
      put(BR.acquire)
    }
    if !isStrong, entry.toldStrong {
      nodes[node].toldStrong = false
      put(BR.release)
    }
    if !isWeak, entry.toldWeak {
      nodes[node].toldWeak = false
      put(BR.decrefs)
    }
    if !isWeak, !isStrong { endNode(node) }
  }

  private mutating func tell(_ death: DeathIndex, _ writer: inout ReturnWriter) -> Bool {
    let entry = deaths[death]
    if entry.stage == .cleared {
      writer.put(BR.clearDeathDone)
      writer.put(entry.cookie)
      endDeath(death)
      return false
    }
    writer.put(BR.deadBinder)
    writer.put(entry.cookie)
    append(.death(death), to: .readDeaths(entry.process))
    return true
  }

  private mutating func tell(_ freeze: FreezeIndex, _ writer: inout ReturnWriter) -> Bool {
    let entry = freezes[freeze]
    if entry.isCleared {
      writer.put(BR.clearFreezeDone)
      writer.put(entry.cookie)
      endFreeze(freeze)
      return false
    }
    writer.put(BR.frozenBinder)
    writer.put(entry.cookie)
    writer.put(UInt32(entry.isFrozen ? 1 : 0))
    writer.put(UInt32(0))
    freezes[freeze].isRead = true
    append(.freeze(freeze), to: .readFreezes(entry.process))
    return true
  }
}
