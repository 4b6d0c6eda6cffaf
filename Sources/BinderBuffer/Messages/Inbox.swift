internal import PageAlloc

/// What comes in to one process: its buffers, the order in which they are received, and the calls
/// whose replies it awaits.
///
/// A pure state machine over a `BufferSpace`: it takes no lock, waits for nothing and calls nobody.
/// A method that changes something for others returns whom to wake or whom to fail. `self` is
/// always the receiver: of transactions, and of replies to calls that it made.
struct Inbox: ~Copyable {
  let pid: Int32
  /// A process without a region can send oneway transactions but receive nothing.
  var space = OptionalBox<BufferSpace<MessageRecord>>()
  /// Transactions for whoever receives next.
  private(set) var todo = MessageQueue()
  var nodes: [NodeState] = []
  private(set) var calls = CallTable()
  private(set) var isDead = false
  /// Buffers that somebody outside holds: who fills them, or to whom they were delivered.
  var heldBuffers = 0
  private(set) var counters = MessageCounters()

  init(pid: Int32) { self.pid = pid }

  /// Whether anybody outside holds a buffer or an end of a call.
  var isHeld: Bool { heldBuffers + calls.count > 0 }
  var nodeCount: Int { nodes.count }

  // MARK: region and nodes

  /// - Throws: `dead` after `die`, `busy` with a region.
  func checkMappable() throws(BinderError) {
    guard !isDead else { throw .dead(pid: pid, .receiverExited) }
    guard space.isEmpty else { throw .busy(pid: pid, .region) }
  }

  mutating func adopt(_ newSpace: consuming BufferSpace<MessageRecord>) {
    precondition(space.isEmpty)
    space.fill(newSpace)
  }

  mutating func makeNode() -> UInt32 {
    nodes.append(NodeState())
    return UInt32(nodes.count - 1)
  }

  /// - Throws: `dead` when it is, or without a region.
  @inline(__always)
  func checkReceives() throws(BinderError) {
    guard !isDead else { throw .dead(pid: pid, .receiverExited) }
    guard !space.isEmpty else { throw .dead(pid: pid, .noRegion) }
  }

  // MARK: a buffer is filled

  /// Reserves a buffer for a sender to fill; it may lack memory: see `BufferSpace.beginReserve`.
  @inline(__always)
  mutating func reserve(
    _ layout: TransactionLayout, oneway: Bool, sender: Int32, debugID: UInt32
  ) throws(BinderError) -> (Reservation, isBacked: Bool) {
    try checkReceives()
    if space.value.policy.checksUnitsFirst { try layout.checkUnits() }
    let result: (Reservation, isBacked: Bool)
    do throws(BufferError) {
      result = try space.value.beginReserve(
        layout.request, oneway: oneway, sender: sender, debugID: debugID)
    } catch {
      throw BinderError(error, pid: pid)
    }
    heldBuffers += 1
    return result
  }

  /// See `BufferSpace.unbacked`.
  mutating func unbacked(_ reservation: Reservation) -> UnbackedPages {
    space.value.unbacked(reservation)
  }

  /// Goes on with a reservation whose pages have been backed: see `BufferSpace.settle`.
  mutating func settle(
    _ unbacked: inout UnbackedPages?, of reservation: Reservation
  ) throws(BinderError) {
    do throws(BufferError) {
      try space.value.settle(&unbacked, of: reservation)
    } catch {
      throw BinderError(error, pid: pid)
    }
  }

  /// Takes back a buffer that was reserved and never committed.
  mutating func abort(_ offset: Int, clearing size: Int) {
    space.value.abort(offset, clearing: size)
    letGoOfBuffer()
  }

  /// Takes a filled buffer in.
  ///
  /// - Returns: whether somebody can receive it now.
  @inline(__always)
  mutating func commit(_ record: MessageRecord, bytesCopied: Int) throws(BinderError) -> Bool {
    try checkReceives()
    heldBuffers -= 1
    counters.bytesCopied += bytesCopied
    var record = record
    if record.isOneway, !nodes[Int(record.node)].enter(record, in: &space.value) {
      record.state = .waiting
      space.value.commit(record.offset, record)
      counters.waiting += 1
      return false
    }
    space.value.commit(record.offset, record)
    todo.append(record.unit, in: &space.value)
    counters.queued += 1
    return true
  }

  // MARK: a buffer is received

  /// Takes the next transaction, for a holder; nil when none waits.
  @inline(__always)
  mutating func receive() throws(BinderError) -> MessageRecord? {
    try checkReceives()
    guard let record = todo.removeFirst(entering: .delivered, in: &space.value) else { return nil }
    counters.queued -= 1
    counters.received += 1
    heldBuffers += 1
    return record
  }

  /// What a free leaves to do.
  struct Freed {
    /// The call that nobody can answer any more.
    let caller: Caller?
    /// Whether the next oneway transaction of its node can be received now.
    let letsNextGo: Bool
  }

  /// Frees the buffer of a delivery, whose holder gives it up.
  @inline(__always)
  mutating func free(delivered offset: Int) -> Freed {
    let freed = freeCommitted(offset)
    letGoOfBuffer()
    return freed
  }

  /// Frees a buffer that the receiver holds by its bare offset.
  ///
  /// - Throws: `invalidArgument` unless there is one.
  mutating func free(kept offset: Int) throws(BinderError) -> Freed {
    do throws(BinderError) {
      try checkKept(offset)
    } catch {
      countFailure(error)
      throw error
    }
    return freeCommitted(offset)
  }

  /// A delivery becomes a bare offset; that of a dead process is freed, since nobody could free it.
  mutating func keep(_ offset: Int) -> Freed? {
    if isDead { return free(delivered: offset) }
    space.value.update(offset) { $0.state = .kept }
    letGoOfBuffer()
    return nil
  }

  /// A bare offset becomes a delivery again.
  ///
  /// - Throws: `invalidArgument` unless such a buffer is kept.
  mutating func take(kept offset: Int) throws(BinderError) -> MessageRecord {
    try checkKept(offset)
    heldBuffers += 1
    return space.value.update(offset) {
      $0.state = .delivered
      return $0
    }
  }

  private mutating func checkKept(_ offset: Int) throws(BinderError) {
    try checkReceives()
    let obstacle: BinderError.NotFreeable
    switch space.value.state(at: offset) {
    case .none: obstacle = .notABuffer
    case .reserved: obstacle = .beingFilled
    case .committed:
      switch space.value.update(offset, { $0.state }) {
      case .kept: return
      case .queued, .waiting, .replied: obstacle = .notDelivered
      case .delivered: obstacle = .ownedByDelivery
      }
    }
    throw .invalidArgument(.noSuchBuffer(pid: pid, offset: offset, obstacle))
  }

  @inline(__always)
  private mutating func freeCommitted(_ offset: Int) -> Freed {
    let record = space.value.free(offset)
    return Freed(caller: record.caller, letsNextGo: record.isOneway && advance(record.node))
  }

  /// The node's oldest waiting transaction goes to the todo queue, if there is one.
  @inline(__always)
  private mutating func advance(_ node: UInt32) -> Bool {
    guard !isDead, let next = nodes[Int(node)].leave(in: &space.value) else { return false }
    todo.append(next.unit, in: &space.value)
    counters.waiting -= 1
    counters.queued += 1
    return true
  }

  // MARK: calls that this process made

  mutating func openCall() throws(BinderError) -> UInt32 {
    try checkReceives()
    return calls.open()
  }

  /// Takes the right to answer out of a delivered or kept buffer.
  mutating func takeCaller(ofBufferAt offset: Int) throws(BinderError) -> Caller {
    try checkReceives()
    let (caller, debugID) = space.value.update(offset) { record in
      defer { record.caller = nil }
      return (record.caller, record.debugID)
    }
    guard let caller else { throw .invalidArgument(.notACall(debugID: debugID)) }
    return caller
  }

  /// The same, of a buffer that is held by its bare offset.
  mutating func takeCaller(ofKept offset: Int) throws(BinderError) -> Caller {
    try checkKept(offset)
    return try takeCaller(ofBufferAt: offset)
  }

  /// Takes a filled buffer in as the reply of a call.
  mutating func answer(_ call: UInt32, _ record: MessageRecord, bytesCopied: Int)
    throws(BinderError)
  {
    try checkReceives()
    heldBuffers -= 1
    counters.bytesCopied += bytesCopied
    var record = record
    record.state = .replied
    space.value.commit(record.offset, record)
    if calls.isAwaited(call) {
      calls.settle(call, .replied(offset: record.offset))
      counters.replied += 1
    } else {
      // Nobody waits any more: it goes unseen.
      calls.settle(call, .pending)
      _ = freeCommitted(record.offset)
    }
  }

  /// A call will have no reply.
  mutating func fail(_ call: UInt32, _ failure: CallTable.Failure) {
    calls.settle(call, .failed(failure))
  }

  /// Takes the reply of a call, for a holder; nil while it has not come.
  ///
  /// - Throws: why none comes. Unless the answer is nil the call has ended.
  mutating func takeReply(_ call: UInt32) throws(BinderError) -> MessageRecord? {
    do throws(BinderError) {
      try checkReceives()
    } catch {
      abandon(call)
      throw error
    }
    switch calls.state(call) {
    case .pending: return nil
    case .failed(let failure):
      _ = calls.letGo(call)
      throw failure.error
    case .replied(let offset):
      _ = calls.letGo(call)
      counters.replied -= 1
      counters.received += 1
      heldBuffers += 1
      return space.value.update(offset) {
        $0.state = .delivered
        return $0
      }
    }
  }

  /// Nobody will ask for a call's reply any more.
  mutating func abandon(_ call: UInt32) {
    guard case .replied(let offset) = calls.letGo(call), !isDead else { return }
    counters.replied -= 1
    _ = freeCommitted(offset)
  }

  // MARK: the end

  /// Ends the process: nothing comes in any more. All buffers go that nobody outside holds; the
  /// others go with their holders, and the region with the last.
  ///
  /// - Returns: the calls that it owed an answer.
  mutating func die() -> [Caller] {
    isDead = true
    guard !space.isEmpty else { return [] }
    var callers: [Caller] = []
    var unheld: [Int] = []
    space.value.forEachCommitted { offset, record in
      if let caller = record.caller { callers.append(caller) }
      record.caller = nil
      if record.state != .delivered { unheld.append(offset) }
    }
    // One by one, since some are to be cleared.
    for offset in unheld { _ = space.value.free(offset) }
    (todo, nodes) = (MessageQueue(), nodes.map { _ in NodeState() })
    (counters.queued, counters.waiting, counters.replied) = (0, 0, 0)
    giveUpIdlePages()
    return callers
  }

  @inline(__always)
  private mutating func letGoOfBuffer() {
    heldBuffers -= 1
    if isDead { giveUpIdlePages() }
  }

  /// Of a dead process nobody else would: the shrinker has lost sight of it.
  private mutating func giveUpIdlePages() {
    if heldBuffers == 0 {
      space.clear()
    } else {
      _ = space.value.reclaim()
    }
  }

  // MARK: pages and views

  /// When the page that has been idle longest became idle; `.max` when none is.
  @inline(__always)
  var oldestIdle: UInt64 { space.isEmpty ? .max : space.value.oldestIdle }

  /// Whether the shrinker can take pages from the region.
  var canReclaim: Bool { !space.isEmpty && space.value.canReclaim }

  /// The shrinker's way in: see `BufferSpace.reclaim`.
  mutating func reclaim(upTo limit: Int, before deadline: UInt64) -> Int {
    space.isEmpty ? 0 : space.value.reclaim(upTo: limit, before: deadline)
  }

  /// See `BufferSpace.reclaimStrays`.
  mutating func reclaimStrays() -> Int { space.isEmpty ? 0 : space.value.reclaimStrays() }

  /// The bytes of a buffer that was just reserved, for whoever fills it.
  @inline(__always)
  func window(_ reservation: Reservation) -> RegionView {
    space.value.window(at: reservation.offset, size: reservation.size)
  }

  /// The region as the receiver sees it; there must be one.
  @inline(__always)
  var view: UnsafeRawPointer { unsafe space.value.view }

  /// A delivered buffer will soon be freed.
  @inline(__always)
  mutating func prepareFree() { space.value.prepareFree() }

  func readOnlyDescriptor() throws(BinderError) -> Int32 {
    try checkReceives()
    do throws(PageAllocError) {
      return try space.value.readOnlyDescriptor()
    } catch .invalidArgument(.notExportable, _) {
      throw .invalidArgument(.notExportable(pid: pid))
    } catch {
      throw .noMemory(pid: pid, error)
    }
  }

  /// Every buffer, and the state of every page; there must be a region.
  mutating func describeRegion() -> ([BufferDescription], [PageState]) {
    let live = space.value.liveRanges()
    let buffers = live.map { BufferDescription($0, record(at: $0.offset)) }
    return (buffers, space.value.pageStates(live))
  }

  /// The memory of the region, for tests.
  var memory: PageMemory? { space.isEmpty ? nil : space.value.memory }

  /// The record of the committed buffer at `offset`; nil if there is none.
  mutating func record(at offset: Int) -> MessageRecord? { space.value.record(at: offset) }

  mutating func countFailure(_ error: BinderError) { counters.count(error) }
}

/// What happened to a process's messages so far, and how many wait now.
struct MessageCounters: BitwiseCopyable {
  /// Transactions in the todo queue.
  var queued = 0
  /// Oneway transactions behind another of their node.
  var waiting = 0
  /// Replies that have not been asked for.
  var replied = 0
  var received = 0
  var bytesCopied = 0
  var failures = FailureCounts()

  mutating func count(_ error: BinderError) { failures[error.kind] += 1 }
}

extension PlacementPolicy {
  /// The Rust driver rejects sizes that are no multiple of 8 before it allocates; the C driver
  /// afterwards, so that a failed attempt leaves its marks on ranges and pages.
  var checksUnitsFirst: Bool { search != .c }
}

extension BinderError {
  /// Why a buffer could not be reserved in a process's region.
  init(_ error: BufferError, pid: Int32) {
    switch error {
    case .noSpace(let requested, let free, let largest):
      self = .noSpace(pid: pid, requested: requested, free: free, largestFree: largest)
    case .noOnewaySpace(let requested, let free):
      self = .noOnewaySpace(pid: pid, requested: requested, free: free)
    case .noMemory(let cause): self = .noMemory(pid: pid, cause)
    }
  }
}
