import Testing

@testable import bindersim

@Suite(.timeLimit(.minutes(5))) struct LatencyHistogramTests {
  private static let shares = [0.0, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0]

  /// Against the sorted values: never less, at most one percent more.
  @Test(arguments: [1, 2, 10, 1000, 100_000])
  func quantilesAreWithinOnePercent(_ count: Int) {
    var random = SplitMix64(seed: UInt64(count))
    var histogram = LatencyHistogram()
    // All magnitudes from nanoseconds to minutes.
    let values = (0..<count).map { _ in random.next() >> UInt64(random.next(in: 26...60)) }.sorted()
    for value in values { histogram.record(value) }
    #expect(histogram.count == UInt64(count))
    #expect(histogram.maximum == values.last)
    for share in Self.shares {
      let rank = max(1, Int((share * Double(count)).rounded(.up)))
      let exact = values[rank - 1]
      let found = histogram.quantile(share)
      #expect(found >= exact)
      #expect(Double(found) <= Double(exact) * 1.01)
    }
  }

  @Test func smallValuesAreExact() {
    for value in UInt64(0)..<256 {
      var histogram = LatencyHistogram()
      histogram.record(value)
      histogram.record(1 << 30)
      #expect(histogram.quantile(0.5) == value)
    }
  }

  @Test(arguments: [1 << 39, 1 << 40 - 1, 1 << 40, 1 << 50, UInt64.max] as [UInt64])
  func largeValuesKeepTheMaximum(_ value: UInt64) {
    var histogram = LatencyHistogram()
    histogram.record(value)
    #expect(histogram.maximum == value)
    #expect(histogram.quantile(1) == value)
  }

  @Test func mergedIsTheSameAsRecordedTogether() {
    var random = SplitMix64(seed: 5)
    var all = LatencyHistogram()
    var parts = [LatencyHistogram(), LatencyHistogram(), LatencyHistogram()]
    for index in 0..<3000 {
      let value = random.next() >> 40
      all.record(value)
      parts[index % 3].record(value)
    }
    var merged = LatencyHistogram()
    for part in parts { merged.merge(part) }
    #expect(merged.count == all.count)
    #expect(merged.maximum == all.maximum)
    for share in Self.shares { #expect(merged.quantile(share) == all.quantile(share)) }
  }

  @Test func emptyIsZero() {
    #expect(LatencyHistogram().quantile(0.99) == 0)
  }
}
