import BinderBuffer
import Testing

@testable import bindersim

@Suite(.timeLimit(.minutes(5))) struct RecordingTests {
  @Test func theGridNeverHasMoreColumnsThanItMay() {
    var grid = TimeGrid()
    var merges = 0
    var last = 0
    for time in stride(from: UInt64(0), to: 10_000_000, by: 777) {
      let column = grid.column(of: time) { merges += 1 }
      #expect(column < TimeGrid.capacity)
      #expect(UInt64(column) * grid.width <= time && time < UInt64(column + 1) * grid.width)
      last = column
    }
    #expect(merges > 0 && last >= TimeGrid.capacity / 2)
    #expect(grid.column(of: .max) {} < TimeGrid.capacity)
  }

  @Test func runsOfPages() {
    let runs = PageRun.runs([.free, .inUse, .inUse, .shared, .free, .free, .available])
    #expect(
      runs == [
        PageRun(state: .inUse, pages: 1..<3), PageRun(state: .shared, pages: 3..<4),
        PageRun(state: .available, pages: 6..<7),
      ])
    #expect(PageRun.runs([]) == [])
  }

  /// The columns hold the same peaks as the engine's own counts.
  @Test(arguments: [Workload.android, .leak, .fragmentation, .onewayFlood].map(\.name))
  func peaksAreTheEngines(_ name: String) throws {
    let workload = try #require(Workload.all.first { $0.name == name })
    let run = try SimulatedRecording(workload)
    #expect(run.recording.tracks.count == run.report.processes.count)
    for process in run.report.processes {
      let track = try #require(run.recording.tracks[process.pid])
      #expect(track.columns.count <= TimeGrid.capacity)
      #expect(track.columns.map(\.buffers.high).max() == process.peakBuffers)
      #expect(track.columns.map(\.bytes.high).max() == process.peakBytes)
      #expect(track.columns.map(\.pagesInUse.high).max() == process.peakPagesInUse)
      #expect(track.columns.map(\.freeOneway.low).min() == process.lowestFreeOnewaySpace)
      #expect(track.peak.bytesInUse == process.peakBytes)
    }
    let total = run.recording.failures.reduce(0) { $0 + $1.count }
    #expect(total == run.report.failures.reduce(0) { $0 + $1.count })
    let freed = run.recording.lifetimes.reduce(0) { $0 + Int($1.count) }
    #expect(freed + run.recording.stillHeld.count == run.report.traffic.transactions)
  }

  /// What a map shows at a column's end is what the engine counts then.
  @Test func mapsAgreeWithTheCounts() throws {
    let run = try SimulatedRecording(.bimodal, budget: 60)
    for track in run.recording.tracks.values {
      for column in track.columns {
        let framed = column.pages.reduce(0) { $0 + $1.pages.count }
        #expect(framed <= 60 && framed <= column.framedPages.high)
        let used = column.pages.filter { $0.state == .inUse || $0.state == .shared }
          .reduce(0) { $0 + $1.pages.count }
        #expect(used <= column.pagesInUse.high)
      }
      #expect(track.pageHeight > 0)
    }
  }

  @Test func leaksAreWhatIsStillHeld() throws {
    let run = try SimulatedRecording(.leak, transactions: 2000)
    let held = run.recording.stillHeld
    #expect(!held.isEmpty)
    #expect(run.report.leaks.map(\.buffers) == [held.count])
    #expect(run.report.leaks.map(\.bytes) == [held.reduce(0) { $0 + $1.buffer.size }])
    #expect(run.report.leftovers.isEmpty, "leaks are freed once they were counted")
    #expect(held.allSatisfy { $0.buffer.kind == .request && $0.buffer.receiver == 1000 })
    #expect(held.map(\.since) == held.map(\.since).sorted())
  }

  @Test func totalsAreByKindAndSender() throws {
    let run = try SimulatedRecording(.android)
    let senders = run.recording.totals.senders
    func sum(_ kind: MessageKind) -> Int { senders.reduce(0) { $0 + $1.sent[kind.rawValue] } }
    #expect(sum(.request) == run.report.traffic.sync)
    #expect(sum(.oneway) == run.report.traffic.oneway)
    #expect(sum(.reply) == run.report.traffic.replies)
    let sizes = run.recording.totals.sizes.flatMap(\.self).reduce(0, +)
    #expect(sizes == run.report.traffic.transactions)
    #expect(senders.map(\.bytes) == senders.map(\.bytes).sorted(by: >))
  }

  @Test func threadsAreRecordedToo() throws {
    var options = RunOptions(.android)
    options.transactions = 1000
    options.duration = nil
    options.recording = .events
    let simulation = try Simulation(options)
    let report = try ThreadedRun.run(simulation)
    let recording = try #require(simulation.recorder?.recording)
    #expect(!report.foundFaults)
    #expect(recording.stillHeld.isEmpty)
    let lifetimes = recording.lifetimes.reduce(0) { $0 + Int($1.count) }
    #expect(lifetimes == report.traffic.transactions)
    // A send, a receive and a free each.
    #expect(recording.log?.events.count == 3 * report.traffic.transactions)
    for process in report.processes {
      let track = try #require(recording.tracks[process.pid])
      // The recorder looks after each step: it may miss a peak, but never sees what was not there.
      #expect(track.peak.bytesInUse <= process.peakBytes)
    }
  }

  @Test func recordingChangesNothing() throws {
    var options = RunOptions(.bimodal)
    options.transactions = 800
    options.duration = nil
    options.isDeterministic = true
    let plain = SimulatedRun(try Simulation(options)).run()
    options.recording = .events
    let recorded = SimulatedRun(try Simulation(options)).run()
    #expect(plain.checksum == recorded.checksum)
  }
}
