internal import BinderBuffer

struct ReplayOptions: Sendable {
  /// The capture; `-` is standard input.
  var path: String
  /// Every policy runs with every region length, all fed by one reading of the capture.
  var policies = [PlacementPolicy.rust]
  /// Bytes of each process's region.
  var regionLengths = [1_040_384]
  /// Pages that all regions of a run may have together; nil for as many as they need.
  var budget: Int?
  /// Only this process's buffers.
  var process: Int32?
  /// Recorded seconds per second; nil for as fast as it goes.
  var speed: Double?
  /// Whether buffers without a recorded release are freed where other events imply it; else they
  /// are never freed.
  var infersFrees = true

  var settings: [ReplaySetting] {
    policies.flatMap { policy in
      regionLengths.map { ReplaySetting(policy: policy, regionLength: $0, budget: budget) }
    }
  }
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
/// A file is read twice, the first time for what only its later lines tell. Progress is reported
/// every few thousand lines; a request to stop ends the replay there with what was done so far.
///
/// - Parameter recorders: of the first settings; the others are not recorded.
func runReplay(
  _ options: ReplayOptions, recorders: [Recorder] = [],
  progress: (ReplayProgress) -> Void = { _ in },
  shouldStop: () -> Bool = { Interrupt.wasRequested }
) throws(ReplayError) -> ReplayReport {
  var line = 0
  do {
    var reader = try CaptureReader(path: options.path)
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
  var planner = ReplayPlanner(
    survey: survey, onlyProcess: options.process, infersFrees: options.infersFrees)
  let pattern = ObjectPattern()
  var engines = try options.settings.enumerated().map { index, setting in
    do throws(BinderError) {
      return try ReplayEngine(
        setting: setting, pattern: pattern,
        recorder: index < recorders.count ? recorders[index] : nil)
    } catch {
      throw ReplayError.setting(setting, error)
    }
  }
  var pace = ReplayPace(speed: options.speed)
  var wasInterrupted = false
  while let record = try reader.next() {
    line = record.line
    if line & 0xFFF == 0 {
      progress(
        ReplayProgress(bytes: reader.summary.byteCount, ofBytes: reader.fileSize, lines: line))
      wasInterrupted = shouldStop()
    }
    if !wasInterrupted { wasInterrupted = !pace.wait(until: reader.summary.elapsed, shouldStop) }
    if wasInterrupted { break }
    planner.plan(record)
    for step in planner.steps {
      for index in engines.indices {
        try engines[index].apply(step, at: reader.summary.elapsed)
      }
    }
  }
  planner.finish()
  for step in planner.steps {
    for index in engines.indices {
      try engines[index].apply(step, at: reader.summary.elapsed)
    }
  }
  var report = ReplayReport(file: options.path, capture: reader.summary, planner: planner)
  if let damage = reader.input.damage { report.notes.append(damage) }
  report.wasInterrupted = wasInterrupted
  report.runs = engines.map { engine in
    var run = engine.result(until: reader.summary.elapsed)
    for index in run.processes.indices {
      run.processes[index].name = planner.names[run.processes[index].pid]?.description ?? ""
    }
    return run
  }
  return report
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
