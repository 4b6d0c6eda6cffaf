/// Numbers for people, in exact integer arithmetic: the same on every machine.
enum Format {
  /// `1,234,567`
  static func grouped(_ value: Int) -> String {
    let digits = String(value.magnitude)
    var text = value < 0 ? "-" : ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index).isMultiple(of: 3) { text.append(",") }
      text.append(digit)
    }
    return text
  }

  /// `1 buffer`, `2,000 buffers`
  static func count(_ count: Int, _ thing: String) -> String {
    "\(grouped(count)) \(thing)" + (count == 1 ? "" : "s")
  }

  /// The verb of so many things.
  static func be(_ count: Int) -> String { count == 1 ? "is" : "are" }
  static func was(_ count: Int) -> String { count == 1 ? "was" : "were" }

  /// `value / unit` with one decimal: `tenths(1_250, of: 1_000)` is "1.3".
  static func tenths(_ value: Int, of unit: Int) -> String {
    let (whole, rest) = value.quotientAndRemainder(dividingBy: unit)
    let tenth = (rest * 10 + unit / 2) / unit
    return tenth == 10 ? "\(grouped(whole + 1)).0" : "\(grouped(whole)).\(tenth)"
  }

  /// `4,096 B`, `1.5 MiB`: plain bytes up to 10 KiB, then the largest unit that fits.
  static func bytes(_ value: Int) -> String {
    switch value.magnitude {
    case ..<(10 << 10): "\(grouped(value)) B"
    case ..<(1 << 20): "\(tenths(value, of: 1 << 10)) KiB"
    case ..<(1 << 30): "\(tenths(value, of: 1 << 20)) MiB"
    default: "\(tenths(value, of: 1 << 30)) GiB"
    }
  }

  /// As it is given on the command line: `1016K`, `2M`.
  static func size(_ bytes: Int) -> String {
    if bytes % (1 << 20) == 0 { return "\(bytes >> 20)M" }
    return bytes % (1 << 10) == 0 ? "\(bytes >> 10)K" : "\(bytes)"
  }

  /// `870 ns`, `12.3 µs`, `4.1 ms`, `5.0 s`
  static func time(nanoseconds value: UInt64) -> String {
    let value = Int(clamping: value)
    return switch value {
    case ..<1000: "\(value) ns"
    case ..<1_000_000: "\(tenths(value, of: 1000)) µs"
    case ..<1_000_000_000: "\(tenths(value, of: 1_000_000)) ms"
    default: "\(tenths(value, of: 1_000_000_000)) s"
    }
  }

  /// `value` rounded to `digits` decimals: `decimal(1.5, digits: 3)` is "1.500".
  ///
  /// - Precondition: `value` is finite, and `value * 10^digits` is at most 2^53, up to which doubles
  ///   are exact.
  static func decimal(_ value: Double, digits: Int = 1) -> String {
    let unit = (0..<digits).reduce(1) { product, _ in product * 10 }
    let scaled = Int((value.magnitude * Double(unit)).rounded())
    let sign = value < 0 && scaled > 0 ? "-" : ""
    guard digits > 0 else { return "\(sign)\(scaled)" }
    let fraction = String(scaled % unit)
    let zeros = String(repeating: "0", count: digits - fraction.count)
    return "\(sign)\(scaled / unit).\(zeros)\(fraction)"
  }

  /// A rate per second; `nanoseconds` is the time taken.
  static func rate(_ count: Int, in nanoseconds: UInt64) -> Int {
    guard nanoseconds > 0, count > 0 else { return 0 }
    let product = UInt64(count).multipliedFullWidth(by: 1_000_000_000)
    // The quotient fits unless 2^64 or more things happen in a second.
    guard product.high < nanoseconds else { return .max }
    return Int(clamping: nanoseconds.dividingFullWidth(product).quotient)
  }

  /// `12,000 requests, 45,000/s, 3.2 s left`: the time left is estimated from the progress so far.
  ///
  /// - Parameters:
  ///   - count: Number of items done in `elapsed` nanoseconds.
  ///   - done: The part of `total` that is done, in any unit; without it no end is estimated.
  static func progress(
    _ count: Int, _ things: String, in elapsed: UInt64, done: Int, of total: Int?
  ) -> String {
    let line = "\(grouped(count)) \(things), \(grouped(rate(count, in: elapsed)))/s"
    guard let total, done > 0, total > done, elapsed > 100_000_000 else { return line }
    let left = Double(elapsed) * Double(total - done) / Double(done)
    guard left < 1e18 else { return line }
    return line + ", \(time(nanoseconds: UInt64(left))) left"
  }
}
