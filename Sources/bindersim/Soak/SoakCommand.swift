internal import BinderBuffer

/// `bindersim soak`: its options, and what they set.
enum SoakCommand {
  private static let duration = Option(
    "duration", short: "d",
    .duration.filter(accepted: "a time of at least 1s, like 30s or 10m") { $0 >= .seconds(1) },
    default: .seconds(60), shown: "60s", help: "end after that time")
  private static let policy = Option(
    optional: "policy", .policy,
    help: "one placement policy; else each process gets one at random")

  static let subcommand = Subcommand(
    name: "soak", summary: "mix all workloads with reclaim and deaths, and look for leaks",
    discussion: [
      """
      Real threads send, call, answer, hold, free and give up messages of all workloads, while \
      pages are reclaimed, the memory budget moves and processes die and are replaced. Every byte \
      that arrives is compared with what was sent, and invariants are proved all the time. In a \
      short rest now and then everything must have been given back, and memory, descriptors and \
      mappings must not have grown. The exit status is 1 when one of these does not hold.
      """
    ],
    options: [
      duration.description, EngineOptions.seed.description, policy.description,
    ] + RuleOptions.descriptions,
    examples: ["bindersim soak --duration 10m"]
  ) { arguments throws(CommandError) in
    let options = SoakRun.Options(
      duration: arguments[duration], seed: arguments[EngineOptions.seed],
      policy: try RuleOptions.policy(from: arguments, policy))
    return try SoakRun(options, write: StandardOutput.write).run()
  }
}
