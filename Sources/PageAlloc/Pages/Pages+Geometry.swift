/// The page size as a power of two. A constant, so that address arithmetic folds; `PageArena.init`
/// refuses to work on a system with another page size.
@usableFromInline let pageShift = 12

/// Of orders outside 0 through 18 there are no pages: an arena refuses to allocate them, and
/// `align` gives nil.
extension Pages {
  @inlinable @inline(__always)
  static var exists: Bool { order >= 0 && order <= 18 }

  /// The size as a power of two: 12 for a `Page`.
  @inlinable @inline(__always)
  public static var shift: Int { 12 + order }

  /// The size in bytes: 4096 for a `Page`.
  @inlinable @inline(__always)
  public static var size: Int { 1 << shift }

  /// Selects the part of an address that lies above the size: `address & mask` rounds down.
  @inlinable @inline(__always)
  public static var mask: Int { ~(size &- 1) }

  /// The number of single pages: 1 for a `Page`.
  @inlinable @inline(__always)
  public static var count: Int { 1 << order }

  /// Rounds up to a multiple of `size`; nil if `value` is negative, or the result
  /// overflows, or there are no pages of this order.
  @inlinable @inline(__always)
  public static func align(_ value: Int) -> Int? {
    guard exists else { return nil }
    let (sum, overflow) = value.addingReportingOverflow(size - 1)
    return value < 0 || overflow ? nil : sum & mask
  }
}
