/// Equal columns of time from the beginning on, never more than `capacity`: when a moment lies
/// beyond the last, every two columns become one.
struct TimeGrid: Sendable {
  static let capacity = 256
  /// Nanoseconds that a column is wide.
  private(set) var width: UInt64 = 1024

  /// The moment's column; `merge` is called each time that pairs of columns become one.
  mutating func column(of time: UInt64, merge: () -> Void) -> Int {
    while time / width >= UInt64(Self.capacity), width < 1 << 62 {
      width *= 2
      merge()
    }
    return Int(time / width)
  }
}
