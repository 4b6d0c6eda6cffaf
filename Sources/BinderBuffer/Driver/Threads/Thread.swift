extension Driver {
  /// One thread of an open, from its first call to `BINDER_THREAD_EXIT` or the end of the open.
  struct Thread: BitwiseCopyable {
    let tid: Int32
    let process: ProcessIndex
    /// Its own work, which comes before that of its process.
    var todo = WorkList()
    /// `todo` holds more than what is deferred: a completion of a call wakes nobody.
    var hasReadyWork = false
    /// Its first ioctl never waits (recording `first-call-returns`).
    var returnsAtOnce = true
    var looper: Looper = []
    /// What it waits for, from the read that found nothing to the next.
    var waitsFor = Awaited.nothing
    /// Its place among the threads of the process that wait for work of the process.
    var isInWaitingList = false
    var previousWaiting = ThreadIndex.none
    var nextWaiting = ThreadIndex.none
    /// The innermost transaction that it works on or waits for.
    var stack = TransactionIndex.none
    /// `BR_OK`, or what ended its last transaction; writes do nothing until it is read.
    var returnError = BR.ok
    /// `BR_OK`, or how its call ended without a reply.
    var replyError = BR.ok
    var extendedError = ExtendedError()
    /// Completions on `todo`.
    var unread = 0
    /// The call whose answer it is making.
    var replying = TransactionIndex.none
  }

  enum Awaited: BitwiseCopyable { case nothing, ownWork, processWork }

  struct Looper: OptionSet, BitwiseCopyable {
    let rawValue: UInt8
    static var registered: Looper { Looper(rawValue: 1) }
    static var entered: Looper { Looper(rawValue: 2) }
    static var exited: Looper { Looper(rawValue: 4) }
    static var invalid: Looper { Looper(rawValue: 8) }

    var isLooper: Bool { !isDisjoint(with: [.registered, .entered]) }
  }

  /// `struct binder_extended_error`.
  struct ExtendedError: BitwiseCopyable {
    var id: UInt32 = 0
    var command = BR.ok
    var param: Int32 = 0
  }

  /// Puts work on a thread's own list, so that its read returns.
  mutating func give(_ kind: Work.Kind, to thread: ThreadIndex) {
    append(kind, to: .thread(thread))
    setReady(thread, true)
    wake(thread)
  }

  /// Puts work on a thread's own list that waits for other work to wake the thread.
  mutating func giveDeferred(_ kind: Work.Kind, to thread: ThreadIndex) {
    append(kind, to: .thread(thread))
  }

  /// Puts work on a process's list and wakes the thread that came last, if one waits.
  mutating func give(_ kind: Work.Kind, to process: ProcessIndex) {
    append(kind, to: .process(process))
    wakeOne(of: process)
  }

  mutating func setReady(_ thread: ThreadIndex, _ isReady: Bool) {
    guard threads[thread].hasReadyWork != isReady else { return }
    threads[thread].hasReadyWork = isReady
    processes[threads[thread].process].readyThreads += isReady ? 1 : -1
  }

  mutating func wake(_ thread: ThreadIndex) {
    let process = threads[thread].process
    if threads[thread].waitsFor != .nothing {
      effects.woken.append(
        WokenThread(process: id(process), thread: id(thread), tid: threads[thread].tid))
    }
    noteReadiness(process)
  }

  /// Wakes the waiting thread that came last, or tells those who poll.
  mutating func wakeOne(of process: ProcessIndex) {
    if let thread = takeWaiting(of: process) { wake(thread) } else { noteReadiness(process) }
  }

  mutating func noteReadiness(_ process: ProcessIndex) {
    let id = id(process)
    if effects.readiness.last != id { effects.readiness.append(id) }
  }

  // MARK: the threads of a process that wait for its work, the last first

  mutating func addWaiting(_ thread: ThreadIndex) {
    let process = threads[thread].process
    let first = processes[process].firstWaiting
    threads[thread].isInWaitingList = true
    threads[thread].previousWaiting = .none
    threads[thread].nextWaiting = first
    if !first.isNone { threads[first].previousWaiting = thread }
    processes[process].firstWaiting = thread
  }

  mutating func removeWaiting(_ thread: ThreadIndex) {
    guard threads[thread].isInWaitingList else { return }
    let entry = threads[thread]
    if entry.previousWaiting.isNone {
      processes[entry.process].firstWaiting = entry.nextWaiting
    } else {
      threads[entry.previousWaiting].nextWaiting = entry.nextWaiting
    }
    if !entry.nextWaiting.isNone {
      threads[entry.nextWaiting].previousWaiting = entry.previousWaiting
    }
    threads[thread].isInWaitingList = false
  }

  /// Takes the thread that came last out of the list: what comes next goes to another.
  mutating func takeWaiting(of process: ProcessIndex) -> ThreadIndex? {
    let first = processes[process].firstWaiting
    guard !first.isNone else { return nil }
    removeWaiting(first)
    return first
  }

  /// Only a thread with no transaction in hand and nothing of its own takes work of its process.
  func takesProcessWork(_ thread: ThreadIndex) -> Bool {
    threads[thread].stack.isNone && threads[thread].todo.isEmpty
  }
}
