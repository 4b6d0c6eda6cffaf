import BinderBuffer
import Testing

@testable import bindersim

@Suite(.timeLimit(.minutes(5))) struct StateCommandTests {
  @Test func theLayoutIsTheDrivers() throws {
    let c = try BuiltTool.run(["state", "-w", "leak", "--at", "100ms", "--policy", "c"])
    #expect(c.status == 0 && c.errors == "")
    for line in [
      "binder stats:\nBC_TRANSACTION: ", "\nproc: active 4 total 4\n", "\nproc 1000\n",
      "\n  free async space ", "\n  pages high watermark: ", " delivered\n",
    ] {
      #expect(c.output.contains(line), "\(line)")
    }
    let rust = try BuiltTool.run(["state", "-w", "leak", "--at", "100ms"])
    for line in ["\n  free oneway space: ", "\n  outstanding transactions: ", " allocated\n"] {
      #expect(rust.output.contains(line), "\(line)")
    }
  }

  @Test func whatIsLiveIsWhatWasSentAndNotFreed() throws {
    var options = RunOptions(.leak)
    options.duration = nil
    options.isDeterministic = true
    let simulation = try Simulation(options)
    let tally = SimulatedRun(simulation).run(until: 50_000_000)
    let live = simulation.members.reduce(0) { $0 + $1.process.statistics.bufferCount }
    #expect(live > 0)
    let text = DebugFiles.stats(simulation, tally)
    #expect(text.contains("BC_FREE_BUFFER: \(tally.sync + tally.oneway + tally.replies - live)\n"))
    // A later moment is reached the same way.
    let later = SimulatedRun(try Simulation(options)).run(until: 60_000_000)
    #expect(later.received > tally.received)
  }
}
