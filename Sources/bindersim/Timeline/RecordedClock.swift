/// What a capture's own clock shows when so much of it has passed; empty for what has no clock but
/// that. A second recording in the same file shows other times.
struct RecordedClock: Sendable {
  private static let jitter: UInt64 = 1_000_000_000
  private static let mostParts = 1024

  /// From which time on the clock shows what.
  private var parts: [(elapsed: UInt64, stamp: UInt64)] = []

  /// - Parameters:
  ///   - elapsed: nanoseconds since the beginning; never goes back.
  ///   - stamp: what the capture has.
  /// - Returns: whether anything is new.
  mutating func note(_ elapsed: UInt64, shows stamp: UInt64) -> Bool {
    if let last = parts.last {
      let expected = last.stamp &+ (elapsed - last.elapsed)
      let difference = expected > stamp ? expected - stamp : stamp - expected
      guard difference > Self.jitter, parts.count < Self.mostParts else { return false }
    }
    parts.append((elapsed, stamp))
    return true
  }

  /// `28304.425991 s` for what has a clock of its own, `4.1 ms` since the beginning for the rest.
  func text(_ elapsed: UInt64) -> String {
    guard let part = parts.last(where: { $0.elapsed <= elapsed }) ?? parts.first else {
      return Format.time(nanoseconds: elapsed)
    }
    return ReplayTime.text(part.stamp &+ (max(elapsed, part.elapsed) - part.elapsed))
  }

  /// What a plot's axis shows.
  var axisName: String {
    parts.first.map { "time since \(ReplayTime.text($0.stamp)) of the capture" }
      ?? "time since the beginning"
  }
}
