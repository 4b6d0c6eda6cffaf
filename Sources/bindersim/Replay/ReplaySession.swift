internal import BinderBuffer

/// One capture, and what is believed of it: run once, or again with longer regions where the
/// capture itself shows that the driver had placed more.
struct ReplaySession {
  private var options: ReplayOptions
  private let survey: CaptureSurvey
  private let belief: FreeBelief
  private var policies: [PlacementPolicy]
  private var reason: String
  /// Whose rules the policies are, where they were chosen by a kernel.
  private var kernel: KernelRelease?
  /// Why the rules are not those of the capture's kernel.
  private var notModelled: KernelError?
  /// Processes whose regions were made longer.
  private var adapted: [Int32: Int] = [:]

  private static let lengths = [2 << 20, Refusal.longestRegion]
  private static let shownUnreleased = 64

  init(_ options: ReplayOptions, _ survey: CaptureSurvey) {
    self.options = options
    self.survey = survey
    belief = options.belief ?? Self.belief(survey)
    policies = options.policies
    reason = options.policyReason
    kernel = options.kernel.flatMap { try? KernelRelease($0) }
    guard policies.isEmpty else { return }
    let choice = OwnDriver(survey.facts, options)
    policies = [choice.policy]
    reason = choice.reason
    kernel = choice.kernel
    notModelled = choice.notModelled
  }

  /// Whether frees are recorded, follow from other events, or cannot be known.
  static func belief(_ survey: CaptureSurvey) -> FreeBelief {
    guard survey.isComplete else { return .inferred }
    let (received, released, updated) = survey.ends
    let buffers = survey.summary.allocBufs
    // A buffer is freed after it was received: nearly as many releases mean that all are recorded.
    if received > 0, released > 0, released * 5 >= received * 4 { return .recorded }
    if received == 0, released + updated > 0, (released + updated) * 2 >= buffers {
      return .recorded
    }
    return received > 0 && received * 2 >= buffers ? .inferred : .unknown
  }

  private var knowsSizes: Bool {
    !survey.isComplete || survey.summary.allocBufs * 2 >= survey.summary.transactions
  }

  /// Whether there is anything to be simulated.
  private var isSimulated: Bool {
    options.belief != nil || belief != .unknown && knowsSizes
  }

  // MARK: Running

  mutating func run(
    _ reader: inout CaptureReader, _ recorders: [Recorder], line: inout Int,
    progress: (ReplayProgress) -> Void, shouldStop: () -> Bool
  ) throws -> ReplayReport {
    var planner = ReplayPlanner(
      survey: survey, onlyProcess: options.process, onlyContext: options.context, belief: belief)
    let pattern = ObjectPattern()
    let settings = options.settings(policies, kernel)
    var engines = try settings.enumerated().map { index, setting in
      do throws(BinderError) {
        return try ReplayEngine(
          setting: setting, pattern: pattern,
          recorder: index < recorders.count && isSimulated ? recorders[index] : nil)
      } catch {
        throw ReplayError.setting(setting, error)
      }
    }
    // Of what cannot be simulated only the refusals that the driver tells are wanted.
    if !isSimulated { engines.removeLast(engines.count - 1) }
    var pace = ReplayPace(speed: options.speed)
    var wasInterrupted = false
    var clock = RecordedClock()
    while let record = try reader.next() {
      line = record.line
      if clock.note(reader.summary.elapsed, shows: record.nanoseconds) {
        for recorder in recorders { recorder.set(clock) }
      }
      if line & 0xFFF == 0 {
        progress(
          ReplayProgress(bytes: reader.summary.byteCount, ofBytes: reader.fileSize, lines: line))
        wasInterrupted = shouldStop()
      }
      if !wasInterrupted { wasInterrupted = !pace.wait(until: reader.summary.elapsed, shouldStop) }
      if wasInterrupted { break }
      planner.plan(record)
      try apply(planner.steps, to: &engines, at: reader.summary.elapsed)
    }
    planner.finish()
    try apply(planner.steps, to: &engines, at: reader.summary.elapsed)
    var report = ReplayReport(
      file: options.path, took: reader.input.description, capture: reader.summary,
      facts: reader.facts, planner: planner)
    if let damage = reader.input.damage { report.notes.append(damage) }
    report.wasInterrupted = wasInterrupted
    fill(&report, engines, planner, names(planner, reader.facts), until: reader.summary.elapsed)
    return report
  }

  private func apply(
    _ steps: [ReplayStep], to engines: inout [ReplayEngine], at time: UInt64
  ) throws(BinderError) {
    for step in steps {
      for index in engines.indices {
        if !isSimulated {
          guard case .refused = step else { continue }
        }
        try engines[index].apply(step, at: time)
      }
    }
  }

  private func names(_ planner: ReplayPlanner, _ facts: CaptureFacts) -> [Int32: String] {
    var names = planner.names.mapValues(\.description)
    // A whole command line says more than fifteen bytes.
    for (pid, name) in facts.processNames
    where planner.names[pid] != nil || facts.processNames.count < 1024 {
      names[pid] = name
    }
    return names
  }

  private func fill(
    _ report: inout ReplayReport, _ engines: [ReplayEngine], _ planner: ReplayPlanner,
    _ names: [Int32: String], until end: UInt64
  ) {
    report.kernel = options.kernel ?? survey.facts.kernel?.release ?? options.toldKernel?.release
    report.policyReason = reason
    report.processNames = Dictionary(uniqueKeysWithValues: names.map { (Int($0.key), $0.value) })
    report.adaptsRegions = options.adaptsRegions
    if let notModelled {
      report.notes.append(
        "\(notModelled): places and refusals are predicted for newer kernels only")
    }
    if isSimulated {
      report.runs = engines.map { engine in
        var run = engine.result(until: end)
        for index in run.processes.indices {
          run.processes[index].name = names[run.processes[index].pid] ?? ""
        }
        return run
      }
    }
    guard let first = engines.first else { return }
    report.count(predicted: first.predicted)
    report.moreRefusals = first.moreRefusals
    report.refusedOverTime = first.refusedTimes
    let file = Evidence.label(options.path)
    report.refusals = first.refusals.map { entry in
      var refusal = entry.refusal
      refusal.sources = ["\(file):\(refusal.line ?? 0)"]
      if !isSimulated { refusal.forgetRegion() }
      if belief == .recorded {
        refusal.neverFreedBytes = entry.held.reduce(0) {
          $0 + (planner.isForgotten($1.slot, $1.transaction) ? $1.size : 0)
        }
      } else if (refusal.freedBefore ?? 0) > 0 {
        // What was freed was inferred: it does not tell a leak from a load.
        refusal.freedBefore = nil
      }
      return refusal
    }
    let unreleased = isSimulated ? planner.unreleased(where: first.holds) : []
    if isSimulated { report.neverFreed = unreleased.count }
    report.leaked = unreleased.count { $0.wentOnLine != nil }
    report.waiting = unreleased.count { $0.receivedLine == nil }
    let ordered =
      unreleased.filter { $0.wentOnLine != nil } + unreleased.filter { $0.wentOnLine == nil }
    report.unreleased = Array(ordered.prefix(Self.shownUnreleased))
    report.unreleasedGroups = Array(LeakGroup.groups(unreleased).prefix(Self.shownUnreleased))
    for (process, count) in planner.uncertainContexts.sorted(by: { $0.key < $1.key }) {
      let contexts =
        report.runs.first?.processes.filter { $0.pid == process }.map(\.context.name) ?? []
      guard contexts.count > 1 else { continue }
      report.notes.append(
        "\(process) has regions of \(contexts.joined(separator: " and ")); of "
          + "\(Format.count(count, "message")) to it nothing tells which: they were placed in that of "
          + "binder; --context chooses")
    }
  }

  // MARK: Longer regions

  /// Whether another run with longer regions is worth it.
  mutating func adapt(_ report: ReplayReport) -> Bool {
    guard options.adaptsRegions, let run = report.runs.first, run.contradictions > 0 else {
      return false
    }
    var changed = false
    for process in run.processes where process.contradictions > 0 {
      let length = Self.lengths.first { $0 > process.regionLength }
      guard let length else { continue }
      options.toldRegions[process.pid] = length
      adapted[process.pid] = length
      changed = true
    }
    return changed
  }

  /// Says what was found, once nothing is run any more.
  func conclude(_ report: inout ReplayReport) {
    for (pid, length) in adapted.sorted(by: { $0.key < $1.key }).prefix(8) {
      report.notes.append(
        "\(ProcessNames(byPID: report.names).label(pid)) is replayed with a region of "
          + "\(Format.grouped(length)) bytes: the driver placed more than "
          + "\(Format.grouped(options.regionLengths[0])) hold")
    }
    report.fillUnknown()
    report.answers = ReplayWords(report).answers
  }
}
