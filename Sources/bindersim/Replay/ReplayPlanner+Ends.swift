/// When buffers are received and freed.
extension ReplayPlanner {
  mutating func receive(_ id: UInt32, _ record: CaptureRecord, _ thread: Int) {
    guard let slot = slotOf[id] else {
      // One without sizes is counted when its sender goes on.
      if !notePending(id) { countUnknown(id, line: record.line) }
      return
    }
    // Only a thread of the destination can receive it.
    learn(record.thread, buffers[slot].planned.destination, line: record.line)
    guard buffers[slot].receivedLine == nil else { return }
    buffers[slot].receivedLine = record.line
    buffers[slot].receiverThread = record.thread
    steps.append(
      .received(
        slot: slot, process: buffers[slot].planned.destination, thread: record.thread))
    switch buffers[slot].kind {
    case .request: break
    case .reply: end(slot, .replyReceived, line: record.line)
    case .oneway:
      let target = buffers[slot].target
      if let before = lastOnNode[target] { end(before, .onewayNextOnNode, line: record.line) }
      lastOnNode[target] = slot
      buffers[slot].holder = thread
      threads[thread].held.append(slot)
    }
  }

  mutating func release(_ id: UInt32, _ rule: FreeRule, _ record: CaptureRecord) {
    if let slot = slotOf[id] {
      free(slot, rule)
    } else if !countLateRelease(id), !notePending(id) {
      countUnknown(id, line: record.line)
    }
  }

  /// The answer to a request was sent, whether or not it got a buffer.
  mutating func endRequest(of reply: Pending, line: Int) {
    guard let id = reply.request, let slot = slotOf[id] else { return }
    end(slot, .replySent, line: line)
  }

  /// The thread does the next thing: it is done with what it held.
  mutating func goOn(_ thread: Int, line: Int) {
    let held = threads[thread].held
    threads[thread].held.removeAll(keepingCapacity: true)
    for slot in held { end(slot, .onewayNextAction, line: line) }
  }

  /// The receiver is done with a buffer, as other events than a release tell.
  private mutating func end(_ slot: Int, _ rule: FreeRule, line: Int) {
    guard !buffers[slot].isReleaseRecorded else { return }
    if belief == .inferred {
      free(slot, rule)
    } else if buffers[slot].wentOnLine == nil, rule != .replyReceived {
      // A reply is read after it was received.
      buffers[slot].wentOnLine = line
    }
  }

  private mutating func free(_ slot: Int, _ rule: FreeRule) {
    let buffer = buffers[slot]
    if let holder = buffer.holder {
      threads[holder].held.removeAll { $0 == slot }
      if lastOnNode[buffer.target] == slot { lastOnNode[buffer.target] = nil }
    }
    if buffer.isNamed {
      slotOf[buffer.planned.transaction] = nil
      // Where releases could not be looked up beforehand, one may still come.
      if rule != .recorded && rule != .failed && rule != .superseded && !survey.isComplete {
        remember(buffer.planned.transaction)
      }
    } else {
      orphans -= 1
    }
    freeSlots.append(slot)
    frees[rule, default: 0] += 1
    steps.append(.free(slot: slot, rule: rule))
  }

  // MARK: What is left

  /// The buffers that live now, oldest first; those that `isHeld` denies are passed over.
  func unreleased(where isHeld: (Int) -> Bool) -> [UnreleasedBuffer] {
    let idle = Set(freeSlots)
    let live = buffers.indices.filter { !idle.contains($0) && isHeld($0) }
    var waiting: [UInt64: Int] = [:]
    var stuck: [UInt64: UInt32] = [:]
    for slot in live where buffers[slot].kind == .oneway {
      let buffer = buffers[slot]
      if buffer.receivedLine == nil {
        waiting[buffer.target, default: 0] += 1
      } else {
        stuck[buffer.target] = buffer.planned.transaction
      }
    }
    return live.map { slot in
      let buffer = buffers[slot]
      let planned = buffer.planned
      let isOneway = buffer.kind == .oneway
      let isReceived = buffer.receivedLine != nil
      return UnreleasedBuffer(
        transaction: planned.transaction, line: planned.line, nanoseconds: planned.nanoseconds,
        kind: isOneway ? "oneway" : buffer.kind == .reply ? "reply" : "request",
        sender: planned.sender, senderThread: planned.senderThread, receiver: planned.destination,
        context: planned.context, node: planned.node, size: planned.size,
        receivedLine: buffer.receivedLine, receiverThread: buffer.receiverThread,
        wentOnLine: buffer.wentOnLine,
        waitingBehind: isOneway && isReceived ? waiting[buffer.target] ?? 0 : 0,
        waitsFor: isOneway && !isReceived ? stuck[buffer.target] : nil)
    }.sorted { ($0.line, $0.transaction) < ($1.line, $1.transaction) }
  }

  /// Whether the slot's receiver had gone on without releasing it.
  func isForgotten(_ slot: Int, _ transaction: UInt32) -> Bool {
    buffers.indices.contains(slot) && slotOf[transaction] == slot
      && buffers[slot].wentOnLine != nil
  }
}
