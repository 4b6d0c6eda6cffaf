/// Numbers for people. Everything is exact integer arithmetic: the same on every machine.
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

  /// `value / unit` with one decimal: `tenths(1_250, of: 1_000)` is "1.3".
  static func tenths(_ value: Int, of unit: Int) -> String {
    let (whole, rest) = value.quotientAndRemainder(dividingBy: unit)
    let tenth = (rest * 10 + unit / 2) / unit
    return tenth == 10 ? "\(grouped(whole + 1)).0" : "\(grouped(whole)).\(tenth)"
  }

  /// `4,096 B`, `1.5 MiB`: bytes as they are up to 10 KiB, then in the largest fitting unit.
  static func bytes(_ value: Int) -> String {
    switch value.magnitude {
    case ..<(10 << 10): "\(grouped(value)) B"
    case ..<(1 << 20): "\(tenths(value, of: 1 << 10)) KiB"
    case ..<(1 << 30): "\(tenths(value, of: 1 << 20)) MiB"
    default: "\(tenths(value, of: 1 << 30)) GiB"
    }
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

  /// How many a second; `nanoseconds` is the time that it took.
  static func rate(_ count: Int, in nanoseconds: UInt64) -> Int {
    guard nanoseconds > 0, count > 0 else { return 0 }
    let product = UInt64(count).multipliedFullWidth(by: 1_000_000_000)
    // The quotient fits whenever fewer than 2^64 things happen in a second.
    guard product.high < nanoseconds else { return .max }
    return Int(clamping: nanoseconds.dividingFullWidth(product).quotient)
  }
}
