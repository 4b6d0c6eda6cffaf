import BinderBuffer
import PageAlloc
import Testing

@testable import bindersim

/// The simulation of the driver: it passes, it plays what it is for, and it can fail.
@Suite(.timeLimit(.minutes(15))) struct DriverCheckTests {
  private func run(_ seed: UInt64, steps: Int) -> (CheckRun.Failure?, CheckRun) {
    var options = CheckOptions()
    options.playsDriver = true
    options.steps = steps
    var run = CheckRun(seed: seed, options: options, memory: SenderMemory(pages: 1))
    return (run.run(), run)
  }

  @Test func seedsPass() {
    var tally = CheckTally()
    for seed in UInt64(1)...40 {
      let (failure, run) = run(seed, steps: 400)
      #expect(
        failure == nil,
        "\(run.options.command(seed: seed)): \(failure.map { "\($0)" } ?? "")")
      tally.add(run.tally)
    }
    // What is not played is not tested.
    #expect(tally.sent > 500 && tally.delivered > 300 && tally.refused > 100, "\(tally)")
    #expect(tally.deaths > 50 && tally.files > 10 && tally.faults > 0, "\(tally)")
  }

  @Test func theSameSeedDoesTheSame() {
    #expect(run(5, steps: 300).1.checksum.value == run(5, steps: 300).1.checksum.value)
    #expect(run(5, steps: 300).1.checksum.value != run(6, steps: 300).1.checksum.value)
  }

  /// What happens behind the model's back is noticed at the next look.
  @Test func whatTheModelDoesNotKnowIsFound() throws {
    let world = DriverWorld(seed: 3, policy: .c)
    try world.begin()
    try world.judge(isThorough: true)
    let id = try #require(world.programs[0]).id
    _ = try world.driver.beginCall(id, tid: 77)
    #expect(throws: InvariantViolation.self) { try world.judge(isThorough: false) }
    try world.driver.exitThread(id, tid: 77)
    world.driver.effects.removeAll()
    try world.judge(isThorough: true)
    world.driver.kill(id)
    #expect(throws: InvariantViolation.self) { try world.settleEffects("a death") }
  }

  /// Whatever order a dictionary has in a process.
  @Test func theSameSeedPlaysTheSame() throws {
    let runs = try (0..<6).map { _ in try BuiltTool.run(["check", "--driver", "--seed", "10"]) }
    #expect(runs.allSatisfy { $0.status == 0 && $0.output == runs[0].output })
  }

  @Test func asAUserRunsIt() throws {
    let arguments = ["check", "--driver", "--seeds", "1-3", "--steps", "200"]
    let first = try BuiltTool.run(arguments)
    let second = try BuiltTool.run(arguments)
    #expect(first.status == 0, "\(first.output)\(first.errors)")
    #expect(first.output == second.output)
    #expect(first.output.contains("3 seeds from 1, policy drawn by each seed: 600 steps"))
  }
}
