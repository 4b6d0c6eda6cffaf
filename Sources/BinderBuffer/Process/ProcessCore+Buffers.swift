internal import PageAlloc

/// Buffers of this process: reserved and committed by senders, received and freed by itself.
extension ProcessCore {
  /// - Throws: `invalidArgument` for the length, `dead`, `busy`, `noMemory`.
  func mapRegion(length: Int, policy: PlacementPolicy, sharing: RegionSharing) throws(BinderError) {
    guard length > 0, length & (Page.size - 1) == 0 else {
      throw .invalidArgument(.regionLength(length))
    }
    try locked { (state) throws(BinderError) in try state.inbox.checkMappable() }
    // Without the lock: the system has to make a file and two mappings.
    var space: BufferSpace<MessageRecord>?
    do throws(BufferError) {
      space = try BufferSpace(
        length: length, policy: policy, sharing: sharing, budget: context.budget,
        faults: context.faults, shrinker: context.shrinker)
    } catch {
      throw BinderError(error, pid: pid)
    }
    let canReclaim = try locked { (state) throws(BinderError) in
      try state.inbox.checkMappable()
      state.inbox.adopt(space.take()!)
      return state.inbox.canReclaim
    }
    guard canReclaim else { return }
    context.shrinker.register(self)
    // Whoever exits in between has found nothing to unregister.
    if hasExited { context.shrinker.unregister(self) }
  }

  func makeNode() -> UInt32 { locked { $0.inbox.makeNode() } }

  func readOnlyDescriptor() throws(BinderError) -> Int32 {
    try locked { (state) throws(BinderError) in try state.inbox.readOnlyDescriptor() }
  }

  /// Reserves a buffer and makes its pages in use. Memory that they lack is fetched without the lock.
  @inline(__always)
  func reserve(_ layout: TransactionLayout, oneway: Bool, sender: Int32) throws(BinderError)
    -> ReservedBuffer
  {
    if isInherited { throw .noMemory(pid: pid, .inherited) }
    var isBacked = true
    let buffer = try locked { (state) throws(BinderError) in
      let debugID = state.debugIDs.next(from: context.debugIDs)
      let reservation: Reservation
      (reservation, isBacked) = try state.inbox.reserve(
        layout, oneway: oneway, sender: sender, debugID: debugID)
      publishOldestIdle(&state)
      return unsafe ReservedBuffer(
        core: .passUnretained(self), layout: layout, view: state.inbox.window(reservation),
        reservation: reservation, debugID: debugID, senderPID: sender, isOneway: oneway)
    }
    if !isBacked { try backPages(of: buffer.reservation) }
    // Outside the lock, which dropping the buffer takes.
    try layout.checkUnits()
    return buffer
  }

  @inline(never)
  private func backPages(of reservation: Reservation) throws(BinderError) {
    var unbacked: UnbackedPages? = locked { $0.inbox.unbacked(reservation) }
    while unbacked != nil {
      unbacked!.back()
      try locked { (state) throws(BinderError) in
        defer { publishOldestIdle(&state) }
        try state.inbox.settle(&unbacked, of: reservation)
      }
    }
  }

  /// Takes back a buffer that was reserved and never committed.
  ///
  /// - Parameter size: how many of its bytes are zeroed before.
  func abort(_ offset: Int, clearing size: Int) {
    if isInherited { return }
    locked { state in
      state.inbox.abort(offset, clearing: size)
      publishOldestIdle(&state)
    }
  }

  /// Takes a filled buffer in.
  ///
  /// - Parameter sender: whose death before this moment means that the receiver sees nothing.
  @inline(__always)
  func commit(
    _ buffer: consuming ReservedBuffer, code: UInt32, flags: TransactionFlags, node: UInt32,
    caller: Caller?, sender: ProcessCore
  ) throws(BinderError) {
    let record = MessageRecord(
      at: buffer.offset, buffer.layout, debugID: buffer.debugID, senderPID: buffer.senderPID,
      code: code, flags: flags, node: node, caller: caller)
    let bytesCopied = buffer.bytesCopied
    try locked { (state) throws(BinderError) in
      guard !sender.hasExited else { throw .dead(pid: sender.pid, .senderExited) }
      if try state.inbox.commit(record, bytesCopied: bytesCopied) { announceArrival(state) }
    }
    buffer.handOver()
  }

  /// Counts a failed attempt to send to this process.
  @inline(never)
  func countFailure(_ error: BinderError) {
    if !isInherited { locked { $0.inbox.countFailure(error) } }
  }

  // MARK: received

  @inline(__always)
  func receive() throws(BinderError) -> Delivery? {
    // A transaction that was sent before this call is seen here: the flag was set before it.
    guard mayHaveArrivals else { return nil }
    return try locked { (state) throws(BinderError) in try next(&state) }
  }

  func receive(until deadline: UInt64) throws(BinderError) -> Delivery? {
    try wait(for: .arrival, until: deadline) { (state) throws(BinderError) in try next(&state) }
  }

  @inline(__always)
  private func next(_ state: inout ProcessState) throws(BinderError) -> Delivery? {
    guard let record = try state.inbox.receive() else {
      noteEmpty(state)
      return nil
    }
    state.inbox.prepareFree()
    return unsafe Delivery(core: .passUnretained(self), record: record, view: state.inbox.view)
  }

  /// A buffer that is held by its bare offset becomes a delivery again.
  func take(keptAt offset: Int) throws(BinderError) -> Delivery {
    try locked { (state) throws(BinderError) in
      let record = try state.inbox.take(kept: offset)
      return unsafe Delivery(core: .passUnretained(self), record: record, view: state.inbox.view)
    }
  }

  /// Frees the buffer of a delivery that is being dropped.
  @inline(__always)
  func free(deliveredAt offset: Int) {
    if isInherited { return }
    // Afterwards the core may be gone.
    let pid = pid
    let caller = locked { state in
      let freed = state.inbox.free(delivered: offset)
      return finish(freed, &state)
    }
    if let caller { Self.fail(caller, .noReply(pid)) }
  }

  /// Frees a buffer that the receiver holds by its bare offset.
  func free(keptAt offset: Int) throws(BinderError) {
    if isInherited { return }
    let caller = try locked { (state) throws(BinderError) in
      let freed = try state.inbox.free(kept: offset)
      return finish(freed, &state)
    }
    if let caller { Self.fail(caller, .noReply(pid)) }
  }

  @inline(__always)
  private func finish(_ freed: Inbox.Freed, _ state: inout ProcessState) -> Caller? {
    publishOldestIdle(&state)
    if freed.letsNextGo { announceArrival(state) }
    return freed.caller
  }

  /// From now on the receiver holds the bare offset.
  func keep(deliveredAt offset: Int) {
    if isInherited { return }
    let pid = pid
    let caller = locked { state in
      let freed = state.inbox.keep(offset)
      return freed.flatMap { finish($0, &state) }
    }
    if let caller { Self.fail(caller, .noReply(pid)) }
  }
}
