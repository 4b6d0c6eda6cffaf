import BinderBuffer
import Testing

@testable import bindersim

/// What a run writes as ftrace text, a replay reads back, and does the same.
@Suite struct FtraceTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let workload: Workload
    var policy = PlacementPolicy.rust
    var region = RunOptions.defaultRegion
    var testDescription: String { "\(workload.name) \(policy.name) \(region)" }
  }

  private static let cases = [
    Case(workload: .android), Case(workload: .android, policy: .c),
    Case(workload: .bimodal, policy: .c61), Case(workload: .leak, region: 64 << 10),
    Case(workload: .fragmentation), Case(workload: .onewayFlood, policy: .c, region: 64 << 10),
  ]

  @Test(arguments: cases)
  func aRunIsReplayedWithNothingUnused(_ one: Case) throws {
    let run = try SimulatedRecording(
      one.workload, policy: one.policy, region: one.region)
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    let path = scratch.path("run.ftrace")
    let file = try OutputFile(path: path)
    try FtraceText(run.recording, names: [:]).write(to: file)
    try file.commit()

    var options = ReplayOptions(path: path)
    options.policies = [one.policy]
    options.regionLengths = [one.region]
    options.belief = .recorded
    let replay = try runReplay(options)
    #expect(replay.unused.isEmpty && replay.capture.unusableLines.isEmpty)
    #expect(replay.notes == [])
    let refused = run.report.failures.reduce(0) { $0 + $1.count }
    #expect(replay.used == run.report.traffic.transactions + refused)
    #expect(replay.neverFreed == run.recording.stillHeld.count)
    #expect(replay.failureCount == refused)
    let results = Dictionary(
      uniqueKeysWithValues: replay.runs[0].processes.map { ($0.pid, $0) })
    for process in run.report.processes where process.peakBytes > 0 {
      let result = try #require(results[process.pid])
      #expect(result.peakBuffers == process.peakBuffers)
      #expect(result.peakBytes == process.peakBytes)
      #expect(result.peakPages == process.peakPagesInUse)
      #expect(result.framesAllocated == process.framesAllocated)
      #expect(result.lowestFreeOnewaySpace == process.lowestFreeOnewaySpace)
      #expect(result.spamReports == process.spamReports)
    }
  }
}
