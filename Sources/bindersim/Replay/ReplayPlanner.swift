/// Joins the lines of a capture into buffers with a beginning and an end.
///
/// `binder_transaction` says who and whom, the sender's next `binder_transaction_alloc_buf` how
/// large; the buffer exists from then on. Where the capture records no `buffer_release` for it, the
/// end is inferred: a request's when its reply is sent, a reply's when it is received, a oneway's
/// when the thread that received it does the next thing, or when the next oneway to its node is
/// received (the driver delivers that only after the buffer before it was freed).
///
/// Memory is bounded by the live buffers and the threads, not by the length of the capture.
struct ReplayPlanner {
  /// What the last record leads to, in order.
  private(set) var steps: [ReplayStep] = []
  private(set) var used = 0
  private(set) var unused: [UnusedReason: LineTally] = [:]
  private(set) var frees: [FreeRule: Int] = [:]
  /// Transactions of other processes than the one asked for.
  private(set) var leftOut = 0
  /// Sends of threads whose process the capture does not tell.
  private(set) var unknownSenders = 0
  /// Lines that show a thread in another process than before.
  private(set) var movedThreads = LineTally()
  private var lastMove = 0
  /// A transaction whose id an older, still live buffer has.
  private(set) var reusedIDs = LineTally()
  /// A release of a buffer that had been freed by inference (only where no survey was possible).
  private(set) var lateReleases = 0
  private(set) var names: [Int32: TaskName] = [:]

  private let survey: CaptureSurvey
  private let onlyProcess: Int32?
  private var threadIndex = NumberTable()
  /// Whether a buffer without a recorded release is freed where other events imply it.
  private let infersFrees: Bool
  private var threads: [ThreadState] = []
  private var idleThreads: [Int] = []
  private var lastThread = (id: Int32.min, index: 0)
  private var buffers: [BufferState] = []
  private var freeSlots: [Int] = []
  private var slotOf = NumberTable()
  /// The oneway buffer that a node's receiver holds, where its free is to be inferred.
  private var lastOnNode = NumberTable()
  /// Which thread's pending transaction has this id.
  private var pendingOf = NumberTable()
  /// Unusable transactions already counted, so that their further lines are not counted again.
  private var counted: Set<UInt32> = []

  private static let mostCounted = 1 << 16
  private static let mostThreads = 1 << 17
  private static let mostCalls = 64

  /// What Linux can number processes with.
  static let pids: ClosedRange<Int32> = 1...1 << 22

  init(
    survey: CaptureSurvey = CaptureSurvey(), onlyProcess: Int32? = nil, infersFrees: Bool = true
  ) {
    self.infersFrees = infersFrees
    self.survey = survey
    self.onlyProcess = onlyProcess
  }

  /// Buffers that nothing has freed.
  var liveCount: Int { slotOf.count + orphans }
  private var orphans = 0

  /// Takes one record in; `steps` then holds what it leads to.
  mutating func plan(_ record: CaptureRecord) {
    if !steps.isEmpty { steps.removeAll(keepingCapacity: true) }
    switch record.event {
    case .other, .console: return
    default: break
    }
    let thread = state(of: record)
    if !threads[thread].held.isEmpty && !record.event.isTailOfRead { freeHeld(thread) }
    switch record.event {
    case .transaction(let event): begin(event, record, thread)
    case .allocBuf(let event): allocate(event, record, thread)
    case .received(let id): receive(id, record, thread)
    case .bufferRelease(let event): release(event.transaction, .recorded, record)
    case .failedBufferRelease(let event): release(event.transaction, .failed, record)
    case .updateBufferRelease(let event): release(event.transaction, .superseded, record)
    case .setPriority(let process, let other): learn(other, process, line: record.line)
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
    if event.thread > 0 { learn(event.thread, event.process, line: record.line) }
    let kind: PlannedBuffer.Kind =
      event.isReply ? .reply : event.isOneway ? .oneway : .request
    var request: UInt32?
    if event.isReply {
      request = takeCall(of: event.thread, answeredBy: threads[thread].process)
    } else if kind == .request {
      if threads[thread].calls.count == Self.mostCalls { threads[thread].calls.removeFirst() }
      threads[thread].calls.append(Call(id: event.id, process: event.process))
    }
    threads[thread].pending = Pending(
      id: event.id, kind: kind, process: event.process, node: event.node, code: event.code,
      request: request,
      line: record.line)
    pendingOf[event.id] = thread
  }

  private mutating func allocate(_ event: BufferEvent, _ record: CaptureRecord, _ thread: Int) {
    guard let owner = pendingOf[event.transaction], let pending = threads[owner].pending else {
      return countUnknown(event.transaction, line: record.line)
    }
    threads[owner].pending = nil
    pendingOf[event.transaction] = nil
    defer { freeRequest(of: pending) }
    guard Self.pids.contains(pending.process) else { return count(.noDestination, pending) }
    guard
      event.offsetsSize % 8 != 0
        || event.offsetsSize <= ObjectPattern.largestOffsetsSize(dataSize: event.dataSize)
    else { return count(.offsetsDoNotFit, pending) }
    if let onlyProcess, pending.process != onlyProcess {
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
    let buffer = BufferState(
      id: event.transaction, kind: pending.kind, process: pending.process, node: pending.node,
      isReleaseRecorded: !infersFrees || survey.released.contains(event.transaction))
    if slot == buffers.count { buffers.append(buffer) } else { buffers[slot] = buffer }
    slotOf[event.transaction] = slot
    steps.append(
      .send(
        PlannedBuffer(
          slot: slot, transaction: event.transaction, kind: pending.kind,
          sender: senderProcess(owner), destination: pending.process,
          request: pending.request.flatMap { slotOf[$0] }, code: pending.code,
          dataSize: event.dataSize, offsetsSize: event.offsetsSize, extraSize: event.extraSize,
          line: record.line, nanoseconds: record.nanoseconds)))
  }

  private mutating func receive(_ id: UInt32, _ record: CaptureRecord, _ thread: Int) {
    guard let slot = slotOf[id] else {
      // One without sizes is counted when its sender goes on.
      if pendingOf[id] == nil { countUnknown(id, line: record.line) }
      return
    }
    // Only a thread of the destination can receive it.
    learn(record.thread, buffers[slot].process, line: record.line)
    guard !buffers[slot].isReleaseRecorded, buffers[slot].holder == nil else { return }
    switch buffers[slot].kind {
    case .request: break
    case .reply: free(slot, .replyReceived)
    case .oneway:
      let target = buffers[slot].target
      if let before = lastOnNode[target] { free(before, .onewayNextOnNode) }
      lastOnNode[target] = slot
      buffers[slot].holder = thread
      threads[thread].held.append(slot)
    }
  }

  private mutating func release(_ id: UInt32, _ rule: FreeRule, _ record: CaptureRecord) {
    if let slot = slotOf[id] {
      free(slot, rule)
    } else if !survey.isComplete, counted.contains(id) {
      lateReleases += 1
    } else if pendingOf[id] == nil {
      countUnknown(id, line: record.line)
    }
  }

  /// A transaction that never got its sizes is over when its thread begins the next.
  private mutating func dropPending(_ thread: Int) {
    guard let pending = threads[thread].pending else { return }
    threads[thread].pending = nil
    pendingOf[pending.id] = nil
    count(.noAllocBuf, pending)
    freeRequest(of: pending)
  }

  /// The innermost call that `thread` waits for an answer to from this process.
  private mutating func takeCall(of thread: Int32, answeredBy process: Int32) -> UInt32? {
    guard let caller = threadIndex[thread] else { return nil }
    let calls = threads[caller].calls
    guard let last = calls.last else { return nil }
    if last.process == process {
      threads[caller].calls.removeLast()
      return last.id
    }
    // Where the answering process is not told, the innermost call is what it must be.
    guard let index = calls.lastIndex(where: { $0.process == process }) else {
      guard process == 0 else { return nil }
      threads[caller].calls.removeLast()
      return last.id
    }
    // The calls above it can have no answer any more.
    threads[caller].calls.removeSubrange(index...)
    return calls[index].id
  }

  // MARK: Frees

  private mutating func freeRequest(of reply: Pending) {
    guard let id = reply.request, let slot = slotOf[id] else { return }
    if !buffers[slot].isReleaseRecorded { free(slot, .replySent) }
  }

  private mutating func freeHeld(_ thread: Int) {
    let held = threads[thread].held
    threads[thread].held.removeAll(keepingCapacity: true)
    for slot in held { free(slot, .onewayNextAction) }
  }

  private mutating func free(_ slot: Int, _ rule: FreeRule) {
    let buffer = buffers[slot]
    if let holder = buffer.holder {
      threads[holder].held.removeAll { $0 == slot }
      lastOnNode[buffer.target] = nil
    }
    if buffer.isNamed {
      slotOf[buffer.id] = nil
      // Where releases could not be looked up beforehand, one may still come.
      if ![.recorded, .failed, .superseded].contains(rule) && !survey.isComplete {
        remember(buffer.id)
      }
    } else {
      orphans -= 1
    }
    freeSlots.append(slot)
    frees[rule, default: 0] += 1
    steps.append(.free(slot: slot, rule: rule))
  }

  // MARK: Counting

  private mutating func count(_ reason: UnusedReason, _ pending: Pending) {
    unused[reason, default: LineTally()].add(line: pending.line)
    remember(pending.id)
  }

  private mutating func countUnknown(_ id: UInt32, line: Int) {
    guard !counted.contains(id) else { return }
    unused[.noTransactionLine, default: LineTally()].add(line: line)
    remember(id)
  }

  private mutating func remember(_ id: UInt32) {
    if counted.count >= Self.mostCounted { counted.removeAll(keepingCapacity: true) }
    counted.insert(id)
  }

  // MARK: Threads

  private mutating func state(of record: CaptureRecord) -> Int {
    let index: Int
    if lastThread.id == record.thread {
      index = lastThread.index
    } else {
      index = self.index(of: record.thread)
      lastThread = (record.thread, index)
    }
    if case .known(let process) = record.process, threads[index].process != process {
      move(index, to: process, line: record.line)
    }
    if !threads[index].isNamed, !record.task.isUnknown {
      threads[index].isNamed = true
      let process = threads[index].process
      if process > 0, names[process] == nil || process == record.thread {
        names[process] = record.task
      }
    }
    return index
  }

  private mutating func index(of thread: Int32) -> Int {
    if let index = threadIndex[thread] { return index }
    if threads.count >= Self.mostThreads && idleThreads.isEmpty { findIdleThreads() }
    let state = ThreadState(id: thread, process: survey.processOfThread[thread] ?? 0)
    let index = idleThreads.popLast() ?? threads.count
    if index == threads.count { threads.append(state) } else { threads[index] = state }
    threadIndex[thread] = index
    return index
  }

  /// Forgets the threads that nothing depends on, so that a capture that names millions of threads
  /// does not fill the memory.
  private mutating func findIdleThreads() {
    for (index, thread) in threads.enumerated()
    where thread.pending == nil && thread.calls.isEmpty && thread.held.isEmpty {
      threadIndex[thread.id] = nil
      idleThreads.append(index)
    }
    lastThread = (.min, 0)
  }

  private mutating func learn(_ thread: Int32, _ process: Int32, line: Int) {
    guard thread > 0, process > 0 else { return }
    let index = self.index(of: thread)
    if threads[index].process != process { move(index, to: process, line: line) }
  }

  private mutating func move(_ index: Int, to process: Int32, line: Int) {
    if threads[index].process != 0 {
      // A line may tell of a thread twice: who did it, and whose buffer it was.
      if line != lastMove { movedThreads.add(line: line) }
      lastMove = line
      threads[index].isNamed = false
    }
    threads[index].process = process
  }

  /// Where nothing tells the process, the thread's number stands for it.
  private mutating func senderProcess(_ thread: Int) -> Int32 {
    if threads[thread].process > 0 { return threads[thread].process }
    unknownSenders += 1
    return threads[thread].id
  }

  private struct ThreadState {
    var id: Int32
    /// Zero while unknown.
    var process: Int32
    var isNamed = false
    var pending: Pending?
    /// Requests sent and not answered, innermost last.
    var calls: [Call] = []
    /// Oneway buffers received, to be freed when the thread does the next thing.
    var held: [Int] = []

    init(id: Int32, process: Int32) {
      self.id = id
      self.process = process
    }
  }

  private struct Call {
    var id: UInt32
    var process: Int32
  }

  /// A transaction whose sizes are yet to come.
  private struct Pending {
    var id: UInt32
    var kind: PlannedBuffer.Kind
    var process: Int32
    var node: Int32
    var code: UInt32
    /// For a reply: the id of the request.
    var request: UInt32?
    var line: Int
  }

  private struct BufferState {
    var id: UInt32
    var kind: PlannedBuffer.Kind
    var process: Int32
    var node: Int32
    var isReleaseRecorded: Bool
    /// What it was sent to: the process and its node.
    var target: UInt64 {
      UInt64(UInt32(bitPattern: process)) << 32 | UInt64(UInt32(bitPattern: node))
    }
    /// The thread in whose `held` it is.
    var holder: Int?
    /// False when a younger buffer took over its id.
    var isNamed = true
  }
}
