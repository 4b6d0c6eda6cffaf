/// `bindersim bench`: measurements that anyone can repeat.
enum BenchCommand {
  static let rounds = Option(
    "rounds", .count(in: 1...1000), default: 7, shown: "7",
    help: "rounds; all subjects of a comparison run in each, one after the other")
  static let operations = Option(
    "operations", short: "n", .count(in: 1000...1_000_000_000), default: 2_000_000, shown: "2M",
    help: "ranges: operations in each workload")
  static let pool = Option(
    "pool", .size, default: 8 << 20, shown: "8M",
    help: "transactions: how much memory the messages come from, in turn; 0: always the same bytes")
  static let part = Option(
    optional: "only", .choice("PART", TransactionBenchmark.Part.allCases.map { ($0.rawValue, $0) }),
    help: "transactions: beside memcpy and resident pages only fresh pages, two processes or two "
      + "threads; resident: nothing more")
  static let bytes = Option(
    optional: "bytes",
    .size.filter(accepted: "a size from 1 to 1016K") { (1...1_040_384).contains($0) },
    help: "transactions: messages of this size alone")
  static let processes = Option(
    "processes", short: "p", .count(in: 1...30_000), default: 10_000, shown: "10000",
    help: "scale: processes in one run")
  static let transactions = Option(
    "transactions", .count(in: 1000...10_000_000_000), default: 100_000_000, shown: "100M",
    help: "scale: transactions in the run that must keep its memory flat")

  static let subcommand = Subcommand(
    name: "bench", summary: "measure placement, transactions, many processes, or hosted programs",
    discussion: [
      """
      Subjects of one comparison run interleaved, round by round, and ratios are taken within a \
      round, so that a busy machine disturbs them little. Times are CPU times of the thread unless \
      a table says otherwise.
      """
    ],
    operands: [Operand(name: "WHAT", help: "ranges, transactions, scale or host")],
    options: [
      rounds.description, operations.description, pool.description, part.description,
      bytes.description, processes.description, transactions.description,
      ExportOptions.json.description, OutputOptions.wide.description,
    ],
    examples: [
      "bindersim bench ranges --json ranges.json", "bindersim bench transactions --rounds 3",
      "bindersim bench scale --processes 1000 --transactions 1M",
    ]
  ) { arguments throws(CommandError) in
    let jsonPath = arguments[ExportOptions.json]
    let progress = BenchProgress()
    defer { progress.clear() }
    let terminal = Terminal.output.wide(arguments[OutputOptions.wide])
    let what = arguments.operands[0]
    try arguments.refuse(operations, when: what != "ranges", "is for bench ranges")
    try arguments.refuse(pool, when: what != "transactions", "is for bench transactions")
    try arguments.refuse(part, when: what != "transactions", "is for bench transactions")
    try arguments.refuse(bytes, when: what != "transactions", "is for bench transactions")
    try arguments.refuse(processes, when: what != "scale", "is for bench scale")
    try arguments.refuse(transactions, when: what != "scale", "is for bench scale")
    try arguments.refuse(rounds, when: what == "scale", "has no effect on bench scale")
    switch what {
    case "ranges":
      try deliver(jsonPath, terminal) {
        RangeBenchmark(
          operations: arguments[operations], rounds: arguments[rounds], progress: progress
        ).run()
      }
    case "transactions":
      try deliver(jsonPath, terminal) { () throws(CommandError) in
        try TransactionBenchmark(
          rounds: arguments[rounds], pool: arguments[pool],
          sizes: arguments[bytes].map { [$0] } ?? TransactionBenchmark.sizes,
          parts: arguments[part].map { [$0] } ?? TransactionBenchmark.Part.allCases,
          progress: progress
        ).run()
      }
    case "scale":
      try deliver(jsonPath, terminal) { () throws(CommandError) in
        try ScaleBenchmark(
          processes: arguments[processes], transactions: arguments[transactions],
          progress: progress
        ).run()
      }
    case "host":
      try deliver(jsonPath, terminal) { () throws(CommandError) in
        try HostBenchmark(rounds: arguments[rounds]).run()
      }
    case let other:
      throw .usage(
        "bench: '\(other)' is no benchmark", hint: "accepted: ranges, transactions, scale, host")
    }
    return .success
  }

  private static func deliver<Row: BenchRow>(
    _ jsonPath: String?, _ terminal: Terminal,
    _ work: () throws(CommandError) -> BenchReport<Row>
  ) throws(CommandError) {
    let file = try jsonPath.map { path throws(CommandError) in try OutputFile(path: path) }
    let report = try work()
    if jsonPath != "-" { try StandardOutput.write(report.text(for: terminal)) }
    if let file { try file.commit(try JSONText.encodeSnakeCase(report)) }
  }
}
