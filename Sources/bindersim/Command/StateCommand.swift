internal import BinderBuffer

/// `bindersim state`: the options, and what they turn into.
enum StateCommand {
  private static let moment = Option(
    "at", .duration, default: .seconds(1), shown: "1s",
    help: "when to look, in simulated time since the beginning")
  private static let host = Option(
    optional: "of", .text("NAME"),
    help: "print the processes of the running host of that name instead")

  static let subcommand = Subcommand(
    name: "state", summary: "print a run's processes at a moment, as debugfs does on a device",
    discussion: [
      """
      Runs the workload in simulated time up to that moment, and prints the counts of all and then \
      each process with its live buffers, in the layout of the C driver's files for its policies \
      and of the Rust driver's for the others.
      """
    ],
    options: [moment.description, host.description]
      + WorkloadOptions.descriptions([
        EngineOptions.region.description, EngineOptions.policy.description,
      ]),
    lists: [WorkloadOptions.list],
    examples: [
      "bindersim state --at 500ms --policy c", "bindersim state --workload leak --at 2s",
    ]
  ) { arguments throws(CommandError) in
    if let name = arguments[host] {
      try StandardOutput.write(try ControlSocket.state(of: name))
      return .success
    }
    var options = try WorkloadOptions.options(from: arguments, isDeterministic: true)
    options.region = arguments[EngineOptions.region]
    options.chosen = try RuleOptions.policy(from: arguments)
    options.duration = nil
    let simulation = try Simulation(options)
    let tally = SimulatedRun(simulation).run(until: arguments[moment].nanoseconds)
    try StandardOutput.write(DebugFiles.stats(simulation, tally))
    for member in simulation.members { try StandardOutput.write(member.process.debugDump()) }
    return .success
  }
}
