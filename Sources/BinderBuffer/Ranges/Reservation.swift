/// A range that was just taken.
@frozen
public struct Reservation: Hashable, Sendable, BitwiseCopyable {
  @usableFromInline let start: UInt32
  @usableFromInline let length: UInt32

  /// Whether the sender is suspected of flooding the region with oneway buffers.
  public let isSpam: Bool

  @inlinable
  init(start: UInt32, length: UInt32, isSpam: Bool) {
    self.start = start
    self.length = length
    self.isSpam = isSpam
  }

  /// First byte, a multiple of 8.
  @inlinable public var offset: Int { Int(start) }
  /// Bytes taken: the request rounded up to 8, at least 8.
  @inlinable public var size: Int { Int(length) }
}

/// A committed range that was taken back into the reserved state, with what it carried.
public struct ReservedAgain<Metadata> {
  /// Bytes taken.
  public let size: Int
  /// The number given when it was reserved.
  public let debugID: UInt32
  /// What was committed with it.
  public let metadata: Metadata

  @inlinable
  init(size: Int, debugID: UInt32, metadata: Metadata) {
    self.size = size
    self.debugID = debugID
    self.metadata = metadata
  }
}

extension ReservedAgain: Sendable where Metadata: Sendable {}
