internal import BinderBuffer

/// `bindersim check`: the options, and what they turn into.
enum CheckCommand {
  private static let seed = Option(
    "seed", short: "s", .seed, default: 1, shown: "1", help: "where all choices come from")
  private static let seeds = Option(
    optional: "seeds", .seedRange, help: "all seeds from A to B, up to the first that fails")
  private static let steps = Option(
    "steps", short: "n", .count(in: 1...1_000_000_000), default: CheckOptions.defaultSteps,
    shown: "1000", help: "steps for each seed")
  private static let only = Option(
    optional: "only", .steps, help: "only these steps, as a minimized run prints them")
  private static let policy = Option(
    optional: "policy", .policy,
    help: "one placement policy; else the seed draws one for each "
      + "process")
  private static let driver = Option(
    "driver", help: "the driver's protocol in place of the buffer engine")
  private static let minimizes = Option(
    "minimize", help: "leave steps out of the first failing seed for as long as it still fails")

  static let subcommand = Subcommand(
    name: "check", summary: "test the engine: random schedules and faults against a naive model",
    discussion: [
      """
      Runs processes, senders, receivers, calls, faults, reclaim and deaths on one thread, in an \
      order that the seed alone decides, and compares every answer, count, page and byte with \
      what a naive model says must happen. The same seed prints the same result. A failure \
      prints the step, the rule that was broken, both sides, and the command that runs it again; \
      the exit status is then 1, or that of the signal when the engine itself stopped the program.
      """,
      """
      With --driver, programs with threads write commands to one driver, right and wrong ones, nest \
      calls, pass objects and files, freeze, and die at any step, also between the two steps of a \
      message; every answer, wake-up, count and byte is compared.
      """,
    ],
    options: [
      seed.description, seeds.description, steps.description, driver.description,
      policy.description,
      minimizes.description, only.description,
    ] + RuleOptions.descriptions,
    examples: [
      "bindersim check --seeds 1-1000",
      "bindersim check --driver --seeds 1-300",
      "bindersim check --seed 42 --policy c --minimize",
    ]
  ) { arguments throws(CommandError) in
    try arguments.refuse(
      CheckCommand.seed, when: arguments.has(seeds), "has no effect with --seeds")
    try arguments.refuse(
      steps, when: arguments.has(only), "has no effect with --only, which names the steps")
    var options = CheckOptions()
    let seed = arguments[seed]
    options.seeds = arguments[seeds] ?? seed...seed
    options.steps = arguments[steps]
    options.playsDriver = arguments[driver]
    options.only = arguments[only]
    options.policy = try RuleOptions.policy(from: arguments, policy)
    return arguments[minimizes]
      ? try MinimizeCampaign(options: options, write: StandardOutput.write).run()
      : try CheckCampaign(options: options, write: StandardOutput.write).run()
  }
}

extension ValueSyntax<ClosedRange<UInt64>> {
  static var seedRange: Self {
    Self("A-B", accepted: "two seeds like 1-1000, the smaller one first") { text in
      let ends = text.split(separator: "-", omittingEmptySubsequences: false)
      guard ends.count == 2, let first = UInt64(ends[0]), let last = UInt64(ends[1]), first <= last,
        last < UInt64(Int.max)
      else { return nil }
      return first...last
    }
  }
}

extension ValueSyntax<StepSet> {
  static var steps: Self {
    Self("STEPS", accepted: "ascending steps like 0-41,137") { StepSet($0) }
  }
}
