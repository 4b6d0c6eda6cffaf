/// What a freed buffer left behind, with the pages that nobody touches any more.
///
/// Pages are 4096 bytes; page sets are exact when the region's length is a multiple of that.
@frozen
public struct FreedRange: Hashable, Sendable, BitwiseCopyable {
  // All in units of 8 bytes.
  @usableFromInline let start: UInt32
  @usableFromInline let units: UInt32
  @usableFromInline let holeStart: UInt32
  @usableFromInline let holeEnd: UInt32

  @inlinable
  init(start: UInt32, units: UInt32, holeStart: UInt32, holeEnd: UInt32) {
    self.start = start
    self.units = units
    self.holeStart = holeStart
    self.holeEnd = holeEnd
  }

  /// First byte of the freed buffer.
  @inlinable public var offset: Int { Int(start) &* 8 }
  /// Bytes the freed buffer had taken.
  @inlinable public var size: Int { Int(units) &* 8 }
  /// The free range that now surrounds it, in bytes.
  @inlinable public var hole: Range<Int> { Int(holeStart) &* 8..<Int(holeEnd) &* 8 }

  /// The pages touched by the freed buffer that no live buffer touches now: those wholly inside
  /// the hole. Empty when the buffer shared all its pages.
  @inlinable
  public var pages: Range<Int> {
    let lower = max(start >> 9, (holeStart &+ 511) >> 9)
    let upper = min((start &+ units &+ 511) >> 9, holeEnd >> 9)
    return Int(lower)..<Int(max(lower, upper))
  }

  /// The pages wholly inside the freed buffer, a subset of ``pages``.
  @inlinable
  public var interior: Range<Int> {
    let lower = (start &+ 511) >> 9
    return Int(lower)..<Int(max(lower, (start &+ units) >> 9))
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
