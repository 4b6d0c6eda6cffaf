internal import BinderBuffer

/// What a region went through in a replay, followed step by step.
struct RegionGauge {
  private(set) var bytes = 0
  private(set) var buffers = 0
  private(set) var pages = MeanGauge()
  /// When the largest free range held the smallest part of the free space.
  private(set) var worst: (free: Int, largest: Int, at: UInt64)?

  /// - Parameter time: nanoseconds since the beginning of the capture.
  mutating func note(_ usage: RegionUsage, at time: UInt64) {
    bytes = usage.bytesInUse
    buffers = usage.bufferCount
    pages.set(usage.pages.inUse, at: time)
    guard usage.freeBytes > 0 else { return }
    // Compared as fractions: regions are far too small for the products to overflow.
    if let worst, usage.largestFreeRange * worst.free >= worst.largest * usage.freeBytes { return }
    worst = (usage.freeBytes, usage.largestFreeRange, time)
  }
}

/// The same figures of all regions together.
struct TotalGauge {
  private(set) var bytes = 0
  private(set) var buffers = 0
  private(set) var pages = MeanGauge()
  private(set) var peakBytes = 0
  private(set) var peakBuffers = 0

  /// One region has changed.
  mutating func note(from old: RegionGauge, to new: RegionGauge, at time: UInt64) {
    bytes += new.bytes - old.bytes
    buffers += new.buffers - old.buffers
    pages.set(pages.value + new.pages.value - old.pages.value, at: time)
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
