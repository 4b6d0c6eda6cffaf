/// `bindersim run`: the options, and what they turn into.
enum RunCommand {
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
      transaction failed, for instance for want of room.
      """
    ],
    options: WorkloadOptions.descriptions + [
      duration.description, transactions.description, isDeterministic.description,
    ] + ExportOptions.descriptions,
    lists: [WorkloadOptions.list],
    examples: [
      "bindersim run --duration 1s --policy c",
      "bindersim run --workload bulk --region 512K --transactions 10k --json result.json",
      "bindersim run --deterministic --seed 7 --budget 64",
      "bindersim run --workload leak --deterministic --html leak.html --trace leak.json",
    ]
  ) { arguments throws(CommandError) in
    let exports = try ExportOptions.request(from: arguments)
    var options = try WorkloadOptions.options(from: arguments)
    options.transactions = arguments[transactions]
    options.duration =
      arguments[duration] ?? (options.transactions == nil ? RunOptions.defaultDuration : nil)
    options.isDeterministic = arguments[isDeterministic]
    options.recording = exports.recording
    return try run(options, exports)
  }

  static func run(
    _ options: RunOptions, _ exports: ExportRequest
  ) throws(CommandError) -> ExitStatus {
    Interrupt.catchSignals()
    let files = try ExportFiles.open(exports)
    let simulation = try Simulation(options)
    let report =
      options.isDeterministic
      ? SimulatedRun(simulation).run() : try ThreadedRun.run(simulation)
    try files.write(outcome(report, simulation.recorder?.recording))
    return report.foundFaults || !report.failures.isEmpty ? .failure : .success
  }

  private static func outcome(_ report: RunReport, _ recording: Recording?) -> Outcome {
    Outcome(
      text: report.text(for: .current),
      json: { () throws(CommandError) in
        try JSONText.encode(report, schema: "bindersim.run", version: 1)
      },
      page: { RunPage.page(report, recording ?? Recording(keepsEvents: false)) },
      recording: recording,
      latencies: report.latencySeries + (recording.map(LatencySeries.lifetimes) ?? []))
  }
}
