/// HdrHistogram's percentile text, which its plotting tools read. Values are in microseconds.
enum PercentileText {
  /// The number of points for each halving of the distance to 100 %, as HdrHistogram's tools have it.
  private static let ticksPerHalfDistance = 5
  private static let nanosecondsPerUnit = 1000.0

  static func text(_ series: LatencySeries) -> String {
    let histogram = series.histogram
    var text = "#[Latencies in microseconds: \(series.title)]\n"
    text += "       Value     Percentile TotalCount 1/(1-Percentile)\n\n"
    for share in shares(of: histogram.count) {
      let value = histogram.quantile(share)
      text += line(value, share, histogram.count(upTo: value))
    }
    text += "#[Mean    = \(padded(histogram.mean / nanosecondsPerUnit)),"
    text += " StdDeviation   = \(padded(histogram.standardDeviation / nanosecondsPerUnit))]\n"
    text += "#[Max     = \(padded(Double(histogram.maximum) / nanosecondsPerUnit)),"
    text += " Total count    = \(left(String(histogram.count), 12))]\n"
    text += "#[Buckets = \(left("33", 12)), SubBuckets     = \(left("128", 12))]\n"
    return text
  }

  /// 0, then ever closer to 1 until a step is less than one value; finally 1.
  static func shares(of count: UInt64) -> [Double] {
    guard count > 0 else { return [] }
    var shares: [Double] = []
    var rest = 1.0
    while rest * Double(count) >= 1 {
      for tick in 0..<ticksPerHalfDistance {
        shares.append(1 - rest * (1 - Double(tick) / Double(2 * ticksPerHalfDistance)))
      }
      rest /= 2
    }
    return shares + [1]
  }

  private static func line(_ value: UInt64, _ share: Double, _ count: UInt64) -> String {
    let head =
      "\(padded(Double(value) / nanosecondsPerUnit)) \(Format.decimal(share, digits: 12)) \(left(String(count), 10))"
    return share < 1
      ? "\(head) \(left(Format.decimal(1 / (1 - share), digits: 2), 14))\n" : "\(head)\n"
  }

  private static func padded(_ value: Double) -> String {
    left(Format.decimal(value, digits: 3), 12)
  }

  private static func left(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }
}
