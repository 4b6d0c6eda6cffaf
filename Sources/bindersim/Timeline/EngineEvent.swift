internal import BinderBuffer

/// One step of a buffer's life. The recorder and all exports read this stream of events, whether it
/// comes from threads, from simulated time or from a capture.
struct EngineEvent: Sendable {
  enum Step: Sendable {
    case sent(SentBuffer)
    /// The buffer with this number was handed to its receiver.
    case received(UInt32)
    case freed(UInt32)
    case failed(SentBuffer, FailureKind)
  }

  var step: Step
  /// Nanoseconds since the start.
  var time: UInt64
  /// Duration of the step in nanoseconds; 0 in simulated time.
  var duration: UInt64 = 0
  /// The thread that did it.
  var process: Int32
  var thread: Int32
}

/// How a message travels.
enum MessageKind: Int, CaseIterable, Sendable {
  case request, reply, oneway

  var name: String {
    switch self {
    case .request: "request"
    case .reply: "reply"
    case .oneway: "oneway"
    }
  }

  init(isReply: Bool, isOneway: Bool) {
    self = isReply ? .reply : isOneway ? .oneway : .request
  }
}

/// A message as it was sent. Sizes and the offset in bytes.
struct SentBuffer: Sendable {
  /// The buffer's number; 0 when it was refused.
  var id: UInt32 = 0
  var kind: MessageKind
  var sender: Int32
  /// The process in whose region it is placed.
  var receiver: Int32
  /// For a reply, the thread that waits for it; otherwise 0.
  var awaitedBy: Int32 = 0
  var node: Int32 = 0
  var code: UInt32 = 0
  var offset = 0
  /// The bytes that it takes in the region.
  var size = 0
  var dataSize: Int
  var offsetsSize: Int
  var extraSize: Int
  var isSpam = false
  /// Of a replay: where the capture has it.
  var origin: CaptureOrigin?

  /// The number that a person knows it by: the capture's, where it is of one.
  var number: UInt32 { origin?.transaction ?? id }

  /// The bytes that were requested: each part is rounded up to 8 bytes.
  var wantedSize: Int {
    let parts = [dataSize, offsetsSize, extraSize]
    // What a capture says may be any number.
    guard parts.allSatisfy({ $0 <= Int.max / 4 }) else { return .max }
    return max(8, parts.reduce(0) { $0 + (($1 + 7) & ~7) })
  }
}

/// Where a capture has a message: what finds it again there, or in Perfetto.
struct CaptureOrigin: Equatable, Sendable {
  var transaction: UInt32
  var line: Int
  /// As the capture tells the time.
  var nanoseconds: UInt64
}

extension SentBuffer {
  /// The same message after the engine accepted it.
  func placed(_ receipt: Receipt) -> SentBuffer {
    var placed = self
    placed.id = receipt.debugID
    placed.offset = receipt.offset
    placed.size = receipt.size
    placed.isSpam = receipt.isSpam
    return placed
  }
}
