internal import PageAlloc

extension Driver {
  /// Hands a transaction to the thread that reads it.
  mutating func receive(
    _ transaction: TransactionIndex, _ thread: ThreadIndex, _ writer: inout ReturnWriter
  ) -> ReadResult {
    let entry = transactions[transaction]
    let process = threads[thread].process
    let base = processes[process].regionAddress &+ UInt64(entry.buffer)
    let buffer = processes[process].space.value.update(entry.buffer) {
      // A buffer that still gets its files cannot be freed.
      $0.isDelivered = !entry.hasFiles
      return $0
    }
    let tid = threads[thread].tid
    note(.received(tid: tid), entry.id, in: process)
    let layout = buffer.layout
    var wire = WireTransaction(
      code: entry.code, flags: entry.flags, user: entry.user, dataSize: UInt64(layout.dataSize),
      offsetsSize: UInt64(layout.offsetsSize), buffer: base,
      offsets: base &+ UInt64(layout.offsetsStart))
    if !buffer.target.isNone {
      wire.target = nodes[buffer.target].pointer
      wire.cookie = nodes[buffer.target].cookie
    }
    if !entry.from.isNone { wire.senderPID = processes[threads[entry.from].process].pid }
    if layout.contextSize > 0 { wire.context = base &+ UInt64(layout.contextStart) }

    var result = ReadResult(byteCount: 0)
    result.returnStart = writer.position
    if !entry.from.isNone {
      result.sender = id(threads[entry.from].process)
      result.senderPIDPosition = writer.position + 4 + WireTransaction.senderPIDOffset
    }
    writer.put(
      entry.isReply
        ? BR.reply : wire.context == nil ? BR.transaction : BR.transactionSecurityContext, wire)
    if entry.hasFiles { addFiles(of: transaction, thread, to: &result) }
    if entry.isReply || entry.isOneway {
      endTransaction(transaction)
    } else {
      transactions[transaction].to = thread
      transactions[transaction].toParent = threads[thread].stack
      threads[thread].stack = transaction
    }
    return result
  }

  private mutating func addFiles(
    of transaction: TransactionIndex, _ thread: ThreadIndex, to result: inout ReadResult
  ) {
    let fixups = files.removeValue(forKey: transaction) ?? []
    transactions[transaction].hasFiles = false
    result.files = fixups.map(\.token)
    result.positions = fixups.map(\.position)
    result.descriptors = [Int32](repeating: -1, count: fixups.count)
    result.receiver = id(threads[thread].process)
    result.reader = id(thread)
    result.buffer = transactions[transaction].buffer
    result.transactionID = transactions[transaction].id
    result.isReply = transactions[transaction].isReply
  }

  /// Ends a read whose files are installed: their numbers go into the receiver's buffer.
  ///
  /// Needed for a result with files only.
  public mutating func finish(_ result: ReadResult) {
    guard !result.files.isEmpty,
      let process = processes.index(result.receiver.raw, generation: result.receiver.generation),
      !processes[process].isDead, processes[process].space.value.record(at: result.buffer) != nil
    else { return }
    let size = processes[process].space.value.update(result.buffer) {
      $0.isDelivered = true
      $0.hasDescriptors = true
      return $0.layout.size
    }
    let view = processes[process].space.value.window(at: result.buffer, size: size)
    for (position, descriptor) in zip(result.positions, result.descriptors) {
      view.set(descriptor, at: position)
    }
  }

  /// Ends a read whose files could not all be installed: the sender of a call reads a failed reply,
  /// the receiver never hears of it; a reply becomes a failed one.
  ///
  /// The caller closes the files, and those descriptors that it did install.
  ///
  /// - Parameter buffer: as it was given to `read`.
  /// - Returns: how many of its bytes count now.
  public mutating func installFailed(
    _ result: ReadResult, in buffer: UnsafeMutableRawBufferPointer
  ) -> Int {
    guard
      let process = processes.index(result.receiver.raw, generation: result.receiver.generation),
      !processes[process].isDead
    else { return result.byteCount }
    if !result.isReply, let thread = find(result.reader) {
      let call = threads[thread].stack
      if !call.isNone, transactions[call].id == result.transactionID {
        threads[thread].stack = transactions[call].toParent
        failCall(call, BR.failedReply)
      }
    }
    if processes[process].space.value.record(at: result.buffer) != nil {
      freeBuffer(of: process, at: result.buffer)
    }
    guard result.isReply else { return result.returnStart }
    // SAFETY: `storeBytes` checks the bounds; the return that it replaces was longer.
    unsafe buffer.storeBytes(of: BR.failedReply, toByteOffset: result.returnStart, as: UInt32.self)
    return result.returnStart + 4
  }
}
