import BinderBuffer
import Testing

@testable import bindersim

/// What is said in several places is the same in all of them.
@Suite(.timeLimit(.minutes(15))) struct OneCountTests {
  private func expectOneCount(_ report: RunReport, _ recording: Recording) {
    let recorded = recording.failures.reduce(0) { $0 + $1.count }
    #expect(report.refused == recorded)
    #expect(report.refused == recording.totals.senders.reduce(0) { $0 + $1.failed })
    #expect(report.refused == recording.tracks.values.reduce(0) { $0 + $1.failed })
    #expect(report.refused == recording.refusedTimes.total)
    #expect(report.refused == report.refusedOverTime.total)
    #expect(report.failedCalls == report.refusedReplies)
    #expect(!report.foundFaults, "\(report.text(for: .plain))")
    let text = report.text(for: .plain)
    #expect(text.contains(Format.grouped(report.refused) + "\n"))
    let page = RunPage.page(report, recording, .tried([])).html
    #expect(
      page.contains("<b>\(Format.grouped(report.refused))</b><span>refused</span>"), "\(text)")
  }

  /// A refused reply is one refusal, not another one of the call that it fails.
  @Test func refusedRepliesAreCountedOnce() throws {
    let run = try SimulatedRecording(.bimodal, transactions: 3000, region: 16 << 10)
    #expect(run.report.refusedReplies > 0)
    expectOneCount(run.report, run.recording)
    let plural = run.report.refusedReplies > 1
    #expect(
      run.report.text(for: .plain).contains(
        plural ? "of them were replies, whose calls failed" : "1 of them was a reply"))
  }

  @Test func threadsCountOnceToo() throws {
    var options = RunOptions(.bimodal)
    options.transactions = 3000
    options.duration = nil
    options.region = 16 << 10
    options.recording = .timeline
    let simulation = try Simulation(options)
    let report = try ThreadedRun.run(simulation)
    #expect(report.refused > 0)
    expectOneCount(report, try #require(simulation.recorder?.recording))
  }

  @Test func whatWasNotFreedIsNotGivenBack() throws {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    let tool = try BuiltTool.run([
      "run", "-w", "leak", "--deterministic", "-n", "2000", "--html", scratch.path("page"),
      "--json", scratch.path("json"),
    ])
    #expect(tool.status == 1)
    #expect(!tool.output.contains("given back"))
    let line = try #require(
      tool.output.split(separator: "\n").first { $0.contains("never freed") })
    let count = try #require(line.split(separator: " ").compactMap { Int($0) }.dropFirst().first)
    let page = try #require(readFile(scratch.path("page")))
    #expect(page.contains("<b>\(Format.grouped(count))</b><span>never freed</span>"))
    let json = try #require(readFile(scratch.path("json")))
    #expect(json.contains("\"buffers\" : \(count)"))
  }

  /// One name for one figure, in all commands.
  @Test func figuresHaveOneName() throws {
    let run = RunReport.processColumns.map(\.title)
    let replay = ReplayText.processColumns.map(\.title)
    let compared = ReplayComparisonText.header
    for name in ["peak buffers", "peak bytes", "peak pages", "frames", "reclaimed", "spam"] {
      #expect(run.contains(name) && replay.contains(name) && compared.contains(name), "\(name)")
    }
    for command in Bindersim.commands.commands {
      #expect(!HelpText.text(for: command).contains("\n  fresh "), "\(command.name)")
    }
  }

  /// An error number once, and no process that nobody made.
  @Test func errorsOfTheSystemAreToldOnce() throws {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    var capture = SyntheticCapture()
    capture.send(1, from: 20, 2, to: 3)
    writeFile(scratch.path("capture"), capture.text)
    for command in ["replay capture --frees inferred", "run --deterministic -n 10"] {
      // No file may be longer than 512 bytes, that of a region included.
      let tool = try BuiltTool.shell("ulimit -f 1; bindersim \(command)", in: scratch.directory)
      #expect(tool.status == 3, "\(tool.output)")
      #expect(tool.errors.components(between: "EFBIG", and: "\n").count == 1, "\(tool.errors)")
      #expect(!tool.errors.contains("2147483647"), "\(tool.errors)")
      #expect(tool.errors.components(between: "process", and: " ").count <= 1, "\(tool.errors)")
    }
  }
}
