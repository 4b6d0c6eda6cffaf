import BinderBuffer

@testable import bindersim

/// A run in simulated time that was recorded.
struct SimulatedRecording {
  let report: RunReport
  let recording: Recording

  init(
    _ workload: Workload, transactions: Int = 1500, seed: UInt64 = 1,
    policy: PlacementPolicy = .rust, region: Int = RunOptions.defaultRegion, budget: Int? = nil
  ) throws {
    var options = RunOptions(workload)
    options.transactions = transactions
    options.duration = nil
    options.seed = seed
    options.policy = policy
    options.region = region
    options.budget = budget
    options.isDeterministic = true
    options.recording = .events
    let simulation = try Simulation(options)
    report = SimulatedRun(simulation).run()
    recording = simulation.recorder!.recording
  }
}
