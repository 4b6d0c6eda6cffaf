import BinderBuffer
import Testing

@testable import bindersim

@Suite struct RunTests {
  private func options(
    _ workload: Workload = .android, transactions: Int = 1500, seed: UInt64 = 1
  ) -> RunOptions {
    var options = RunOptions()
    options.workload = workload
    options.processes = 3
    options.threads = 2
    options.transactions = transactions
    options.duration = nil
    options.seed = seed
    return options
  }

  @Test(arguments: PlacementPolicy.newest)
  func everythingArrivesAndIsGivenBack(_ policy: PlacementPolicy) throws {
    var options = options()
    options.policy = policy
    let report = try ThreadedRun.run(Simulation(options))
    #expect(!report.foundFaults, "\(report.text(for: .plain))")
    #expect(report.leftovers == [])
    #expect(report.failures.isEmpty)
    let traffic = report.traffic
    #expect(traffic.sync + traffic.oneway == 1500)
    #expect(traffic.replies == traffic.sync)
    #expect(traffic.received == traffic.transactions)
    #expect(traffic.checkedBytes == traffic.bytes)
    #expect(traffic.bytes > 0)
    let counts = Dictionary(
      uniqueKeysWithValues: report.latencies.map { ($0.step, Int($0.histogram.count)) })
    #expect(counts[.send] == traffic.transactions)
    #expect(counts[.read] == traffic.transactions)
    #expect(counts[.free] == traffic.transactions)
    #expect(counts[.roundTrip] == traffic.sync)
  }

  @Test(arguments: Workload.all.map(\.name))
  func everyWorkloadRuns(_ name: String) throws {
    var options = options(try #require(Workload.all.first { $0.name == name }), transactions: 200)
    options.processes = 2
    let report = try ThreadedRun.run(Simulation(options))
    #expect(!report.foundFaults, "\(report.text(for: .plain))")
    #expect(report.traffic.sync + report.traffic.oneway == 200)
  }

  @Test(arguments: Workload.all.map(\.name))
  func deterministicRunsAreDecidedByTheSeed(_ name: String) throws {
    let workload = try #require(Workload.all.first { $0.name == name })
    func text(_ seed: UInt64) throws -> String {
      let simulation = try Simulation(options(workload, transactions: 400, seed: seed))
      let report = SimulatedRun(simulation).run()
      #expect(!report.foundFaults, "\(report.text(for: .plain))")
      return try JSONText.encode(report, schema: "run", version: 1)
    }
    let first = try text(1)
    #expect(try text(1) == first)
    #expect(try text(2) != first)
  }

  @Test func aFullRegionRefusesAndRecovers() throws {
    var options = options(.onewayFlood, transactions: 3000)
    options.region = 16 << 10
    let report = SimulatedRun(try Simulation(options)).run()
    #expect(report.failures.map(\.kind) == ["no oneway space"])
    #expect(report.traffic.oneway + report.failures[0].count == 3000)
    #expect(!report.foundFaults, "\(report.text(for: .plain))")
  }

  @Test func aSmallBudgetReclaimsOrRefuses() throws {
    var options = options(transactions: 2000)
    options.budget = 40
    let report = SimulatedRun(try Simulation(options)).run()
    #expect(!report.foundFaults, "\(report.text(for: .plain))")
    #expect(report.processes.reduce(0) { $0 + $1.framesReclaimed } > 0)

    options.budget = 4
    let refused = SimulatedRun(try Simulation(options)).run()
    #expect(refused.failures.contains { $0.kind == "no memory" })
    #expect(!refused.foundFaults, "\(refused.text(for: .plain))")
  }

  @Test func theReportSaysWhatWasSeen() throws {
    var tally = Tally()
    let fault = Corruption(
      pid: 7, buffer: 64, message: 3, place: .data, position: 5, expected: 0x0a, got: 0xff)
    for _ in 0..<20 { tally.count(fault) }
    var other = Tally()
    other.count(fault)
    tally.merge(other)
    let report = RunReport(
      try Simulation(options()), tally, elapsed: 1, wasInterrupted: true)
    #expect(report.foundFaults)
    #expect(report.corruptionCount == 21)
    #expect(report.corruptions.count == Tally.keptCorruptions)
    let text = report.text(for: .plain)
    let line = "process 7, buffer at 64, message 3: data byte 5 is 0xff, expected 0x0a"
    #expect(text.contains("corrupted: \(line)\n"))
    #expect(text.contains("corrupted: 13 more\n"))
    #expect(text.contains("interrupted"))
  }
}

extension Terminal {
  static let plain = Terminal(isInteractive: false, term: nil, noColor: nil)
}
