import Testing

@testable import bindersim

/// Leaks by sender, code and size; refusals over time; times as the capture has them.
@Suite(.timeLimit(.minutes(15))) struct LeakGroupTests {
  /// Two senders leak, one of them two sizes; all others are released. At the end the region of 3 is
  /// full: three refusals in two moments.
  private static func capture() -> SyntheticCapture {
    var capture = SyntheticCapture()
    for id in 1...90 {
      let sender = id % 3 == 0 ? 5 : 2
      capture.send(
        id, from: sender * 10, sender, to: 3, node: id, data: id % 3 == 1 ? 1000 : 200)
      capture.received(id, by: 30, 3)
      if id % 9 != 1, id % 9 != 3, id % 9 != 5 { capture.released(id, by: 30, 3) }
      capture.reply(1000 + id, from: 30, 3, to: sender, thread: sender * 10)
      capture.received(1000 + id, by: sender * 10, sender)
      capture.released(1000 + id, by: sender * 10, sender)
    }
    for id in 200...202 {
      capture.transaction(id, from: 20, 2, to: 3)
      capture.line(20, 2, "binder_return: cmd=0x7211 BR_FAILED_REPLY")
    }
    return capture
  }

  private func explained(_ format: String) throws -> String {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    writeFile(scratch.path("capture"), Self.capture().text)
    let path = format == "text" ? nil : scratch.path("out")
    let tool = try BuiltTool.run(
      ["explain", scratch.path("capture"), "--wide"] + (path.map { ["--\(format)", $0] } ?? []))
    #expect(tool.status == 1)
    return path == nil ? tool.output : try #require(path.flatMap(readFile))
  }

  @Test func alikeOnesAreOneGroup() throws {
    let report = try Self.capture().replayed(
      ReplayOptions(path: "synthetic", belief: .recorded))
    let groups = report.unreleasedGroups
    #expect(groups.map(\.sender) == [2, 5, 2])
    #expect(groups.map(\.size) == [1000, 200, 200])
    #expect(groups.map(\.buffers) == [10, 10, 10])
    #expect(groups.map(\.bytes) == [10_000, 2000, 2000])
    #expect(groups.reduce(0) { $0 + $1.buffers } == report.neverFreed)
    #expect(groups.reduce(0) { $0 + $1.leaked } == report.leaked)
    #expect(groups[0].firstTransaction == 1 && groups[0].code == 1)
    let words = ReplayWords(report).leaks
    #expect(words.count == 3)
    #expect(
      words[0].hasPrefix(
        "10 requests of 2 task20 to 3 task30 with code 0x1, 1,000 bytes each, together "
          + "10,000:"),
      "\(words[0])")
  }

  @Test(arguments: ["text", "html", "json"])
  func explainGroupsThem(_ format: String) throws {
    let text = try explained(format)
    switch format {
    case "json":
      #expect(text.components(between: "\"unreleasedGroups\"", and: "]").count == 1)
      #expect(text.contains("\"firstTransaction\" : 1,"))
    default:
      #expect(text.contains("bytes each") && text.contains("1,000") && text.contains("10,000"))
    }
  }

  @Test(arguments: ["text", "html", "json"])
  func refusalsAreToldOverTime(_ format: String) throws {
    let text = try explained(format)
    if format == "json" {
      let told = text.components(between: "\"refusedOverTime\" : [", and: "]").filter {
        $0.contains("\"counts\"")
      }
      #expect(!told.isEmpty)
    } else {
      #expect(text.localizedOverTime, "\(text.prefix(3000))")
    }
  }

  @Test func everyRefusalIsInAnInterval() throws {
    let report = try Self.capture().replayed(
      ReplayOptions(path: "synthetic", regionLengths: [4096], belief: .recorded))
    #expect(report.refused == 3)
    #expect(report.refusedOverTime.total == 3)
    let run = report.runs[0]
    #expect(run.failed > 10)
    #expect(run.failedOverTime.total == run.failed)
    let text = ReplayText.text(report, for: .plain.wide(true))
    #expect(text.contains("refused over time:"))
    #expect(text.contains("refused from") && text.contains("by the driver  rust, 4K"))
    #expect(text.contains("1.000000 s"), "as the capture has the time: \(text)")
  }

  /// The pages of a capture tell times by its clock, not by a clock of their own.
  @Test func timesAreTheCaptures() throws {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    writeFile(scratch.path("capture"), Self.capture().text)
    let tool = try BuiltTool.run([
      "replay", scratch.path("capture"), "--frees", "recorded", "--policy", "c", "--region", "8K",
      "--html", scratch.path("page"),
    ])
    #expect(tool.status == 1)
    let page = try #require(readFile(scratch.path("page")))
    #expect(page.contains("first at 1.000"), "in the title of a refusal")
    #expect(page.contains("time since 1.00000"), "under the plots")
    #expect(!page.contains("time since the beginning"))
    var clock = RecordedClock()
    #expect(clock.text(4_100_000) == "4.1 ms")
    let stamps = [(0, 28_304_425_991_000), (5, 28_304_425_991_005), (2_000_000_000, 7_000_000_000)]
    // The last is of a second recording.
    let isNew = stamps.map { clock.note(UInt64($0.0), shows: UInt64($0.1)) }
    #expect(isNew == [true, false, true])
    #expect(clock.text(1_000_000_000) == "28305.425991 s")
    #expect(clock.text(3_000_000_000) == "8.000000 s")
  }

  @Test func buffersOfADumpAreGroupedToo() throws {
    var process = DumpProcess(pid: 3, source: "state:1")
    process.buffers = (1...6).map {
      DumpBuffer(id: UInt64($0), size: $0 < 5 ? 128 : 64, state: .delivered)
    }
    process.transactions = [
      DumpTransaction(place: .pending, id: 5, sender: 2, receiver: 3, code: 9)
    ]
    let groups = DumpGroup.groups(process)
    #expect(groups.map(\.buffers) == [4, 1, 1])
    #expect(groups.map(\.bytes) == [512, 64, 64])
    #expect(groups.contains { $0.sender == 2 && $0.code == 9 && $0.size == 64 })
  }
}

extension String {
  fileprivate var localizedOverTime: Bool {
    contains("Refusals over time") && contains("1.000000 s")
  }
}
