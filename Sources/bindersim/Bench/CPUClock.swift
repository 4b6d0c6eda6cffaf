internal import Glibc

/// CPU time of the calling thread, which other work on a busy machine does not add to.
enum CPUClock {
  static func now() -> UInt64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
  }

  /// The time that `body` takes.
  @inline(__always)
  static func measure(_ body: () -> Void) -> Double {
    let start = now()
    body()
    return Double(now() &- start)
  }
}
