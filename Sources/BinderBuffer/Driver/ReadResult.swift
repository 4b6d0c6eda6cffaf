/// What a read brought.
public struct ReadResult: Sendable {
  /// Bytes in the buffer: what `read_consumed` grows by.
  public var byteCount: Int
  /// The process that waits for the answer of the call in it; nil without a call, or when it is gone.
  public var sender: DriverProcessID?
  /// Where that process's pid stands in the buffer, as it was given to `open`.
  public var senderPIDPosition: Int?
  /// Files that the receiver is to get, nearly always none. Install them outside the lock, then
  /// call `Driver.finish(_:)`, or `Driver.installFailed(_:)`.
  public var files: [FileToken] = []

  // Of the transaction with files.
  var receiver = DriverProcessID(raw: .max, generation: 0)
  var reader = DriverThreadID(raw: .max, generation: 0)
  var buffer = 0
  var positions: [Int] = []
  var descriptors: [Int32] = []
  var transactionID: UInt32 = 0
  var isReply = false
  /// Where the transaction's return begins.
  var returnStart = 0

  init(byteCount: Int) { self.byteCount = byteCount }

  /// The receiver has the file `files[index]` under this number now. In any order.
  public mutating func install(_ descriptor: Int32, at index: Int) {
    descriptors[index] = descriptor
  }
}

/// How a read went.
public enum ReadStep: Sendable {
  /// It brought something, if only the no-op.
  case ready(ReadResult)
  /// Nothing yet: wait until the thread is among `Effects.woken`, then read again.
  case wait
  /// `EAGAIN` without waiting; nothing was read.
  case wouldBlock
  /// The thread is gone.
  case gone
}
