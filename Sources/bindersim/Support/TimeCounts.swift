/// How often something happened when, in bounded memory: counts in intervals of equal length, which
/// become ten times longer whenever there are too many of them.
struct TimeCounts: Codable, Equatable, Sendable {
  /// A part of the time. Nanoseconds, of whatever clock was counted in.
  struct Interval: Codable, Equatable, Sendable {
    var from: UInt64
    /// Exclusive.
    var to: UInt64
    /// How often it happened in each of the series.
    var counts: [Int]
  }

  private static let capacity = 512

  /// Nanoseconds; a power of ten.
  private var width: UInt64 = 1_000_000
  /// By number of the interval.
  private var counts: [UInt64: Int] = [:]

  var isEmpty: Bool { counts.isEmpty }
  var total: Int { counts.values.reduce(0, +) }

  mutating func add(at time: UInt64, _ count: Int = 1) {
    counts[time / width, default: 0] += count
    if counts.count > Self.capacity { widen(to: width * 10) }
  }

  mutating func merge(_ other: TimeCounts) {
    if other.width > width { widen(to: other.width) }
    for (index, count) in other.counts { add(at: index * other.width, count) }
  }

  private mutating func widen(to length: UInt64) {
    let old = counts.map { (time: $0.key * width, count: $0.value) }
    width = length
    counts = [:]
    for (time, count) in old { add(at: time, count) }
  }

  // MARK: As JSON

  /// Its intervals: times are told as exactly as people want them.
  func encode(to encoder: any Encoder) throws {
    try Self.intervals(of: [self]).encode(to: encoder)
  }

  init(from decoder: any Decoder) throws {
    for interval in try [Interval](from: decoder) { add(at: interval.from, interval.counts[0]) }
  }

  init() {}

  /// At most `most` intervals of one round length, side by side for several series; those in which
  /// nothing happened are left out.
  static func intervals(of series: [TimeCounts], most: Int = 12) -> [Interval] {
    var all = series
    let width = all.map(\.width).max() ?? 1
    for index in all.indices where all[index].width < width { all[index].widen(to: width) }
    let keys = all.flatMap(\.counts.keys)
    // Widening one that is too full may have made it longer than the others.
    guard all.allSatisfy({ $0.width == width }) else { return intervals(of: all, most: most) }
    guard let first = keys.min(), let last = keys.max() else { return [] }
    var length = 1 as UInt64
    var factors = [2, 5, 10] as [UInt64]
    var power = 1 as UInt64
    while last / length - first / length >= UInt64(max(1, most)) {
      length = factors.removeFirst() * power
      if factors.isEmpty {
        factors = [2, 5, 10]
        power *= 10
      }
    }
    return Set(keys.map { $0 / length }).sorted().map { part in
      Interval(
        from: part * length * width,
        to: (part + 1).multipliedReportingOverflow(by: length * width)
          .overflow ? .max : (part + 1) * length * width,
        counts: all.map { counts in
          counts.counts.reduce(0) { $0 + ($1.key / length == part ? $1.value : 0) }
        })
    }
  }
}
