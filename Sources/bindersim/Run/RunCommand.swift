internal import BinderBuffer

/// `bindersim run`: the options, and what they turn into.
enum RunCommand {
  private static let policies = Option(
    "policy", EngineOptions.policy.syntax.list, default: [PlacementPolicy.rust], shown: "rust",
    help: EngineOptions.policy.help + "; several are compared, with all regions")
  private static let regions = Option(
    "region", short: "r", ValueSyntax<Int>.region.list, default: [RunOptions.defaultRegion],
    shown: "1016K", help: "bytes of each process's region, one or more sizes")
  private static let transactions = Option(
    optional: "transactions", short: "n", .count(in: 1...1_000_000_000_000),
    help: "end after so many requests; the replies come on top")
  private static let duration = Option(
    optional: "duration", short: "d",
    .duration.filter(accepted: "a time of at least 1ms, like 500ms, 5s or 2m") {
      $0 >= .milliseconds(1)
    },
    help: "end after that time (default: 5s unless --transactions is given)")
  private static let isDeterministic = Option(
    "deterministic",
    help: "one thread and simulated time: the same seed prints the same result")

  static let subcommand = Subcommand(
    name: "run", summary: "run a workload over several processes with real threads",
    discussion: [
      """
      Every byte that arrives is compared with what was sent, and at the end everything must have \
      been given back. The exit status is 1 when one of these does not hold, and when a \
      transaction was refused, for instance for want of room.
      """,
      """
      Several policies or regions are run one after the other, each with the same messages (the \
      workload and the seed make them), and compared in one table and one page. The other exports \
      are those of the first.
      """,
    ],
    options: WorkloadOptions.descriptions([regions.description, policies.description]) + [
      duration.description, transactions.description, isDeterministic.description,
      OutputOptions.wide.description,
    ] + ExportOptions.descriptions,
    lists: [
      WorkloadOptions.list, HelpList(title: "Columns of one setting", RunReport.processColumns),
      HelpList(title: "Columns of several settings", RunComparison.columns),
    ],
    examples: [
      "bindersim run --duration 1s --policy c",
      "bindersim run --workload bulk --region 512K --transactions 10k --json result.json",
      "bindersim run --deterministic --seed 7 --budget 64",
      "bindersim run --deterministic -w fragmentation -n 8k --policy c,rust --html compared.html",
      "bindersim run --workload leak --deterministic --html leak.html --trace leak.json",
    ]
  ) { arguments throws(CommandError) in
    let exports = try ExportOptions.request(from: arguments)
    var options = try WorkloadOptions.options(
      from: arguments, isDeterministic: arguments[isDeterministic])
    options.transactions = arguments[transactions]
    options.duration =
      arguments[duration] ?? (options.transactions == nil ? RunOptions.defaultDuration : nil)
    options.recording = exports.recording
    let chosen = try RuleOptions.policies(
      arguments.has(policies) ? arguments[policies] : [], arguments[RuleOptions.kernel],
      arguments[RuleOptions.rules])
    let settings = chosen.flatMap { policy in
      arguments[regions].map { region in
        var setting = options
        setting.chosen = policy
        setting.region = region
        return setting
      }
    }
    return try run(settings, exports, Terminal.output.wide(arguments[OutputOptions.wide]))
  }

  /// - Parameter settings: at least one; they differ in policy and region.
  static func run(
    _ settings: [RunOptions], _ exports: ExportRequest, _ terminal: Terminal = .output
  ) throws(CommandError) -> ExitStatus {
    let files = try ExportFiles.open(exports, inputs: settings[0].jobFile.map { [$0] } ?? [])
    var comparison = RunComparison()
    for setting in settings where !Interrupt.wasRequested || comparison.runs.isEmpty {
      let simulation = try Simulation(setting)
      let report =
        setting.isDeterministic
        ? SimulatedRun(simulation).run() : try ThreadedRun.run(simulation)
      comparison.add(report, simulation.recorder?.recording)
    }
    guard settings.count == 1 else {
      try files.write(comparison.outcome(for: terminal))
      return comparison.status
    }
    let report = comparison.runs[0]
    let whatIf = exports.html == nil ? WhatIf.tried([]) : try tryLonger(settings[0], report)
    try files.write(outcome(report, comparison.recordings.first, whatIf, terminal))
    return report.status
  }

  /// Where a message was refused: whether the same run in longer regions would refuse fewer.
  private static func tryLonger(
    _ options: RunOptions, _ report: RunReport
  ) throws(CommandError) -> WhatIf {
    func attempt(_ report: RunReport) -> WhatIf.Attempt {
      WhatIf.Attempt(
        policy: report.configuration.policy, regionLength: report.configuration.regionBytes,
        refused: report.refused)
    }
    guard report.refused > 0 else { return .tried([attempt(report)]) }
    guard let longer = WhatIf.longer(than: options.region) else {
      return .untried("No region is longer than this one.")
    }
    let size = Axis.shortBytes(longer)
    guard options.isDeterministic else {
      return .untried("Not tried: only with --deterministic the same run is repeated with \(size).")
    }
    var options = options
    options.region = longer
    options.recording = .none
    let other = SimulatedRun(try Simulation(options)).run()
    guard !other.wasInterrupted else {
      return .untried("Not tried: the run was interrupted before it was repeated with \(size).")
    }
    return .tried([attempt(report), attempt(other)])
  }

  private static func outcome(
    _ report: RunReport, _ recording: Recording?, _ whatIf: WhatIf, _ terminal: Terminal
  ) -> Outcome {
    Outcome(
      text: report.text(for: terminal),
      json: { () throws(CommandError) in
        try JSONText.encode(report, schema: "bindersim.run", version: 1)
      },
      page: { RunPage.page(report, recording ?? Recording(keepsEvents: false), whatIf) },
      recording: recording,
      latencies: report.latencySeries + (recording.map(LatencySeries.lifetimes) ?? []))
  }
}
