internal import Glibc

/// Nanoseconds since some fixed moment; never goes back.
enum MonotonicClock {
  static func now() -> UInt64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
  }

  /// Sleeps for that long, or less when a signal arrives.
  static func sleep(nanoseconds: UInt64) {
    var time = timespec(
      tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
    unsafe nanosleep(&time, nil)
  }
}

extension Duration {
  /// Whole nanoseconds; `.max` when they do not fit (after 584 years).
  var nanoseconds: UInt64 {
    let (seconds, attoseconds) = components
    let (scaled, overflow) = UInt64(max(0, seconds)).multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, carry) = scaled.addingReportingOverflow(UInt64(max(0, attoseconds)) / 1_000_000_000)
    return overflow || carry ? .max : sum
  }
}
