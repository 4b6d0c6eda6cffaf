import Testing

@testable import bindersim

/// What every report must be, whatever it tells.
@Suite(.timeLimit(.minutes(5))) struct ReportTests {
  static let workloads = [Workload.android, .leak, .fragmentation, .onewayFlood, .rpc]

  static func page(_ workload: Workload, transactions: Int = 1500) throws -> String {
    let run = try SimulatedRecording(workload, transactions: transactions, region: 64 << 10)
    return RunPage.page(run.report, run.recording, .tried([])).html
  }

  @Test(arguments: workloads.map(\.name))
  func isWellFormedAndFetchesNothingAndExplainsItsPlots(_ name: String) throws {
    let workload = try #require(Workload.all.first { $0.name == name })
    let page = try Self.page(workload)
    #expect(Markup.problem(in: page) == nil)
    for word in ["http:", "https:", "src=", "href=", "url(", "@import", "<script", "<link"] {
      #expect(!page.contains(word), "\(word)")
    }
    for word in ["prefers-color-scheme:dark", "@media print", "name=\"viewport\""] {
      #expect(page.contains(word), "\(word)")
    }
    expectExplanations(page)
  }

  private func expectExplanations(_ page: String) {
    let plots = page.components(between: "<figure", and: "</figure>")
    #expect(plots.count >= 7)
    for plot in plots {
      #expect(plot.contains("<figcaption>") && plot.contains("role=\"img\""))
      #expect(plot.components(between: "<title>", and: "</title>").first?.isEmpty == false)
      #expect(plot.components(between: "<desc>", and: "</desc>").first?.isEmpty == false)
      #expect(plot.components(between: "<span style=\"bottom", and: "</span>").count >= 2)
      for name in ["<div class=\"name\">", "<span class=\"unit\">"] {
        #expect(plot.components(between: name, and: "</").first?.isEmpty == false)
      }
    }
  }

  @Test func aLeakIsNamed() throws {
    let page = try Self.page(.leak)
    for word in [
      "were never freed", "of them by process 1000, sent by", "The region was held by",
      "rust_binder: Failed to allocate buffer. len:", "Region map: 16 of 16 pages", "first at",
    ] {
      #expect(page.contains(word), "\(word)")
    }
  }

  /// All questions, whatever the run: an answer that there is nothing is one too.
  @Test(arguments: workloads.map(\.name))
  func everyQuestionIsAnswered(_ name: String) throws {
    let page = try Self.page(try #require(Workload.all.first { $0.name == name }))
    let questions = page.components(between: "<dt>", and: "</dt>")
    #expect(
      questions == [
        "Was anything refused?", "Who fills the region?", "How fragmented is it?",
        "Would a longer region help?", "Who spams oneway?", "Which buffers leak?",
        "How many pages are needed?",
      ])
    let answers = page.components(between: "<dd>", and: "</dd>")
    #expect(answers.count == questions.count && answers.allSatisfy { $0.hasSuffix(".") })
  }

  @Test func aFloodIsNamed() throws {
    let page = try Self.page(.onewayFlood)
    for word in ["Oneway messages may take half of the region", "Oneway spam was reported of"] {
      #expect(page.contains(word), "\(word)")
    }
  }

  @Test func fragmentationIsNamed() throws {
    let run = try SimulatedRecording(.fragmentation, transactions: 12_000)
    let page = RunPage.page(run.report, run.recording, .tried([])).html
    #expect(page.contains("Fragmentation: "))
    #expect(page.contains("live buffers lie between the pieces"))
  }

  @Test func theSameRunGivesTheSamePage() throws {
    #expect(try Self.page(.bimodal) == Self.page(.bimodal))
  }

  @Test func aRunWithoutEventsHasAPage() throws {
    let run = try SimulatedRecording(.android, transactions: 1)
    let page = RunPage.page(run.report, Recording(keepsEvents: false), .tried([])).html
    #expect(Markup.problem(in: page) == nil)
  }

  @Test func namesFromOutsideAreOnlyText() {
    #expect(HTML.escaped("<b>&\"'\u{0}\u{1B}") == "&lt;b&gt;&amp;&quot;&#39;\u{FFFD}\u{FFFD}")
    let table = HTML.table(["a"], [["<script>"]], caption: "x & y")
    #expect(table.contains("&lt;script&gt;") && table.contains("x &amp; y"))
    #expect(Markup.problem(in: table) == nil)
  }
}

extension String {
  /// The texts from each `start` to the next `end`.
  func components(between start: String, and end: String) -> [String] {
    split(separator: start, omittingEmptySubsequences: false).dropFirst().map { part in
      String(part.split(separator: end, maxSplits: 1, omittingEmptySubsequences: false)[0])
    }
  }
}
