/// Equal columns of time from the start, at most `capacity`: when a time lies beyond the last
/// column, each pair of columns is merged into one.
struct TimeGrid: Sendable {
  static let capacity = 256
  /// The width of a column in nanoseconds.
  private(set) var width: UInt64 = 1024

  /// The column of a time; `merge` is called each time that pairs of columns are merged.
  mutating func column(of time: UInt64, merge: () -> Void) -> Int {
    while time / width >= UInt64(Self.capacity), width < 1 << 62 {
      width *= 2
      merge()
    }
    return Int(time / width)
  }
}
