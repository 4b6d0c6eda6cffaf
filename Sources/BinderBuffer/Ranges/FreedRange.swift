/// What a freed buffer left behind, with the pages that nobody touches any more.
///
/// Pages are 4096 bytes; page sets are exact when the region's length is a multiple of that.
@frozen
public struct FreedRange: Hashable, Sendable, BitwiseCopyable {
  @usableFromInline let start: UInt32
  @usableFromInline let length: UInt32
  @usableFromInline let holeStart: UInt32
  @usableFromInline let holeEnd: UInt32

  @inlinable
  init(start: UInt32, length: UInt32, holeStart: UInt32, holeEnd: UInt32) {
    self.start = start
    self.length = length
    self.holeStart = holeStart
    self.holeEnd = holeEnd
  }

  /// First byte of the freed buffer.
  @inlinable public var offset: Int { Int(start) }
  /// Bytes the freed buffer had taken.
  @inlinable public var size: Int { Int(length) }
  /// The free range that now surrounds it, in bytes.
  @inlinable public var hole: Range<Int> { Int(holeStart)..<Int(holeEnd) }

  /// The pages touched by the freed buffer that no live buffer touches now: those wholly inside
  /// the hole. Empty when the buffer shared all its pages.
  @inlinable
  public var pages: Range<Int> {
    let lower = max(start >> 12, (holeStart &+ 4095) >> 12)
    let upper = min((start &+ length &+ 4095) >> 12, holeEnd >> 12)
    return Int(lower)..<Int(max(lower, upper))
  }

  /// The pages wholly inside the freed buffer, a subset of ``pages``.
  @inlinable
  public var interior: Range<Int> {
    let lower = (start &+ 4095) >> 12
    return Int(lower)..<Int(max(lower, (start &+ length) >> 12))
  }
}

/// A freed buffer together with what was committed with it.
public struct Freed<Metadata> {
  /// Where it was.
  public let range: FreedRange
  /// What was committed with it.
  public let metadata: Metadata

  @inlinable
  init(range: FreedRange, metadata: Metadata) {
    self.range = range
    self.metadata = metadata
  }
}

extension Freed: Sendable where Metadata: Sendable {}
