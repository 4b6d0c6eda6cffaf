/// What the sender learns when a transaction was taken.
public struct Receipt: Hashable, Sendable, BitwiseCopyable {
  /// The buffer's number, unique in the context.
  public let debugID: UInt32
  /// Where the buffer lies in the receiver's region, in bytes.
  public let offset: Int
  /// The bytes that it takes there.
  public let size: Int
  /// What the driver says about the sender, by its rule of oneway spam.
  public let spam: SpamFinding

  /// The sender is told that it is suspected of oneway spam.
  public var isSpam: Bool { spam == .reported }

  @inline(__always)
  init(_ buffer: borrowing ReservedBuffer) {
    debugID = buffer.debugID
    offset = buffer.offset
    size = buffer.size
    spam = buffer.reservation.spam
  }
}
