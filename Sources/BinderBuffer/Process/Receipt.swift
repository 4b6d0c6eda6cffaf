/// What the sender learns when a transaction was taken.
public struct Receipt: Hashable, Sendable, BitwiseCopyable {
  /// The buffer's number, unique in the context.
  public let debugID: UInt32
  /// Where the buffer lies in the receiver's region, in bytes.
  public let offset: Int
  /// The bytes that it takes there.
  public let size: Int
  /// The sender is suspected of oneway spam.
  public let isSpam: Bool

  @inline(__always)
  init(_ buffer: borrowing ReservedBuffer) {
    debugID = buffer.debugID
    offset = buffer.offset
    size = buffer.size
    isSpam = buffer.isSpam
  }
}
