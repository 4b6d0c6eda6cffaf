/// What a replay does to the engine, in the order of the capture.
enum ReplayStep: Equatable, Sendable {
  case send(PlannedBuffer)
  case free(slot: Int, rule: FreeRule)
}

/// One buffer of a capture: from whom, for whom, how large.
struct PlannedBuffer: Equatable, Sendable {
  enum Kind: Equatable, Sendable { case request, reply, oneway }

  /// Names the buffer until it is freed; then another may have the number.
  var slot: Int
  var transaction: UInt32
  var kind: Kind
  var sender: Int32
  var destination: Int32
  /// The slot of the request that this is the reply to; nil when it is not live.
  var request: Int?
  var code: UInt32
  var dataSize: Int
  var offsetsSize: Int
  var extraSize: Int
  var line: Int
  var nanoseconds: UInt64

  /// What it takes of a region: each part rounded up to 8, and 8 at least.
  var size: Int {
    let parts = [dataSize, offsetsSize, extraSize]
    guard parts.allSatisfy({ $0 <= Int.max / 4 }) else { return .max }
    return max(8, parts.reduce(0) { $0 + ($1 + 7) & ~7 })
  }
}

/// How a replay knows that a buffer was freed.
enum FreeRule: String, CaseIterable, Sendable, Codable {
  case recorded, failed, superseded, replySent, replyReceived, onewayNextAction, onewayNextOnNode

  var text: String {
    switch self {
    case .recorded: "as recorded"
    case .failed: "as recorded for a failed transaction"
    case .superseded: "as recorded for a oneway that a younger one replaced"
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
    case .noAllocBuf: "no binder_transaction_alloc_buf line: its sizes are unknown"
    case .noDestination:
      "its destination is no process (pids are 1 to \(ReplayPlanner.pids.upperBound))"
    case .offsetsDoNotFit: "more offsets than the data has room for objects"
    }
  }
}
