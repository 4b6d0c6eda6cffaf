/// Numbers with a unit, as people write them: `1016K`, `1.5s`, `10k`.
enum Quantity {
  /// The number in the smallest unit; nil when `text` is not a number with one of `units`, is not
  /// whole in the smallest unit, or does not fit.
  static func parse(_ text: String, units: [(suffix: String, scale: Int)]) -> Int? {
    let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    let suffix = text.dropFirst(number.count)
    guard let scale = units.first(where: { $0.suffix == suffix })?.scale else { return nil }
    let parts = number.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count <= 2, parts.allSatisfy({ !$0.isEmpty }) else { return nil }
    guard let whole = Int(parts[0]) else { return nil }
    let (scaled, overflow) = whole.multipliedReportingOverflow(by: scale)
    guard !overflow else { return nil }
    guard parts.count == 2 else { return scaled }
    guard let fraction = fraction(parts[1], of: scale) else { return nil }
    let (sum, carry) = scaled.addingReportingOverflow(fraction)
    return carry ? nil : sum
  }

  /// `0.digits × scale`, when that is whole.
  private static func fraction(_ digits: Substring, of scale: Int) -> Int? {
    guard digits.count <= 9, let numerator = Int(digits) else { return nil }
    let denominator = (0..<digits.count).reduce(1) { product, _ in product * 10 }
    let (product, overflow) = numerator.multipliedReportingOverflow(by: scale)
    return overflow || product % denominator != 0 ? nil : product / denominator
  }
}

extension ValueSyntax<Int> {
  /// Bytes: `4096`, `4K`, `1016K`, `2M`; K, M and G are powers of 1,024.
  static var size: Self {
    Self("SIZE", accepted: "a size like 4096, 4K, 1016K or 2M") {
      Quantity.parse($0, units: sizeUnits)
    }
  }

  /// A number of things: `8`, `10k`, `1M`; k, M and G are powers of 1,000.
  static var count: Self {
    Self("N", accepted: "a number like 8, 10k or 1M") {
      Quantity.parse(
        $0,
        units: [
          ("", 1), ("k", 1000), ("K", 1000), ("M", 1_000_000), ("m", 1_000_000),
          ("G", 1_000_000_000),
        ])
    }
  }

  /// A count within bounds.
  static func count(in range: ClosedRange<Int>) -> Self {
    count.filter(
      accepted: "a number from \(Format.grouped(range.lowerBound)) to "
        + "\(Format.grouped(range.upperBound))"
    ) { range.contains($0) }
  }

  private static var sizeUnits: [(suffix: String, scale: Int)] {
    [
      ("", 1), ("B", 1), ("K", 1 << 10), ("k", 1 << 10), ("KiB", 1 << 10), ("M", 1 << 20),
      ("m", 1 << 20), ("MiB", 1 << 20), ("G", 1 << 30), ("GiB", 1 << 30),
    ]
  }
}

extension ValueSyntax<Duration> {
  /// `500ms`, `5s`, `2m`; always with a unit.
  static var duration: Self {
    Self("TIME", accepted: "a time like 500ms, 5s or 2m") { text in
      Quantity.parse(
        text,
        units: [
          ("us", 1000), ("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000),
          ("h", 3_600_000_000_000),
        ]
      ).map { .nanoseconds($0) }
    }
  }
}

extension ValueSyntax<UInt64> {
  /// A seed: decimal or `0x` hexadecimal.
  static var seed: Self {
    Self("SEED", accepted: "a number from 0 to 2^64 - 1, decimal or 0x hexadecimal") { text in
      text.hasPrefix("0x") ? UInt64(text.dropFirst(2), radix: 16) : UInt64(text)
    }
  }
}
