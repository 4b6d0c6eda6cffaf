/// The time that has passed in a capture, whose lines may go back in time.
///
/// Lines of several CPUs overtake each other by a little: time then stands still until it is caught
/// up with. What goes back by more is another recording behind the first, and time goes on in it.
struct CaptureClock: Equatable, Sendable {
  private static let jitter: UInt64 = 1_000_000_000

  /// Nanoseconds since the first line. Never goes back.
  private(set) var elapsed: UInt64 = 0
  private var latest: UInt64?

  mutating func advance(to time: UInt64) {
    let latest = latest ?? time
    if time >= latest {
      let (sum, tooLarge) = elapsed.addingReportingOverflow(time - latest)
      elapsed = tooLarge ? .max : sum
      self.latest = time
    } else if latest - time > Self.jitter {
      self.latest = time
    }
  }
}
