internal import BinderBuffer
internal import PageAlloc

/// `bindersim run`: the options, and what they turn into.
enum RunCommand {
  private static let processes = Option(
    "processes", short: "p", .count(in: 2...64), default: RunOptions().processes, shown: "4",
    help: "simulated processes, each with a region of its own")
  private static let threads = Option(
    "threads", short: "t", .count(in: 2...64), default: RunOptions().threads, shown: "4",
    help: "threads in each process; half of them send, the others receive")
  private static let transactions = Option(
    optional: "transactions", short: "n", .count(in: 1...1_000_000_000_000),
    help: "end after so many requests; the replies come on top")
  private static let duration = Option(
    optional: "duration", short: "d",
    .duration.filter(accepted: "a time of at least 1ms, like 500ms, 5s or 2m") {
      $0 >= .milliseconds(1)
    },
    help: "end after that time (default: 5s unless --transactions is given)")
  private static let workload = Option(
    "workload", short: "w", .choice("NAME", Workload.all.map { ($0.name, $0) }),
    default: RunOptions().workload, shown: RunOptions().workload.name,
    help: "what is sent; the names are below")
  private static let isDeterministic = Option(
    "deterministic",
    help: "one thread and simulated time: the same seed prints the same result, without latencies")
  static let subcommand = Subcommand(
    name: "run", summary: "run a workload over several processes with real threads",
    discussion: [
      """
      Every byte that arrives is compared with what was sent, and at the end everything must have \
      been given back. The exit status is 1 when one of these does not hold, and when a \
      transaction failed, for instance for want of room.
      """
    ],
    options: [
      workload.description, processes.description, threads.description, duration.description,
      transactions.description, EngineOptions.seed.description, EngineOptions.region.description,
      EngineOptions.policy.description, EngineOptions.budget.description,
      isDeterministic.description, ResultOutput.json.description,
    ],
    lists: [HelpList(title: "Workloads", entries: Workload.all.map { ($0.name, $0.summary) })],
    examples: [
      "bindersim run --duration 1s --policy c",
      "bindersim run --workload bulk --region 512K --transactions 10k --json result.json",
      "bindersim run --deterministic --seed 7 --budget 64",
    ]
  ) { arguments throws(CommandError) in
    try run(options(from: arguments))
  }

  static func options(from arguments: Arguments) -> RunOptions {
    var options = RunOptions()
    options.workload = arguments[workload]
    options.processes = arguments[processes]
    options.threads = arguments[threads]
    options.transactions = arguments[transactions]
    options.duration =
      arguments[duration] ?? (options.transactions == nil ? RunOptions.defaultDuration : nil)
    options.seed = arguments[EngineOptions.seed]
    options.region = arguments[EngineOptions.region]
    options.policy = arguments[EngineOptions.policy]
    options.budget = arguments[EngineOptions.budget]
    options.isDeterministic = arguments[isDeterministic]
    options.jsonPath = arguments[ResultOutput.json]
    return options
  }

  static func run(_ options: RunOptions) throws(CommandError) -> ExitStatus {
    let report = try ResultOutput.deliver(
      jsonPath: options.jsonPath, schema: "bindersim.run", version: 1,
      text: { $0.text(for: .current) }, of: { () throws(CommandError) in try perform(options) })
    return report.foundFaults || !report.failures.isEmpty ? .failure : .success
  }

  private static func perform(_ options: RunOptions) throws(CommandError) -> RunReport {
    let simulation = try Simulation(options)
    return options.isDeterministic
      ? SimulatedRun(simulation).run() : try ThreadedRun.run(simulation)
  }
}
