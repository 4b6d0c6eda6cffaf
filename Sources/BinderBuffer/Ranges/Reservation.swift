/// A range that was just taken.
@frozen
public struct Reservation: Hashable, Sendable, BitwiseCopyable {
  /// In units of 8 bytes.
  @usableFromInline let start: UInt32
  /// Units; the top bit says whether it is spam.
  @usableFromInline let word: UInt32

  @inlinable
  init(start: UInt32, units: UInt32, isSpam: Bool) {
    self.start = start
    word = isSpam ? units | 1 << 31 : units
  }

  /// First byte, a multiple of 8.
  @inlinable public var offset: Int { Int(start) &* 8 }
  /// Bytes taken: the request rounded up to 8, at least 8.
  @inlinable public var size: Int { Int(word & ~(1 << 31)) &* 8 }
  /// Whether the sender is suspected of flooding the region with oneway buffers.
  @inlinable public var isSpam: Bool { word >> 31 == 1 }
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
