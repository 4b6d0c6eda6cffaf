internal import BinderBuffer

/// A replay's steps as events. A capture does not tell which thread frees: the process itself stands
/// for it.
extension Recorder {
  func noteSent(
    _ buffer: PlannedBuffer, _ receipt: Receipt, at time: UInt64, _ process: BinderProcess
  ) {
    let event = EngineEvent(
      step: .sent(SentBuffer(buffer).placed(receipt)), time: time, process: buffer.sender,
      thread: buffer.senderThread)
    note(event, in: process)
  }

  func noteReceived(
    _ debugID: UInt32, at time: UInt64, process: Int32, thread: Int32, _ region: BinderProcess
  ) {
    note(
      EngineEvent(step: .received(debugID), time: time, process: process, thread: thread),
      in: region)
  }

  func noteFailure(
    of buffer: PlannedBuffer, _ error: BinderError, at time: UInt64, _ process: BinderProcess
  ) {
    noteFailure(
      of: SentBuffer(buffer), error, at: time, thread: buffer.senderThread, in: process)
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
      kind: kind, sender: buffer.sender,
      receiver: RegionKey(buffer.destination, buffer.context).number,
      awaitedBy: kind == .reply ? buffer.awaitedBy : 0, node: buffer.node, code: buffer.code,
      dataSize: buffer.dataSize, offsetsSize: buffer.offsetsSize, extraSize: buffer.extraSize,
      origin: CaptureOrigin(
        transaction: buffer.transaction, line: buffer.line, nanoseconds: buffer.nanoseconds))
  }
}
