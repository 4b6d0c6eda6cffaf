internal import BinderBuffer

/// `bindersim record`: the options, and what they turn into.
enum RecordCommand {
  private static let workload = Option(
    "workload", short: "w", .choice("NAME", RecordingWorkload.allCases.map { ($0.rawValue, $0) }),
    default: RecordingWorkload.mixed, shown: "mixed", help: "what is sent; the names are below")
  private static let senders = Option(
    "senders", .count(in: 1...RecordedRegion.mostSenders), default: 2, shown: "2",
    help: "processes that send to the one that is recorded")
  private static let operations = Option(
    "operations", short: "n", .count(in: 1...1_000_000_000), default: 10_000, shown: "10k",
    help: "transactions, frees and reclaims to record")
  private static let output = Option(
    "output", short: "o", .file, default: "-", shown: "-",
    help: "where to write the recording; - is standard output")

  static let subcommand = Subcommand(
    name: "record", summary: "record what the engine answers, for verify or another engine",
    discussion: [
      """
      Writes what was asked of one process's region and what the engine answered, in the format \
      that verify reads. The same options give the same recording on every machine.
      """
    ],
    options: [
      workload.description, operations.description, senders.description,
      EngineOptions.seed.description, EngineOptions.region.description,
      EngineOptions.policy.description, output.description,
    ] + RuleOptions.descriptions,
    lists: [
      HelpList(
        title: "Workloads", entries: RecordingWorkload.allCases.map { ($0.rawValue, $0.summary) })
    ],
    examples: [
      "bindersim record --policy c --workload ties -n 50k --output c-ties.rec",
      "bindersim record --kernel 5.10.149-android12-9 -n 1k",
    ]
  ) { arguments throws(CommandError) in
    try run(
      RecordOptions(
        policy: try RuleOptions.policy(from: arguments).policy,
        kernel: arguments[RuleOptions.kernel],
        regionLength: arguments[EngineOptions.region],
        senders: arguments[senders], workload: arguments[workload],
        operations: arguments[operations], seed: arguments[EngineOptions.seed]),
      output: arguments[output])
  }

  static func run(_ options: RecordOptions, output: String) throws(CommandError) -> ExitStatus {
    let file = try OutputFile(path: output)
    let start = MonotonicClock.now()
    var progress = Progress()
    do {
      try runRecord(
        options, progress: { done in progress.show { line(done, options, since: start) } },
        write: { text in
          // Half a recording is useless: nothing is left behind.
          guard !Interrupt.wasRequested else {
            throw CommandError.failure("nothing was recorded to '\(output)'")
          }
          try file.write(text)
        })
    } catch let error as CommandError {
      throw error
    } catch {
      throw .failure("\(error)")
    }
    progress.clear()
    try file.commit()
    return .success
  }

  private static func line(
    _ done: Int, _ options: RecordOptions, since start: UInt64
  ) -> String {
    Format.progress(
      done, "operations", in: MonotonicClock.now() - start, done: done, of: options.operations)
  }
}
