/// What a replay does to the engine, in the order of the capture.
enum ReplayStep: Equatable, Sendable {
  case send(PlannedBuffer)
  /// A thread was handed the buffer.
  case received(slot: Int, process: Int32, thread: Int32)
  case free(slot: Int, rule: FreeRule)
  /// The capture has the message, but no buffer for it.
  case refused(PlannedRefusal)
}

/// One buffer of a capture: from whom, for whom, how large.
struct PlannedBuffer: Equatable, Sendable {
  enum Kind: Equatable, Sendable { case request, reply, oneway }

  /// Names the buffer until it is freed; then another may have the number.
  var slot: Int
  var transaction: UInt32
  var kind: Kind
  var sender: Int32
  var senderThread: Int32 = 0
  var destination: Int32
  var context = BinderContext.binder
  var node: Int32 = 0
  /// The slot of the request that this is the reply to; nil when it is not live.
  var request: Int?
  /// Of a reply: the thread that awaits it.
  var awaitedBy: Int32 = 0
  var code: UInt32
  var dataSize: Int
  var offsetsSize: Int
  var extraSize: Int
  /// 8, or 4 where the device's kernel is one of 32 bits.
  var alignment = 8
  /// The driver gave it a buffer; false where the capture shows that the attempt failed.
  var wasPlaced = true
  var line: Int
  var nanoseconds: UInt64

  /// What it takes of a region: each part rounded up, and 8 at least.
  var size: Int {
    let parts = [dataSize, offsetsSize, extraSize]
    guard parts.allSatisfy({ $0 <= Int.max / 4 }) else { return .max }
    return max(8, parts.reduce(0) { $0 + ($1 + alignment - 1) & ~(alignment - 1) })
  }
}

/// A message of a capture that got no buffer, as far as its events tell.
struct PlannedRefusal: Equatable, Sendable {
  enum Answer: Equatable, Sendable {
    /// BR_FAILED_REPLY followed.
    case failed
    /// BR_DEAD_REPLY followed.
    case dead
    /// Nothing tells: it was refused, or its `alloc_buf` was not recorded.
    case unknown
  }

  var answer: Answer
  var transaction: UInt32
  var kind: PlannedBuffer.Kind
  var sender: Int32
  var senderThread: Int32
  var destination: Int32
  var context = BinderContext.binder
  var node: Int32
  var code: UInt32
  var line: Int
  var nanoseconds: UInt64
}

/// Where a capture's frees come from.
enum FreeBelief: String, Codable, Sendable {
  /// The capture records the release of nearly every buffer: none is inferred.
  case recorded
  /// Some or no releases are recorded; the others follow from other events.
  case inferred
  /// Neither is there: what is live cannot be known.
  case unknown
}

/// How a replay knows that a buffer was freed.
enum FreeRule: String, CaseIterable, Sendable, Codable {
  case recorded, failed, superseded, replySent, replyReceived, onewayNextAction, onewayNextOnNode

  var text: String {
    switch self {
    case .recorded: "as recorded"
    case .failed: "as recorded for a failed transaction"
    case .superseded: "as recorded for a oneway that a younger one superseded"
    case .replySent: "request, when its reply was sent"
    case .replyReceived: "reply, when it was received"
    case .onewayNextAction: "oneway, when its receiver went on"
    case .onewayNextOnNode: "oneway, when the next one to its node was received"
    }
  }
}

/// Why a transaction of a capture cannot be replayed.
enum UnusedReason: String, CaseIterable, Sendable, Codable {
  case noTransactionLine, noAllocBuf, noDestination, offsetsDoNotFit

  var text: String {
    switch self {
    case .noTransactionLine:
      "no binder_transaction line (the capture began later, or lost it)"
    case .noAllocBuf:
      "no binder_transaction_alloc_buf line: its sizes are unknown, and whether it was refused"
    case .noDestination:
      "its destination is no process (pids are 1 to \(ReplayPlanner.pids.upperBound))"
    case .offsetsDoNotFit: "more offsets than the data has room for objects"
    }
  }
}

/// A buffer that lived when the capture ended.
struct UnreleasedBuffer: Codable, Equatable, Sendable {
  var transaction: UInt32
  /// Of its `binder_transaction_alloc_buf`.
  var line: Int
  var nanoseconds: UInt64
  var kind: String
  var sender: Int32
  var senderThread: Int32
  var receiver: Int32
  var context: BinderContext
  var node: Int32
  var size: Int
  /// Where it was received; absent if it was not.
  var receivedLine: Int?
  var receiverThread: Int32?
  /// Where its receiver had gone on, as if it were done with it.
  var wentOnLine: Int?
  /// Oneway messages to the same node that wait for its release.
  var waitingBehind: Int = 0
  /// The oneway message to the same node that it waits for.
  var waitsFor: UInt32?
}
