internal import BinderBuffer

/// Tells the recorder, if there is one, what the threads of a run do.
extension Simulation {
  /// Threads of a process have numbers of their own, apart from all processes' numbers.
  static func thread(_ member: Int, _ index: Int) -> Int32 {
    Int32(10_000 + member * threadsPerProcess + index % threadsPerProcess)
  }

  /// The thread that receives where there is only one.
  static func looper(_ member: Int) -> Int32 { firstPID + Int32(member) }

  private static let threadsPerProcess = 4096

  func member(ofPID pid: Int32) -> Int { Int(pid - Self.firstPID) }

  /// What a message is before the engine has taken it.
  func buffer(
    _ message: Message, isReply: Bool, from sender: Int, to receiver: Int, node: Node? = nil,
    awaitedBy: Int32 = 0
  ) -> SentBuffer {
    let shape = message.shape(isReply: isReply)
    return SentBuffer(
      kind: MessageKind(isReply: isReply, isOneway: message.isOneway),
      sender: members[sender].process.pid, receiver: members[receiver].process.pid,
      awaitedBy: awaitedBy, node: node.map { Int32($0.id) } ?? 0, code: message.id,
      dataSize: shape.data, offsetsSize: shape.offsets, extraSize: shape.extra)
  }

  func noteSent(
    _ buffer: @autoclosure () -> SentBuffer, _ receipt: Receipt, thread: Int32, from start: UInt64,
    to end: UInt64
  ) {
    guard let recorder else { return }
    let placed = buffer().placed(receipt)
    let event = EngineEvent(
      step: .sent(placed), time: start, duration: end - start, process: placed.sender,
      thread: thread)
    recorder.note(event, in: members[member(ofPID: placed.receiver)].process)
  }

  func noteFailure(
    _ buffer: @autoclosure () -> SentBuffer, _ error: BinderError, thread: Int32, at time: UInt64
  ) {
    guard let recorder else { return }
    let refused = buffer()
    recorder.noteFailure(
      of: refused, error, at: time, thread: thread,
      in: members[member(ofPID: refused.receiver)].process)
  }

  func noteReceived(_ id: UInt32, by member: Int, thread: Int32, at time: UInt64) {
    note(.received(id), by: member, thread: thread, from: time, to: time)
  }

  func noteFreed(_ id: UInt32, by member: Int, thread: Int32, from start: UInt64, to end: UInt64) {
    note(.freed(id), by: member, thread: thread, from: start, to: end)
  }

  private func note(
    _ step: EngineEvent.Step, by member: Int, thread: Int32, from start: UInt64, to end: UInt64
  ) {
    guard let recorder else { return }
    let process = members[member].process
    recorder.note(
      EngineEvent(
        step: step, time: start, duration: end - start, process: process.pid, thread: thread),
      in: process)
  }
}
