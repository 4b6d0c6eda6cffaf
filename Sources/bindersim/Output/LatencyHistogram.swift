/// Counts of times in nanoseconds, in fixed memory and to within one percent.
///
/// Values up to 127 have a bucket each; above, every power of two is cut into 128 equal buckets,
/// so that a bucket is at most 1/128 of its values wide. Values from 2^40 (18 minutes) share the
/// last bucket; the maximum is always exact.
struct LatencyHistogram: Sendable {
  private static let precision = 7
  private static let topExponent = 39
  private static let bucketCount = (topExponent - precision + 2) << precision

  private var buckets = [UInt64](repeating: 0, count: bucketCount)
  private(set) var count: UInt64 = 0
  private(set) var maximum: UInt64 = 0
  private var sum = 0.0
  private var sumOfSquares = 0.0

  mutating func record(_ value: UInt64) {
    buckets[Self.bucket(of: value)] += 1
    count += 1
    maximum = max(maximum, value)
    sum += Double(value)
    sumOfSquares += Double(value) * Double(value)
  }

  mutating func merge(_ other: LatencyHistogram) {
    for index in buckets.indices { buckets[index] += other.buckets[index] }
    count += other.count
    maximum = max(maximum, other.maximum)
    sum += other.sum
    sumOfSquares += other.sumOfSquares
  }

  var mean: Double { count == 0 ? 0 : sum / Double(count) }

  var standardDeviation: Double {
    count == 0 ? 0 : max(0, sumOfSquares / Double(count) - mean * mean).squareRoot()
  }

  /// The number of recorded values that are at most `value` or in the same bucket.
  func count(upTo value: UInt64) -> UInt64 {
    buckets[...Self.bucket(of: value)].reduce(0, +)
  }

  /// The value that a `share` (0 … 1) of all values does not exceed, rounded up to the end of its
  /// bucket: at most one percent above the exact value. 0 when nothing was recorded.
  func quantile(_ share: Double) -> UInt64 {
    let rank = UInt64(max(1, min(Double(count), (share * Double(count)).rounded(.up))))
    var seen: UInt64 = 0
    for (index, bucket) in buckets.enumerated() where bucket > 0 {
      seen += bucket
      guard seen >= rank else { continue }
      return index == Self.bucketCount - 1 ? maximum : min(maximum, Self.end(of: index))
    }
    return maximum
  }

  private static func bucket(of value: UInt64) -> Int {
    let exponent = 63 - (value | 1).leadingZeroBitCount
    guard exponent >= precision else { return Int(value) }
    guard exponent <= topExponent else { return bucketCount - 1 }
    // The leading one bit and the seven bits below it; the leading bit selects the power's row.
    let mantissa = Int(value >> UInt64(exponent - precision))
    return (exponent - precision) << precision + mantissa
  }

  /// The largest value of a bucket.
  private static func end(of bucket: Int) -> UInt64 {
    let row = bucket >> precision
    guard row > 0 else { return UInt64(bucket) }
    let mantissa = UInt64(bucket & (1 << precision - 1)) | 1 << UInt64(precision)
    return (mantissa + 1) << UInt64(row - 1) - 1
  }
}
