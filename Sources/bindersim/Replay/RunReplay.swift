internal import BinderBuffer

struct ReplayOptions: Sendable {
  /// The capture; `-` is standard input.
  var path: String
  /// Every policy runs with every region length, all fed by one reading of the capture. Empty for
  /// the capture's own driver.
  var policies: [PlacementPolicy] = []
  /// Bytes of each process's region.
  var regionLengths = [1_040_384]
  /// Regions whose length is known better.
  var toldRegions: [Int32: Int] = [:]
  /// Whether a process gets a longer region where the capture shows that the driver had placed more
  /// than fits: for lengths that nobody chose.
  var adaptsRegions = false
  /// Why these policies, where somebody chose them by a kernel or by rules.
  var policyReason = ""
  /// Rules set by hand, of the capture's own driver.
  var rules: [RuleSetting] = []
  /// What `uname -r` prints on the device; nil for what the capture says.
  var kernel: String?
  /// What another file says of the device's kernel, for a capture that does not: and which file.
  var toldKernel: (release: String, source: String)?
  /// Pages that all regions of a run may have together; nil for as many as they need.
  var budget: Int?
  /// Only this process's buffers.
  var process: Int32?
  /// Only this context's buffers.
  var context: BinderContext?
  /// Recorded seconds per second; nil for as fast as it goes.
  var speed: Double?
  /// Where frees are taken from; nil for what the capture's own events allow.
  var belief: FreeBelief?

  func settings(
    _ policies: [PlacementPolicy], _ kernel: KernelRelease? = nil
  ) -> [ReplaySetting] {
    policies.flatMap { policy in
      regionLengths.map {
        ReplaySetting(
          policy: policy, kernel: kernel, regionLength: $0, told: toldRegions, budget: budget)
      }
    }
  }

  /// How many settings will be replayed.
  var settingCount: Int { max(1, policies.count) * regionLengths.count }
}

enum ReplayError: Error, CustomStringConvertible {
  case input(InputError)
  /// A region that cannot be.
  case setting(ReplaySetting, BinderError)
  /// The engine refused a process.
  case engine(path: String, line: Int, BinderError)

  var description: String {
    switch self {
    case .input(let error): "\(error)"
    case .setting(let setting, let error):
      "policy \(setting.policy.name), region \(setting.regionLength): \(error)"
    case .engine(let path, let line, let error): "\(path):\(line): cannot go on: \(error)"
    }
  }
}

/// How far a replay is.
struct ReplayProgress {
  var bytes: Int
  /// Of the whole file; nil where that is unknown.
  var ofBytes: Int?
  var lines: Int
}

/// Replays a capture in all the settings asked for.
///
/// The input is read twice, the first time for what only its later lines tell. Progress is reported
/// every few thousand lines; a request to stop ends the replay there with what was done so far.
///
/// - Parameter recorders: of the first settings; the others are not recorded.
func runReplay(
  _ options: ReplayOptions, recorders: [Recorder] = [],
  progress: (ReplayProgress) -> Void = { _ in },
  shouldStop: () -> Bool = { Interrupt.wasRequested }
) throws(ReplayError) -> ReplayReport {
  let input: Input
  do throws(InputError) {
    input = try Input(path: options.path)
  } catch {
    throw .input(error)
  }
  return try runReplay(
    input, options, recorders: recorders, progress: progress, shouldStop: shouldStop)
}

/// The same for an input that is already open.
func runReplay(
  _ input: Input, _ options: ReplayOptions, recorders: [Recorder] = [],
  progress: (ReplayProgress) -> Void = { _ in },
  shouldStop: () -> Bool = { Interrupt.wasRequested }
) throws(ReplayError) -> ReplayReport {
  if let refusal = input.refusal { throw .input(refusal) }
  var line = 0
  do {
    var reader = CaptureReader(input)
    return try replay(
      &reader, options, recorders: recorders, line: &line, progress: progress,
      shouldStop: shouldStop)
  } catch let error as InputError {
    throw .input(error)
  } catch let error as ReplayError {
    throw error
  } catch let error as BinderError {
    throw .engine(path: options.path, line: line, error)
  } catch {
    preconditionFailure("no other error is thrown: \(error)")
  }
}

/// The same for a capture that is already open.
func replay(
  _ reader: inout CaptureReader, _ options: ReplayOptions, recorders: [Recorder] = [],
  line: inout Int,
  progress: (ReplayProgress) -> Void = { _ in }, shouldStop: () -> Bool = { false }
) throws -> ReplayReport {
  var survey = CaptureSurvey()
  if reader.canRewind {
    survey = try CaptureSurvey(&reader, shouldStop: shouldStop)
    try reader.rewind()
  }
  var session = ReplaySession(options, survey)
  while true {
    var report = try session.run(
      &reader, recorders, line: &line, progress: progress, shouldStop: shouldStop)
    guard reader.canRewind, !report.wasInterrupted, session.adapt(report) else {
      session.conclude(&report)
      return report
    }
    // The driver placed what found no room here: the region is longer.
    for recorder in recorders { recorder.restart() }
    try reader.rewind()
  }
}

/// Waits until a line's time has come, when a replay runs at the speed of its recording.
struct ReplayPace {
  private let speed: Double?
  private var started: (recorded: UInt64, now: UInt64)?
  /// Ctrl-C is to be felt at once.
  private static let longestSleep: UInt64 = 50_000_000

  init(speed: Double?) { self.speed = speed }

  /// False when the wait was broken off.
  ///
  /// - Parameter recorded: nanoseconds since the beginning of the capture.
  mutating func wait(until recorded: UInt64, _ shouldStop: () -> Bool) -> Bool {
    guard let speed, speed > 0 else { return true }
    guard let started else {
      self.started = (recorded, MonotonicClock.now())
      return true
    }
    guard recorded > started.recorded else { return true }
    let delay = Double(recorded - started.recorded) / speed
    let target = started.now &+ (delay < 1e18 ? UInt64(delay) : UInt64(1e18))
    while true {
      let now = MonotonicClock.now()
      guard now < target else { return true }
      if shouldStop() { return false }
      MonotonicClock.sleep(nanoseconds: min(Self.longestSleep, target - now))
    }
  }
}
