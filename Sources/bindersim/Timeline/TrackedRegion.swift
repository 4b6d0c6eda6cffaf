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
