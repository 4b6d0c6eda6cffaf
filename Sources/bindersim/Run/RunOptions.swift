internal import BinderBuffer

/// What a run is to do.
struct RunOptions: Sendable {
  static let defaultDuration = Duration.seconds(5)
  static let defaultRegion = 1_040_384

  var workload: Workload
  /// The file that the workload comes from; nil for a built-in one.
  var jobFile: String?
  var processes: Int
  /// In each process; half of them send, half receive.
  var threads: Int
  /// The run ends after so many requests, or after the duration, whichever comes first.
  var transactions: Int?
  var duration: Duration? = defaultDuration
  var seed: UInt64 = 1
  /// Bytes of each process's region. The default is an app's: 1 MiB less two pages.
  var region = defaultRegion
  var chosen = ChosenPolicy(.rust)
  var policy: PlacementPolicy {
    get { chosen.policy }
    set { chosen = ChosenPolicy(newValue) }
  }
  /// Pages that all regions together may have; nil for as many as they need.
  var budget: Int?
  /// One thread and simulated time, all of it drawn from the seed.
  var isDeterministic = false
  /// Whether what happens is recorded, for a report and for exports.
  var recording = RecordingDepth.none

  init(_ workload: Workload = .android) {
    self.workload = workload
    processes = workload.processes
    threads = workload.threads
  }
}
