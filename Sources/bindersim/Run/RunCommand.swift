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
  private static let json = Option(
    optional: "json", .file,
    help: "also write the result to FILE as JSON; - writes it to standard output, and only that")

  static let subcommand = Subcommand(
    name: "run", summary: "run a workload over several processes with real threads",
    discussion: [
      """
      Every byte that arrives is compared with what was sent, and at the end everything must have \
      been given back; if not, the exit status is 1. Transactions that were refused for want of \
      room or memory are counted, and are no fault.
      """
    ],
    options: [
      workload.description, processes.description, threads.description, duration.description,
      transactions.description, EngineOptions.seed.description, EngineOptions.region.description,
      EngineOptions.policy.description, EngineOptions.budget.description,
      isDeterministic.description, json.description,
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
    options.jsonPath = arguments[json]
    return options
  }

  static func run(_ options: RunOptions) throws(CommandError) -> ExitStatus {
    Interrupt.catchSignals()
    let report: RunReport
    guard let path = options.jsonPath else {
      report = try perform(options)
      try StandardOutput.write(report.text(for: .current))
      return report.status
    }
    // Opened first: a file that cannot be written is known before the work.
    let file = try OutputFile(path: path)
    report = try perform(options)
    if path != "-" { try StandardOutput.write(report.text(for: .current)) }
    try file.commit(try JSONText.encode(report))
    return report.status
  }

  private static func perform(_ options: RunOptions) throws(CommandError) -> RunReport {
    let simulation = try Simulation(options)
    return options.isDeterministic
      ? SimulatedRun(simulation).run() : try ThreadedRun.run(simulation)
  }
}

extension RunReport {
  fileprivate var status: ExitStatus { foundFaults ? .failure : .success }
}
