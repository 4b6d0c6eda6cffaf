/// How long receivers hold buffers: a few measured quantiles, interpolated linearly.
struct HoldTimes: Sendable {
  /// How many of a thousand buffers are held; the others are freed as soon as they are read.
  let heldPerMille: Int
  /// Whether a receiver that already holds its maximum waits until it can hold the next buffer, and
  /// so is slow; otherwise it frees that one at once.
  let isStrict: Bool
  /// The largest number of buffers that a receiver holds at once in real time; by default what the
  /// busiest process of the captures had.
  let limit: Int
  /// Ascending; the first is at share 0 and the last at 1,000 ‰.
  private let points: [(perMille: Int, microseconds: Int)]

  init(
    heldPerMille: Int, isStrict: Bool = false, limit: Int = 16, p50: Int, p90: Int, p99: Int
  ) {
    self.heldPerMille = heldPerMille
    self.limit = limit
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
