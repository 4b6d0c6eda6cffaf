internal import BinderBuffer
internal import PageAlloc

/// Whole transactions in one call, and what one call consists of.
extension CheckWorld {
  func send() throws(InvariantViolation) {
    guard let (sender, process) = anyActor() else { return try create() }
    let target = anyTarget()
    guard !target.nodes.isEmpty else { return try setUp() }
    let node = pick(target.nodes.count)
    let oneway = pick(8) < (configuration.mood == .flood ? 7 : 4)
    let transaction = drawTransaction(
      target.region?.placement.length ?? 4096, oneway: oneway, isReply: false)

    let watch = watch()
    var receipt: Receipt?
    var call: Call?
    var error: BinderError?
    do throws(BinderError) {
      var sent = try process.transmit(transaction, to: target.nodes[node])
      receipt = sent.receipt
      call = sent.call.take()
    } catch let thrown {
      error = thrown
    }

    guard
      let buffer = try reserve(
        transaction, in: target, from: sender, oneway: oneway, error, since: watch)
    else {
      tally.refused += 1
      return
    }
    let expected =
      fill(buffer, with: transaction, error, since: watch)
      ?? obstacleToHandOver(from: sender, to: target, oneway: oneway)
    try judge("send", error, is: expected)
    guard let receipt else {
      tally.refused += 1
      return target.abort(buffer, clock: &clock)
    }
    try handOver(
      buffer, receipt, call.take(), from: sender, to: node, code: transaction.code,
      flags: transaction.flags)
  }

  // MARK: the steps of a transaction

  /// The first step: range and pages, judged together.
  ///
  /// - Parameter error: what the whole call threw, if it did.
  /// - Returns: nil when that is where the call ended.
  func reserve(
    _ transaction: Transaction, in target: CheckedProcess, from sender: CheckedProcess,
    oneway: Bool,
    _ error: BinderError?, since watch: CallWindow
  ) throws(InvariantViolation) -> ModelBuffer? {
    try reserve(
      data: transaction.data.length, offsets: transaction.offsets.length,
      extra: transaction.extraSize, securityContext: transaction.securityContext.length,
      in: target, from: sender, oneway: oneway, error, since: watch)
  }

  func reserve(
    data: Int, offsets: Int, extra: Int, securityContext: Int, in target: CheckedProcess,
    from sender: CheckedProcess, oneway: Bool, _ error: BinderError?, since watch: CallWindow
  ) throws(InvariantViolation) -> ModelBuffer? {
    guard
      let layout = ModelLayout(
        data: data, offsets: offsets, extra: extra, securityContext: securityContext)
    else {
      let sizes = BinderError.InvalidArgument.sizes(
        data: data, offsets: offsets, extra: extra, securityContext: securityContext)
      try judge("a transaction of impossible sizes", error, is: .invalidArgument(sizes))
      return nil
    }
    if sender.hasExited {
      try judge("sending while dead", error, is: .dead(pid: sender.pid, .senderExited))
      return nil
    }
    if let obstacle = target.obstacle {
      try judge("sending to the dead", error, is: obstacle)
      return nil
    }
    guard let region = target.region else { return nil }
    let isC = region.placement.policy.search == .c
    if !isC, let odd = layout.oddSize {
      try judge("sending an odd size", error, is: .invalidArgument(odd))
      return nil
    }
    let offset: Int
    let isSpam: Bool
    switch region.placement.reserve(
      layout.isEmpty ? 0 : layout.size, oneway: oneway, sender: sender.pid,
      hasFrame: region.pages.isFramed)
    {
    case .noOnewaySpace(let free):
      let expected = BinderError.noOnewaySpace(pid: target.pid, requested: layout.size, free: free)
      try judge("reserving", error, is: expected)
      return nil
    case .noSpace(let free, let largest):
      let expected = BinderError.noSpace(
        pid: target.pid, requested: layout.size, free: free, largestFree: largest)
      try judge("reserving", error, is: expected)
      return nil
    case .placed(let place, let spam): (offset, isSpam) = (place, spam == .reported)
    }
    // What the buffer touches is not idle any more when pages are reclaimed for it.
    let held = region.pages.hold(offset, layout.size)
    try followReclaims()
    if case .noMemory(target.pid, let cause) = error {
      checksum.add(-1)
      try judgeRefusedFrames(cause, since: watch)
      region.pages.release(held)
      region.placement.free(offset)
      region.pages.touch(offset, layout.size, region.placement.policy, clock: &clock)
      return nil
    }
    region.pages.release(held)
    // What is missing in many pieces is fetched in four.
    missingRuns = min(4, region.pages.missingRuns(offset, layout.size))
    let buffer = ModelBuffer(
      receiver: target, offset: offset, layout: layout, senderPID: sender.pid, isOneway: oneway,
      isSpam: isSpam)
    target.begin(buffer)
    if isC, let odd = layout.oddSize {
      target.abort(buffer, clock: &clock)
      try judge("sending an odd size", error, is: .invalidArgument(odd))
      return nil
    }
    return buffer
  }

  /// The second step of a call: all parts are copied and the objects validated in the copy.
  ///
  /// - Returns: what the call must throw.
  func fill(
    _ buffer: ModelBuffer, with transaction: Transaction, _ error: BinderError?,
    since watch: CallWindow
  ) -> BinderError? {
    guard let region = buffer.receiver.region else { return nil }
    buffer.clearsOnFree = transaction.flags.contains(.clearOnFree)
    var failing = 0
    if hadFault(since: watch) {
      let points = configuration.faultPoints
      let perRun = [.pageAllocation, .backing].count { points.contains($0) }
      failing = faults.checks - watch.checks - perRun * missingRuns
    }
    var copies = 0
    func copy(_ slice: UserSlice, at target: Int) -> BinderError? {
      copies += 1
      let length = copies == failing ? slice.length / 2 : slice.length
      if let error = self.copy(slice, to: buffer, at: target, length: length) { return error }
      if copies == failing { return .badSource(.injected(.userCopy)) }
      buffer.bytesCopied += length
      return nil
    }

    let layout = buffer.layout
    if layout.data > 0, let error = copy(transaction.data, at: 0) { return error }
    if layout.offsets > 0 {
      if let error = copy(transaction.offsets, at: layout.offsetsStart) { return error }
      let memory: UserMemory =
        transaction.data.memory == .trusted ? .untrusted : transaction.data.memory
      let readsOwnMemory = unsafe transaction.readsOwnMemory
      let error = ModelObjects.walk(buffer, region.bytes) { extra in
        if memory == .untrusted, !readsOwnMemory, extra.length > 0 {
          return .invalidArgument(.pointerIntoOwnMemory(index: extra.index))
        }
        let slice = unsafe UserSlice(address: extra.address, length: extra.length, in: memory)
        if let error = copy(slice, at: extra.target) { return error }
        buffer.storeAddress(of: extra, in: region)
        return nil
      }
      if let error { return error }
    }
    if layout.securityContext > 0 {
      return copy(transaction.securityContext, at: layout.securityContextStart)
    }
    return nil
  }

  /// Copies what can be read of a slice into the model's region.
  private func copy(
    _ slice: UserSlice, to buffer: ModelBuffer, at target: Int, length: Int
  ) -> BinderError? {
    guard let region = buffer.receiver.region else { return nil }
    var readable = unsafe memory.readable(slice.address, length)
    let isGone = slice.memory == .process(SenderMemory.gone)
    if isGone { unsafe readable = .init(start: nil, count: 0) }
    unsafe region.bytes.write(readable, at: buffer.offset + target)
    guard readable.count < length else { return nil }
    if isGone { return .badSource(.processGone(pid: SenderMemory.gone.pid)) }
    return .badSource(
      .badAddress(
        address: slice.address &+ UInt(readable.count), length: length - readable.count))
  }

  /// Why a filled buffer cannot be handed over.
  func obstacleToHandOver(from sender: CheckedProcess, to target: CheckedProcess, oneway: Bool)
    -> BinderError?
  {
    // A call needs a place for its reply.
    if !oneway, let obstacle = sender.obstacle { return obstacle }
    if sender.hasExited { return .dead(pid: sender.pid, .senderExited) }
    return target.hasExited ? .dead(pid: target.pid, .receiverExited) : nil
  }

  /// The last step: the buffer is the receiver's.
  func handOver(
    _ buffer: ModelBuffer, _ receipt: Receipt, _ made: consuming Call?, from sender: CheckedProcess,
    to node: Int?, code: UInt32,
    flags: TransactionFlags
  ) throws(InvariantViolation) {
    checksum.add(receipt.offset)
    tally.sent += 1
    buffer.debugID = receipt.debugID
    buffer.node = node
    buffer.code = code
    buffer.flags = buffer.isOneway ? flags.union(.oneway) : flags.subtracting(.oneway)
    buffer.clearsOnFree = flags.contains(.clearOnFree)
    try require("where the buffer was placed", receipt.offset, is: buffer.offset)
    try require("the bytes that the buffer takes", receipt.size, is: buffer.layout.size)
    try require("spam is reported as the driver does", receipt.isSpam, is: buffer.isSpam)
    if !debugIDs.insert(receipt.debugID).inserted {
      throw InvariantViolation(
        "numbers of buffers are unique", expected: "a new one", found: "\(receipt.debugID) again")
    }
    if let made = made.take() {
      let call = ModelCall(caller: sender, made)
      buffer.call = call
      buffer.isCall = true
      sender.calls.append(call)
      calls.append(call)
    }
    buffer.receiver.commit(buffer)
  }
}
