internal import BinderBuffer
internal import PageAlloc

/// The options that say what is run; `run` and `state` have them all.
enum WorkloadOptions {
  private static let processes = Option(
    optional: "processes", short: "p", .count(in: 2...64),
    help: "simulated processes, each with a region of its own (default: 4 in most workloads)")
  private static let threads = Option(
    optional: "threads", short: "t", .count(in: 2...64),
    help: "threads in each process; half of them send, the others receive (default: 4 in most "
      + "workloads)")
  private static let workload = Option(
    "workload", short: "w", .choice("NAME", Workload.all.map { ($0.name, $0) }),
    default: .android, shown: "android", help: "what is sent; the names are below")
  private static let job = Option(
    optional: "job", .file,
    help: "read the workload from FILE instead; 'bindersim help job' tells how")

  static let descriptions =
    [
      workload.description, job.description, processes.description, threads.description,
      EngineOptions.seed.description, EngineOptions.region.description,
      EngineOptions.policy.description, EngineOptions.budget.description,
    ] + RuleOptions.descriptions

  static let list = HelpList(
    title: "Workloads", entries: Workload.all.map { ($0.name, $0.summary) })

  static func options(
    from arguments: Arguments, isDeterministic: Bool
  ) throws(CommandError) -> RunOptions {
    try arguments.refuse(
      workload, when: arguments.has(job), "has no effect with --job, whose file is the workload")
    try arguments.refuse(
      threads, when: isDeterministic, "has no effect in simulated time, which one thread plays")
    var options = RunOptions(try arguments[job].map(JobFile.workload) ?? arguments[workload])
    options.jobFile = arguments[job]
    options.processes = arguments[processes] ?? options.processes
    options.threads = arguments[threads] ?? options.threads
    options.seed = arguments[EngineOptions.seed]
    options.region = arguments[EngineOptions.region]
    options.chosen = try RuleOptions.policy(from: arguments)
    options.budget = arguments[EngineOptions.budget]
    options.isDeterministic = isDeterministic
    if let servers = options.workload.servers, options.processes <= servers {
      throw .usage(
        "--processes: the workload has \(servers) that only receive; give it more than that",
        hint: nil)
    }
    return options
  }
}
