internal import BinderBuffer

/// A replay's steps as events. A capture does not say which thread frees a buffer, and the time of
/// the receive does not matter to a region; the process stands for its threads.
extension Recorder {
  func noteSent(
    _ buffer: PlannedBuffer, _ receipt: Receipt, at time: UInt64, _ process: BinderProcess
  ) {
    let event = EngineEvent(
      step: .sent(SentBuffer(buffer).placed(receipt)), time: time, process: buffer.sender,
      thread: buffer.sender)
    note(event, in: process)
  }

  func noteFailure(
    of buffer: PlannedBuffer, _ error: BinderError, at time: UInt64, _ process: BinderProcess
  ) {
    noteFailure(of: SentBuffer(buffer), error, at: time, thread: buffer.sender, in: process)
  }

  func noteFreed(_ debugID: UInt32, at time: UInt64, _ process: BinderProcess) {
    note(
      EngineEvent(
        step: .freed(debugID), time: time, process: process.pid, thread: process.pid),
      in: process)
  }
}

extension SentBuffer {
  init(_ buffer: PlannedBuffer) {
    let kind: MessageKind =
      switch buffer.kind {
      case .request: .request
      case .reply: .reply
      case .oneway: .oneway
      }
    self.init(
      kind: kind, sender: buffer.sender, receiver: buffer.destination,
      awaitedBy: kind == .reply ? buffer.destination : 0, code: buffer.code,
      dataSize: buffer.dataSize, offsetsSize: buffer.offsetsSize, extraSize: buffer.extraSize)
  }
}
