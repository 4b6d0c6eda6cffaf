/// How long receivers keep buffers: a few measured quantiles, with straight lines between them.
struct HoldTimes: Sendable {
  /// One buffer in this many is held, the others are freed as soon as they were read.
  let oneIn: Int
  /// Whether a receiver that holds all it may waits until it can hold the next, and so is slow;
  /// others free that one at once.
  let isStrict: Bool
  /// Ascending; the first is at share 0, the last at share 1,000 ‰.
  private let points: [(perMille: Int, microseconds: Int)]

  init(oneIn: Int, isStrict: Bool = false, p50: Int, p90: Int, p99: Int) {
    self.oneIn = oneIn
    self.isStrict = isStrict
    // The longest hold was not recorded; twice the 99th percentile stands for it.
    points = [(0, 0), (500, p50), (900, p90), (990, p99), (1000, 2 * p99)]
  }

  /// A hold time in nanoseconds.
  func draw(_ random: inout SplitMix64) -> UInt64 {
    let share = random.next(below: 1_000_000)
    let upper = points.firstIndex { $0.perMille * 1000 > share } ?? points.count - 1
    let (low, high) = (points[upper - 1], points[upper])
    let width = (high.perMille - low.perMille) * 1000
    let rise = (high.microseconds - low.microseconds) * 1000
    return UInt64(low.microseconds * 1000 + rise * (share - low.perMille * 1000) / width)
  }
}
