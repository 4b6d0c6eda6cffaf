internal import BinderBuffer

/// What a region went through in a replay, followed step by step.
struct RegionGauge {
  private var bytes = 0
  private var buffers = 0
  private(set) var pages = MeanGauge()
  /// When the largest free range held the smallest part of the free space.
  private(set) var worst: (free: Int, largest: Int, at: UInt64)?

  struct Change {
    var bytes: Int
    var buffers: Int
    var pages: Int
  }

  /// - Parameter time: nanoseconds since the beginning of the capture.
  /// - Returns: by how much the region is fuller than before.
  mutating func note(_ usage: RegionUsage, at time: UInt64) -> Change {
    let change = Change(
      bytes: usage.bytesInUse - bytes, buffers: usage.bufferCount - buffers,
      pages: usage.pages.inUse - pages.value)
    bytes = usage.bytesInUse
    buffers = usage.bufferCount
    if change.pages != 0 { pages.set(usage.pages.inUse, at: time) }
    if usage.freeBytes > 0,
      usage.freeBytes * RegionUsage.worthCutting >= usage.freeBytes + usage.bytesInUse
    {
      noteFree(usage.freeBytes, usage.largestFreeRange, time)
    }
    return change
  }

  private mutating func noteFree(_ free: Int, _ largest: Int, _ time: UInt64) {
    // Compared as fractions: regions are far too small for the products to overflow.
    if let worst, largest * worst.free >= worst.largest * free { return }
    worst = (free, largest, time)
  }
}

/// The same figures of all regions together.
struct TotalGauge {
  private var bytes = 0
  private var buffers = 0
  private(set) var pages = MeanGauge()
  private(set) var peakBytes = 0
  private(set) var peakBuffers = 0

  /// One region has changed.
  mutating func note(_ change: RegionGauge.Change, at time: UInt64) {
    bytes += change.bytes
    buffers += change.buffers
    if change.pages != 0 { pages.set(pages.value + change.pages, at: time) }
    peakBytes = max(peakBytes, bytes)
    peakBuffers = max(peakBuffers, buffers)
  }
}

/// A number that changes over time, its peak and its mean.
struct MeanGauge {
  private(set) var value = 0
  private(set) var peak = 0
  // INVARIANT: `area` is the value times the nanoseconds that it held, up to `since`.
  private var area: UInt128 = 0
  private var since: UInt64 = 0

  /// - Precondition: values are not negative, and times do not go back.
  mutating func set(_ value: Int, at time: UInt64) {
    area += UInt128(self.value) * UInt128(time - since)
    since = time
    self.value = value
    peak = max(peak, value)
  }

  /// From time 0 on, weighted by how long each value held; nil before any time has passed.
  func mean(until end: UInt64) -> Double? {
    guard end > 0, end >= since else { return nil }
    return Double(area + UInt128(value) * UInt128(end - since)) / Double(end)
  }
}
