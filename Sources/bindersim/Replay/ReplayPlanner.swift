/// Joins the lines of a capture into buffers with a beginning and an end.
///
/// `binder_transaction` says who and whom, the sender's next `binder_transaction_alloc_buf` how
/// large; the buffer exists from then on. A message that gets no buffer leaves no `alloc_buf`: where
/// BR_FAILED_REPLY follows, the driver refused it. Where the capture records no release of a buffer,
/// its end is inferred: a request's when its reply is sent, a reply's when it is received, a
/// oneway's when the thread that received it does the next thing, or when the next oneway to its
/// node is received (the driver delivers that only after the buffer before it was freed). Where
/// nearly all releases are recorded, none is inferred.
///
/// Memory is bounded by the live buffers and the threads, not by the length of the capture.
struct ReplayPlanner {
  /// What the last record leads to, in order.
  var steps: [ReplayStep] = []
  private(set) var used = 0
  var unused: [UnusedReason: LineTally] = [:]
  var frees: [FreeRule: Int] = [:]
  /// Messages that the driver refused, by its own answer.
  private(set) var refused = 0
  /// Transactions of other processes or contexts than those asked for.
  private(set) var leftOut = 0
  /// Sends of threads whose process the capture does not tell.
  var unknownSenders = 0
  /// Lines that show a thread in another process than before.
  var movedThreads = LineTally()
  var lastMove = 0
  /// A transaction whose id an older, still live buffer has.
  private(set) var reusedIDs = LineTally()
  /// A release of a buffer that had been freed by inference (only where no survey was possible).
  private(set) var lateReleases = 0
  /// Messages whose context nothing tells, by the process that they were sent to.
  private(set) var uncertainContexts: [Int32: Int] = [:]
  var names: [Int32: TaskName] = [:]

  let survey: CaptureSurvey
  private let onlyProcess: Int32?
  private let onlyContext: BinderContext?
  let belief: FreeBelief
  var threadIndex = NumberTable()
  var threads: [ThreadState] = []
  var idleThreads: [Int] = []
  var lastThread = (id: Int32.min, index: 0)
  var buffers: [BufferState] = []
  var freeSlots: [Int] = []
  var slotOf = NumberTable()
  /// The oneway buffer that a node's receiver holds.
  var lastOnNode = NumberTable()
  /// Which thread's pending transaction has this id.
  private var pendingOf = NumberTable()
  /// Which thread's pending reply this thread awaits.
  private var replyAwaitedBy = NumberTable()
  /// Unusable transactions already counted, so that their further lines are not counted again.
  private var counted: Set<UInt32> = []
  var orphans = 0

  private static let mostCounted = 1 << 16
  static let mostThreads = 1 << 17
  private static let mostCalls = 64
  private static let mostUncertain = 4096

  /// What Linux can number processes with.
  static let pids: ClosedRange<Int32> = 1...1 << 22

  init(
    survey: CaptureSurvey = CaptureSurvey(), onlyProcess: Int32? = nil,
    onlyContext: BinderContext? = nil, belief: FreeBelief = .inferred
  ) {
    self.belief = belief
    self.survey = survey
    self.onlyProcess = onlyProcess
    self.onlyContext = onlyContext
  }

  /// Buffers that nothing has freed.
  var liveCount: Int { slotOf.count + orphans }

  /// Takes one record in; `steps` then holds what it leads to.
  mutating func plan(_ record: CaptureRecord) {
    if !steps.isEmpty { steps.removeAll(keepingCapacity: true) }
    switch record.event {
    case .other, .console: return
    default: break
    }
    let thread = state(of: record)
    if !threads[thread].held.isEmpty && !record.event.isTailOfRead {
      goOn(thread, line: record.line)
    }
    switch record.event {
    case .transaction(let event): begin(event, record, thread)
    case .allocBuf(let event): allocate(event, record)
    case .received(let id): receive(id, record, thread)
    case .bufferRelease(let event): release(event.transaction, .recorded, record)
    case .failedBufferRelease(let event): release(event.transaction, .failed, record)
    case .updateBufferRelease(let event): release(event.transaction, .superseded, record)
    case .setPriority(let process, let other): learn(other, process, line: record.line)
    case .returned:
      if record.event.isFailedReply { answer(thread, .failed) }
      if record.event.isDeadReply { answer(thread, .dead) }
    default: break
    }
  }

  /// The capture has ended: `steps` holds what is left to do.
  mutating func finish() {
    steps.removeAll(keepingCapacity: true)
    for thread in threads.indices { dropPending(thread) }
  }

  // MARK: Transactions

  private mutating func begin(_ event: TransactionEvent, _ record: CaptureRecord, _ thread: Int) {
    dropPending(thread)
    if event.sender > 0, threads[thread].process == 0 {
      learn(record.thread, event.sender, line: record.line)
    }
    if event.thread > 0 { learn(event.thread, event.process, line: record.line) }
    let kind: PlannedBuffer.Kind =
      event.isReply ? .reply : event.isOneway ? .oneway : .request
    var request: UInt32?
    let told = survey.contexts.context(ofNode: event.node, in: event.process)
    var context = told.context
    if event.isReply {
      let call = takeCall(of: event.thread, answeredBy: threads[thread].process)
      request = call?.id
      context = call?.context ?? context
      if call == nil { noteUncertain(event.process) }
      if event.thread > 0 { replyAwaitedBy[event.thread] = thread }
    } else if kind == .request {
      if threads[thread].calls.count == Self.mostCalls { threads[thread].calls.removeFirst() }
      threads[thread].calls.append(Call(id: event.id, process: event.process, context: context))
    }
    if kind != .reply, !told.isCertain { noteUncertain(event.process) }
    threads[thread].pending = Pending(
      id: event.id, kind: kind, process: event.process, context: context, node: event.node,
      awaitedBy: event.isReply ? event.thread : 0, code: event.code, request: request,
      line: record.line, nanoseconds: record.nanoseconds)
    pendingOf[event.id] = thread
  }

  private mutating func allocate(_ event: BufferEvent, _ record: CaptureRecord) {
    guard let owner = pendingOf[event.transaction], let pending = threads[owner].pending else {
      return countUnknown(event.transaction, line: record.line)
    }
    forgetPending(owner)
    defer { endRequest(of: pending, line: record.line) }
    guard Self.pids.contains(pending.process) else { return count(.noDestination, pending) }
    guard
      event.offsetsSize % 4 != 0
        || event.offsetsSize
          <= ObjectPattern.largestOffsetsSize(dataSize: event.dataSize)
        || event.is32Bit
    else { return count(.offsetsDoNotFit, pending) }
    guard onlyProcess ?? pending.process == pending.process,
      onlyContext ?? pending.context == pending.context
    else {
      leftOut += 1
      remember(event.transaction)
      return
    }
    used += 1
    if let older = slotOf[event.transaction] {
      // It stays live for ever: nothing can name it any more.
      buffers[older].isNamed = false
      reusedIDs.add(line: record.line)
      orphans += 1
    }
    let slot = freeSlots.popLast() ?? buffers.count
    let planned = PlannedBuffer(
      slot: slot, transaction: event.transaction, kind: pending.kind,
      sender: senderProcess(owner), senderThread: threads[owner].id, destination: pending.process,
      context: pending.context, node: pending.node,
      request: pending.request.flatMap { slotOf[$0] }, awaitedBy: pending.awaitedBy,
      code: pending.code, dataSize: event.dataSize, offsetsSize: event.offsetsSize,
      extraSize: event.extraSize, alignment: survey.facts.has32BitOffsets ? 4 : 8,
      wasPlaced: !survey.failed.contains(event.transaction), line: record.line,
      nanoseconds: record.nanoseconds)
    let buffer = BufferState(
      planned: planned, isReleaseRecorded: survey.released.contains(event.transaction))
    if slot == buffers.count { buffers.append(buffer) } else { buffers[slot] = buffer }
    slotOf[event.transaction] = slot
    steps.append(.send(planned))
  }

  private mutating func noteUncertain(_ process: Int32) {
    guard uncertainContexts[process] != nil || uncertainContexts.count < Self.mostUncertain else {
      return
    }
    uncertainContexts[process, default: 0] += 1
  }

  // MARK: Messages without a buffer

  /// The driver told `thread` that what it sent, or the answer it waits for, failed.
  private mutating func answer(_ thread: Int, _ answer: PlannedRefusal.Answer) {
    if let pending = threads[thread].pending, pending.kind != .reply, !pending.wasReceived {
      if pending.kind == .request { threads[thread].calls.removeAll { $0.id == pending.id } }
      refuse(thread, answer)
    } else if let owner = replyAwaitedBy[threads[thread].id],
      let pending = threads[owner].pending, pending.awaitedBy == threads[thread].id,
      !pending.wasReceived
    {
      refuse(owner, answer)
    }
  }

  private mutating func refuse(_ owner: Int, _ answer: PlannedRefusal.Answer) {
    guard let pending = threads[owner].pending else { return }
    forgetPending(owner)
    endRequest(of: pending, line: pending.line)
    guard Self.pids.contains(pending.process) else { return count(.noDestination, pending) }
    remember(pending.id)
    guard onlyProcess ?? pending.process == pending.process,
      onlyContext ?? pending.context == pending.context
    else {
      leftOut += 1
      return
    }
    if answer == .unknown {
      unused[.noAllocBuf, default: LineTally()].add(line: pending.line)
    } else {
      refused += 1
    }
    steps.append(
      .refused(
        PlannedRefusal(
          answer: answer, transaction: pending.id, kind: pending.kind,
          sender: senderProcess(owner), senderThread: threads[owner].id,
          destination: pending.process, context: pending.context, node: pending.node,
          code: pending.code, line: pending.line, nanoseconds: pending.nanoseconds)))
  }

  /// A transaction that never got its sizes is over when its thread begins the next.
  private mutating func dropPending(_ thread: Int) {
    guard let pending = threads[thread].pending else { return }
    guard !pending.wasReceived else {
      forgetPending(thread)
      count(.noAllocBuf, pending)
      return endRequest(of: pending, line: pending.line)
    }
    refuse(thread, .unknown)
  }

  private mutating func forgetPending(_ thread: Int) {
    guard let pending = threads[thread].pending else { return }
    threads[thread].pending = nil
    if pendingOf[pending.id] == thread { pendingOf[pending.id] = nil }
    if pending.awaitedBy > 0, replyAwaitedBy[pending.awaitedBy] == thread {
      replyAwaitedBy[pending.awaitedBy] = nil
    }
  }

  /// Someone received a transaction whose sizes have not come (yet).
  mutating func notePending(_ id: UInt32) -> Bool {
    guard let owner = pendingOf[id] else { return false }
    threads[owner].pending?.wasReceived = true
    return true
  }

  /// The innermost call that `thread` waits for an answer to from this process.
  private mutating func takeCall(of thread: Int32, answeredBy process: Int32) -> Call? {
    guard let caller = threadIndex[thread] else { return nil }
    let calls = threads[caller].calls
    guard let last = calls.last else { return nil }
    if last.process == process {
      threads[caller].calls.removeLast()
      return last
    }
    // Where the answering process is not told, the innermost call is what it must be.
    guard let index = calls.lastIndex(where: { $0.process == process }) else {
      guard process == 0 else { return nil }
      threads[caller].calls.removeLast()
      return last
    }
    // The calls above it can have no answer any more.
    threads[caller].calls.removeSubrange(index...)
    return calls[index]
  }

  // MARK: Counting

  private mutating func count(_ reason: UnusedReason, _ pending: Pending) {
    unused[reason, default: LineTally()].add(line: pending.line)
    remember(pending.id)
  }

  mutating func countUnknown(_ id: UInt32, line: Int) {
    guard !counted.contains(id) else { return }
    unused[.noTransactionLine, default: LineTally()].add(line: line)
    remember(id)
  }

  mutating func countLateRelease(_ id: UInt32) -> Bool {
    guard !survey.isComplete, counted.contains(id) else { return false }
    lateReleases += 1
    return true
  }

  mutating func remember(_ id: UInt32) {
    if counted.count >= Self.mostCounted { counted.removeAll(keepingCapacity: true) }
    counted.insert(id)
  }
}
