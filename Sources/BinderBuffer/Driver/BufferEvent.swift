public import PageAlloc

extension Driver {
  /// A step in the life of a buffer, as the kernel's trace events tell it; for recorders.
  public struct BufferEvent: Sendable {
    /// What happened.
    public enum Step: Sendable {
      /// A range was reserved. The message is copied from now on.
      case reserved
      /// The message was handed over.
      case sent(SentMessage)
      /// It was refused: nothing was reserved.
      case refused(SentMessage, BinderError)
      /// It failed after its range was reserved, which is free again; with the error number.
      case failed(SentMessage, Int32)
      /// The receiver's thread of this number read it.
      case received(tid: Int32)
      /// Its range is free.
      case freed
      /// The open ends: the last counts of its region. What is still live then was never freed.
      case ended(ProcessStatistics)
    }

    /// What happened.
    public let step: Step
    /// The buffer's number, by which the driver's errors name it too; 0 for the end of an open.
    public let id: UInt32
    /// The open in whose region the buffer lies.
    public let region: DriverProcessID
    /// That open's pid.
    public let pid: Int32
  }

  /// A message as it was sent. Sizes and the offset in bytes.
  public struct SentMessage: Sendable {
    /// The method.
    public let code: UInt32
    /// It answers a call.
    public let isReply: Bool
    /// Nobody awaits an answer.
    public let isOneway: Bool
    /// The sending open's pid.
    public let senderPID: Int32
    /// The sending thread.
    public let senderTID: Int32
    /// Of a reply, the thread that waits for it; else 0.
    public var awaitedBy: Int32 = 0
    /// Of a reply, the number of the call; else 0.
    public var answers: UInt32 = 0
    /// Tells the receiver's nodes apart as long as they live; 0 for a reply.
    public var node: Int32 = 0
    /// Where the buffer begins in the region; 0 when it was refused.
    public var offset = 0
    /// What it takes there; 0 when it was refused.
    public var size = 0
    /// Bytes of the message.
    public let dataSize: Int
    /// Bytes of the offsets array.
    public let offsetsSize: Int
    /// Bytes of the room for extra buffers.
    public let extraSize: Int
    /// The sender is suspected of oneway spam.
    public var isSpam = false
  }
}

extension Driver {
  /// - Parameter step: made only where somebody asked for events.
  mutating func note(
    _ step: @autoclosure () -> BufferEvent.Step, _ id: UInt32, in region: ProcessIndex
  ) {
    guard options.reportsBuffers, !region.isNone else { return }
    effects.buffers.append(
      BufferEvent(step: step(), id: id, region: self.id(region), pid: processes[region].pid))
  }

  /// A message before it has a buffer.
  func describe(
    _ command: TransactionCommand, _ layout: MessageLayout, by thread: ThreadIndex,
    node: NodeIndex, inReplyTo call: TransactionIndex
  ) -> SentMessage {
    let caller = call.isNone ? ThreadIndex.none : transactions[call].from
    return SentMessage(
      code: command.code, isReply: command.isReply, isOneway: command.isOneway,
      senderPID: processes[threads[thread].process].pid, senderTID: threads[thread].tid,
      awaitedBy: caller.isNone ? 0 : threads[caller].tid,
      answers: call.isNone ? 0 : transactions[call].id,
      node: node.isNone ? 0 : Int32(truncatingIfNeeded: node.raw) &+ 1,
      dataSize: layout.dataSize, offsetsSize: layout.offsetsSize, extraSize: layout.extraSize)
  }

  func describe(_ pending: borrowing PendingTransaction, by thread: ThreadIndex) -> SentMessage {
    var message = describe(
      pending.command, pending.layout, by: thread, node: pending.target,
      inReplyTo: pending.inReplyTo)
    message.offset = pending.offset
    message.size = pending.size
    message.isSpam = pending.isSpam
    return message
  }
}

/// What regions hold, for tools and tests.
extension Driver {
  /// The counts of an open's region at this moment; those of nothing without a region.
  ///
  /// - Throws: `EBADF` when the open has ended.
  public func statistics(_ id: DriverProcessID) throws(Errno) -> ProcessStatistics {
    let process = try find(id)
    return processes[process].statistics
  }

  /// Every buffer of an open's region, and the state of every page.
  ///
  /// - Throws: `EBADF` when the open has ended.
  /// - Complexity: O(live buffers + pages).
  public mutating func inspect(_ id: DriverProcessID) throws(Errno) -> RegionInspection {
    let process = try find(id)
    let statistics = processes[process].statistics
    guard processes[process].regionLength > 0 else {
      return RegionInspection(statistics: statistics, buffers: [], pages: [])
    }
    let live = processes[process].space.value.liveRanges()
    let buffers = live.map {
      BufferDescription($0, processes[process].space.value.record(at: $0.offset))
    }
    return RegionInspection(
      statistics: statistics, buffers: buffers,
      pages: processes[process].space.value.pageStates(live))
  }
}

extension Driver.Process {
  var statistics: ProcessStatistics {
    var result = ProcessStatistics(pid: pid)
    result.nodeCount = nodes.count
    if !space.isEmpty { space.value.describe(into: &result) }
    return result
  }
}

extension BufferDescription {
  fileprivate init(_ range: RangeDescription, _ buffer: Driver.TransactionBuffer?) {
    self.init(
      range, dataSize: buffer?.layout.dataSize ?? 0, offsetsSize: buffer?.layout.offsetsSize ?? 0,
      extraSize: buffer?.layout.extraSize ?? 0,
      state: buffer.map { $0.isDelivered ? .delivered : .queued } ?? .beingFilled)
  }
}
