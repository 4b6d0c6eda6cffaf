internal import BinderBuffer

/// `bindersim replay`: the options, and what they turn into.
enum ReplayCommand {
  private static let policies = Option(
    "policy", ValueSyntax<PlacementPolicy>.policy.list, default: [],
    help: "one or more of \(PlacementPolicy.allCases.map(\.name).joined(separator: ", ")); all "
      + "combinations with the regions are replayed (default: that of the capture's own driver)")
  private static let regions = Option(
    "region", short: "r", ValueSyntax<Int>.region.list, default: [RunOptions.defaultRegion],
    shown: "1016K",
    help: "bytes of each process's region, one or more sizes; where none is given, a process that "
      + "held more on the device gets a longer one")
  private static let process = Option(
    optional: "process", short: "p", .pid, help: "only buffers of this process")
  private static let context = Option(
    optional: "context", .choice("CONTEXT", BinderContext.allCases.map { ($0.name, $0) }),
    help: "only buffers of this context: one process has a region in each")
  private static let speed = Option(
    optional: "speed", .speed,
    help: "keep the recorded times, 2x twice as fast (default: as fast as it goes)")
  private static let belief = Option(
    optional: "frees",
    .choice("HOW", [("inferred", FreeBelief.inferred), ("recorded", .recorded)]),
    help: "recorded: only recorded releases free, so that leaks show; inferred: others follow from "
      + "other events (default: recorded where the capture has nearly all)")

  static let subcommand = Subcommand(
    name: "replay", summary: "replay a captured ftrace text file through the engine",
    discussion: [
      """
      Every destination process gets a region, and every allocation a buffer of the captured \
      sizes. Buffers are freed where the capture says so, else where its other events imply it; \
      the report says which rule freed how many, and which lines could not be used. What the \
      capture cannot tell is said to be unknown, with the event to record.
      """,
      """
      A message without binder_transaction_alloc_buf was refused by the driver if BR_FAILED_REPLY \
      follows; the report names it, with what the region held then.
      """,
      """
      With several policies or region lengths all combinations are replayed in one reading and \
      compared in one table; below it, each combination in which an allocation failed has its \
      first failure, with the region as it then was and the sender of what filled it. Means are \
      weighted by the recorded time. "fragmented" is the largest part of the free space that \
      the largest free range did not cover.
      """,
    ],
    operands: [Operand(name: "FILE", help: "the capture; - is standard input")],
    options: [
      policies.description, regions.description, EngineOptions.budget.description,
      process.description, context.description, belief.description, speed.description,
    ] + RuleOptions.descriptions + ExportOptions.descriptions,
    examples: [
      "bindersim replay startup.ftrace",
      "bindersim replay startup.ftrace --process 990 --region 256K",
      "bindersim replay startup.ftrace --policy c,rust --region 512K,1016K --json result.json",
      "bindersim replay startup.ftrace --budget 64 --speed 0.5x",
    ]
  ) { arguments throws(CommandError) in
    var options = ReplayOptions(path: arguments.operands[0])
    let (kernel, rules) = (arguments[RuleOptions.kernel], arguments[RuleOptions.rules])
    if arguments.has(policies) {
      let chosen = try RuleOptions.policies(arguments[policies], kernel, rules)
      options.policies = chosen.map(\.policy)
      if kernel != nil || !rules.isEmpty {
        options.policyReason = chosen.map { "\($0.policy.name): \($0.reason)" }
          .joined(separator: "; ")
      }
    } else if let kernel {
      // Refused here when it is not modelled, whichever driver the capture is of.
      _ = try RuleOptions.choose(nil, kernel, [])
    }
    options.kernel = kernel?.text
    options.rules = rules
    options.regionLengths = arguments[regions]
    options.budget = arguments[EngineOptions.budget]
    options.process = arguments[process]
    options.speed = arguments[speed]
    options.context = arguments[context]
    options.belief = arguments[belief]
    options.adaptsRegions = !arguments.has(regions)
    let exports = try ExportOptions.request(from: arguments)
    return try run(options, exports)
  }

  static func run(
    _ options: ReplayOptions, _ exports: ExportRequest
  ) throws(CommandError) -> ExitStatus {
    let files = try ExportFiles.open(exports, inputs: [options.path])
    let recorders = (0..<options.settingCount).compactMap { _ in Recorder(exports.recording) }
    var options = options
    // A report tells too whether a longer region would have helped.
    let longer =
      exports.html != nil && options.settingCount == 1
      ? WhatIf.longer(than: options.regionLengths[0]) : nil
    if let longer { options.regionLengths.append(longer) }
    var report = try replay(options, recorders)
    let inLonger = longer == nil || report.runs.count < 2 ? nil : report.runs.removeLast()
    if longer != nil { report.answers = ReplayWords(report).answers }
    try files.write(outcome(report, recorders.map(\.recording), inLonger))
    return report.status
  }

  private static func replay(
    _ options: ReplayOptions, _ recorders: [Recorder]
  ) throws(CommandError) -> ReplayReport {
    let start = MonotonicClock.now()
    var progress = Progress()
    do throws(ReplayError) {
      return try runReplay(
        options, recorders: recorders,
        progress: { now in progress.show { line(now, since: start) } })
    } catch {
      throw .failure("\(error)")
    }
  }

  private static func outcome(
    _ report: ReplayReport, _ recordings: [Recording], _ longer: ReplayRun?
  ) -> Outcome {
    Outcome(
      text: ReplayText.text(report),
      json: { () throws(CommandError) in
        try JSONText.encode(report, schema: "bindersim.replay", version: 1)
      },
      page: { ReplayPage.page(report, recordings, longer: longer) },
      recording: recordings.first, names: report.names,
      latencies: recordings.first.map(LatencySeries.lifetimes) ?? [])
  }

  private static func line(_ progress: ReplayProgress, since start: UInt64) -> String {
    Format.progress(
      progress.lines, "lines", in: MonotonicClock.now() - start, done: progress.bytes,
      of: progress.ofBytes)
  }
}

extension ValueSyntax<Int32> {
  /// A process id.
  static var pid: Self {
    Self("PID", accepted: "a process id from 1 to \(Int32.max)") { text in
      Int32(text).flatMap { $0 > 0 ? $0 : nil }
    }
  }
}

extension ValueSyntax<Double> {
  /// A factor on recorded time: `1x`, `0.5x`.
  static var speed: Self {
    Self("FACTOR", accepted: "a factor like 1x, 0.5x or 10x") { text in
      Quantity.parse(text, units: [("x", 1000)]).flatMap { $0 > 0 ? Double($0) / 1000 : nil }
    }
  }
}
