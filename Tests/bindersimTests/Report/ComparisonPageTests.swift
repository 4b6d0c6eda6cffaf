import Testing

@testable import bindersim

/// Several settings on one page and in one table.
@Suite(.timeLimit(.minutes(15))) struct ComparisonPageTests {
  static let nine = ["--policy", "c,rust,compact", "--region", "32K,64K,1016K"]
  private static let common = ["run", "--deterministic", "-n", "1000", "-w", "fragmentation"]

  /// The page of a run in nine settings, made once.
  static let page = Result { try makePage() }

  private static func makePage() throws -> String {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    let tool = try BuiltTool.run(common + nine + ["--html", scratch.path("page")])
    #expect(tool.errors == "")
    return try #require(readFile(scratch.path("page")))
  }

  @Test func nineSettingsAreOnePage() throws {
    let page = try Self.page.get()
    #expect(Markup.problem(in: page) == nil)
    ReportTests.expectSelfContained(page)
    let titles = page.components(between: "<h2>", and: "</h2>")
    #expect(
      titles == [
        "Summary", "Settings", "Latency (simulated time)", "Refusals", "Regions",
        "Sizes and senders", "Buffers that were never freed",
      ])
    // Six plots for each of four processes, a map for each setting, latency and sizes.
    #expect(page.components(between: "<figure", and: "</figure>").count <= 24 + 9 + 2)
  }

  /// All settings in the same plot; those that are equal are one line.
  @Test func settingsShareTheirPlots() throws {
    let page = try Self.page.get()
    let plots = page.components(between: "<figure", and: "</figure>")
    let frames = try #require(plots.first { $0.contains("Pages with a frame") })
    let lines = frames.components(between: "<path class=\"line", and: "/>").count
    #expect((2...9).contains(lines))
    for name in ["c, 32K", "rust, 1016K", "compact, 64K"] { #expect(page.contains(name)) }
    #expect(
      ComparisonSections.grouped([("a", "x"), ("b", "y"), ("c", "x")]) == [[0, 2], [1]])
  }

  /// Each setting's result is that of a run by itself.
  @Test func comparedRunsAreTheSameAsSingleOnes() throws {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    let compared = try BuiltTool.run(
      Self.common + ["--policy", "c,rust", "--region", "32K", "--json", "-"])
    let sums = compared.output.components(between: "\"checksum\" : \"", and: "\"")
    #expect(sums.count == 2)
    #expect(compared.output.contains("\"schema\" : \"bindersim.runs\""))
    for (policy, sum) in zip(["c", "rust"], sums) {
      let single = try BuiltTool.run(
        Self.common + ["--policy", policy, "--region", "32K", "--json", "-"])
      #expect(single.output.components(between: "\"checksum\" : \"", and: "\"") == [sum])
    }
    let text = try BuiltTool.run(Self.common + ["--policy", "c,rust", "--region", "32K", "--wide"])
    #expect(text.status == compared.status)
    let rows = text.output.split(separator: "\n").filter {
      $0.hasPrefix("c  ") || $0.hasPrefix("rust  ")
    }
    #expect(rows.count == 2, "\(text.output)")
    #expect(sums.allSatisfy { text.output.contains("result \($0)") })
  }

  @Test func threadsAreComparedToo() throws {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    let tool = try BuiltTool.run([
      "run", "-n", "2000", "-p", "2", "-t", "2", "--policy", "c,rust", "--html",
      scratch.path("page"),
    ])
    #expect(tool.status == 0, "\(tool.output)\(tool.errors)")
    let page = try #require(readFile(scratch.path("page")))
    #expect(Markup.problem(in: page) == nil)
  }

  @Test func aReplayComparesThemAsWell() throws {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    let made = try BuiltTool.run(
      Self.common + ["--region", "1016K", "--ftrace", scratch.path("capture")])
    #expect(made.status == 0)
    let tool = try BuiltTool.run(
      ["replay", scratch.path("capture"), "--html", scratch.path("page")] + Self.nine)
    #expect(tool.errors == "")
    let page = try #require(readFile(scratch.path("page")))
    #expect(Markup.problem(in: page) == nil)
    ReportTests.expectSelfContained(page)
    #expect(page.components(between: "<figure", and: "</figure>").count <= 24 + 9 + 2)
    #expect(page.components(between: "<h2>Regions", and: "</h2>").count == 1)
  }

  /// Regions that hardly held anything are one line, not a table of their own.
  @Test func idleRegionsAreFolded() throws {
    var capture = SyntheticCapture()
    for process in 10..<60 { capture.send(process, from: 20, 2, to: process, data: 100) }
    capture.send(200, from: 20, 2, to: 3, data: 400_000)
    for process in 10..<60 { capture.released(process, by: 10 * process, process) }
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    writeFile(scratch.path("capture"), capture.text)
    for policies in ["c", "c,rust"] {
      _ = try BuiltTool.run([
        "replay", scratch.path("capture"), "--frees", "inferred", "--policy", policies, "--region",
        "1016K", "--html", scratch.path("page"),
      ])
      let page = try #require(readFile(scratch.path("page")))
      #expect(page.contains("50 more regions hardly used, at most 104 B: 10, 11, "))
      #expect(page.components(between: "<section class=\"process\">", and: "</section>").count == 1)
    }
  }
}
