/// What a driver says about the sender of a oneway buffer when oneway space is low.
public enum SpamFinding: UInt8, Hashable, Sendable, BitwiseCopyable {
  /// Nothing.
  case none
  /// A line in the kernel's log.
  case logged
  /// A line in the log, and the sender is told that it is suspected of flooding the region.
  case reported
}

/// A range that was just taken.
@frozen
public struct Reservation: Hashable, Sendable, BitwiseCopyable {
  /// In units of 8 bytes.
  @usableFromInline let start: UInt32
  /// Units; the finding above them.
  @usableFromInline let word: UInt32

  init(start: UInt32, units: UInt32, spam: SpamFinding) {
    self.start = start
    word = UInt32(spam.rawValue) << 30 | units
  }

  /// First byte, a multiple of 8.
  @inlinable public var offset: Int { Int(start) &* 8 }
  /// Bytes taken: the request rounded up to 8, at least 8.
  @inlinable public var size: Int { Int(word & 0x3FFF_FFFF) &* 8 }
  /// What is said about the sender, by the policy's rule of oneway spam.
  public var spam: SpamFinding { SpamFinding(rawValue: UInt8(word >> 30)) ?? .none }
  /// Whether the sender is told that it is suspected of flooding the region with oneway buffers.
  @inlinable public var isSpam: Bool { word >> 30 == 2 }
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
