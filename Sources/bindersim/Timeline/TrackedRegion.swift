internal import BinderBuffer

/// A region that a recording follows: of an engine's process, or of a hosted program.
protocol TrackedRegion: Sendable {
  /// Tells it apart: see `RegionKey`.
  var pid: Int32 { get }
  /// Without a policy when there is no region (any more).
  var statistics: ProcessStatistics { get }
  func inspect() -> RegionInspection
}

extension BinderProcess: TrackedRegion {}

/// A region as it was at one moment.
extension RegionInspection: TrackedRegion {
  var pid: Int32 { statistics.pid }
  func inspect() -> RegionInspection { self }
}
