/// A scale with labelled marks. Values lie between 0 and `end`, places between 0 and 1.
struct Axis: Sendable {
  struct Mark: Sendable {
    let place: Double
    let label: String
  }

  let end: Double
  let marks: [Mark]
  private let isPercentiles: Bool
  private let floor: Double

  func place(_ value: Double) -> Double {
    if isPercentiles { return min(1, Self.nines(value) / end) }
    if floor > 0 { return max(0, Self.log10(max(value, floor) / floor)) / Self.log10(end / floor) }
    return min(1, max(0, value / end))
  }

  // MARK: Kinds of axes

  /// Counts from 0; marks at round numbers.
  static func counts(to largest: Int) -> Axis {
    let step = max(1, roundStep(Double(max(1, largest)) / 4))
    return linear(to: roundedUp(Double(max(1, largest)), step), step: step) {
      Format.grouped(Int($0))
    }
  }

  /// Places from 0 to exactly `count`.
  static func exactly(_ count: Int) -> Axis {
    linear(to: Double(count), step: max(1, roundStep(Double(count) / 6))) {
      Format.grouped(Int($0))
    }
  }

  /// Bytes from 0; marks at powers of two and their multiples.
  static func bytes(to largest: Int) -> Axis {
    var step = 1
    while step * 5 < largest { step *= 2 }
    return linear(to: roundedUp(Double(max(8, largest)), Double(step)), step: Double(step)) {
      shortBytes(Int($0))
    }
  }

  static func percent() -> Axis {
    linear(to: 1000, step: 250) { "\(Int($0 / 10)) %" }
  }

  /// Nanoseconds from 0, in the unit that suits the end.
  static func time(to end: UInt64) -> Axis {
    let step = roundStep(Double(max(1, end)) / 6)
    let digits = decimals(step)
    return linear(to: Double(max(1, end)), step: step) { value in
      let (scaled, unit) = timeUnit(value, of: Double(end))
      return value == 0 ? "0" : "\(Format.decimal(scaled, digits: digits(Double(end)))) \(unit)"
    }
  }

  /// Nanoseconds on a logarithmic scale, from the power of ten below `smallest`.
  static func logTime(from smallest: UInt64, to largest: UInt64) -> Axis {
    var low = 1.0
    while low * 10 <= Double(max(1, smallest)) { low *= 10 }
    var high = low * 10
    while high < Double(largest) { high *= 10 }
    let decades = Int(log10(high / low).rounded())
    let marks = (0...decades).map { decade in
      Mark(
        place: Double(decade) / Double(decades),
        label: powerOfTen(low * (0..<decade).reduce(1.0) { product, _ in product * 10 }))
    }
    return Axis(end: high, marks: marks, isPercentiles: false, floor: low)
  }

  /// Shares of all values, stretched towards 1 so that each additional nine has the same width.
  static func percentiles(of count: UInt64) -> Axis {
    let labels = ["0", "90 %", "99 %", "99.9 %", "99.99 %", "99.999 %", "99.9999 %"]
    let last = min(Double(labels.count - 1), max(1, log10(Double(max(10, count)))))
    var marks = labels.enumerated().filter { Double($0.offset) <= last }
      .map { Mark(place: Double($0.offset) / last, label: $0.element) }
    marks.insert(Mark(place: nines(0.5) / last, label: "50 %"), at: 1)
    // The median says more than 0 does, and there is no room for both.
    if last > 4 { marks.removeFirst() }
    return Axis(end: last, marks: marks, isPercentiles: true, floor: 0)
  }

  private static func linear(
    to end: Double, step: Double, _ label: (Double) -> String
  ) -> Axis {
    let count = Int(end / step)
    let marks = (0...count).map { index in
      Mark(place: Double(index) * step / end, label: label(Double(index) * step))
    }
    return Axis(end: end, marks: marks, isPercentiles: false, floor: 0)
  }

  // MARK: Numbers

  private static func roundedUp(_ value: Double, _ step: Double) -> Double {
    (value / step).rounded(.up) * step
  }

  /// 0.9 is 1, 0.99 is 2.
  private static func nines(_ share: Double) -> Double {
    share >= 1 ? .infinity : -log10(1 - share)
  }

  /// The smallest of 1, 2, 5, 10, … that is at least `value`.
  private static func roundStep(_ value: Double) -> Double {
    var power = 1.0
    while power * 10 <= value { power *= 10 }
    return [1, 2, 5, 10].map { $0 * power }.first { $0 >= value } ?? power * 10
  }

  private static func timeUnit(_ value: Double, of end: Double) -> (Double, String) {
    switch end {
    case ..<1000: (value, "ns")
    case ..<1_000_000: (value / 1000, "µs")
    case ..<1_000_000_000: (value / 1_000_000, "ms")
    default: (value / 1_000_000_000, "s")
    }
  }

  /// The number of decimals that marks `step` apart need.
  private static func decimals(_ step: Double) -> (Double) -> Int {
    { end in timeUnit(step, of: end).0 < 1 ? 1 : 0 }
  }

  private static func powerOfTen(_ nanoseconds: Double) -> String {
    let (value, unit) = timeUnit(nanoseconds, of: nanoseconds)
    return "\(Int(value.rounded())) \(unit)"
  }

  /// `64 B`, `256 KiB`, `2 MiB`: for round numbers.
  static func shortBytes(_ value: Int) -> String {
    switch value {
    case ..<1024: "\(value) B"
    case ..<(1 << 20): "\(trimmed(value, 1 << 10)) KiB"
    default: "\(trimmed(value, 1 << 20)) MiB"
    }
  }

  private static func trimmed(_ value: Int, _ unit: Int) -> String {
    value % unit == 0 ? "\(value / unit)" : Format.tenths(value, of: unit)
  }

  private static func log10(_ value: Double) -> Double { Logarithm.base10(value) }
}
