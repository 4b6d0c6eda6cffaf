import Testing

@testable import bindersim

/// "Would 2 MiB have helped?"
@Suite(.timeLimit(.minutes(5))) struct WhatIfTests {
  private func sentence(_ attempts: [(policy: String, region: Int, refused: Int)]) -> String {
    WhatIf.tried(
      attempts.map {
        WhatIf.Attempt(policy: $0.policy, regionLength: $0.region << 10, refused: $0.refused)
      }
    ).sentence
  }

  @Test func verdictsFollowTheLongestRegion() {
    #expect(sentence([("c", 1016, 0)]) == "Not needed: nothing was refused.")
    #expect(
      sentence([("c", 1016, 7), ("c", 2048, 0)])
        == "Yes. Refused were by c 7 with 1016 KiB, 0 with 2 MiB.")
    #expect(sentence([("c", 1016, 7), ("c", 2048, 3)]).hasPrefix("In part. "))
    #expect(sentence([("c", 1016, 7), ("c", 2048, 7)]).hasPrefix("No. "))
    #expect(sentence([("c", 1016, 0), ("c", 2048, 0), ("rust", 16, 1)]).hasPrefix("Not needed. "))
    // Without a longer one nothing is claimed.
    #expect(
      sentence([("c", 64, 7), ("rust", 64, 5)])
        == "Refused were by c 7 with 64 KiB; by rust 5 with 64 KiB.")
  }

  @Test func thereIsALongestRegion() {
    #expect(WhatIf.longer(than: 1_040_384) == 2 << 20)
    #expect(WhatIf.longer(than: 2 << 20) == 4 << 20)
    #expect(WhatIf.longer(than: 4 << 20) == nil)
  }

  /// The report's answer is what a run with that region refuses.
  @Test func aRunIsRepeatedWithMoreRoom() throws {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    let common = ["run", "--deterministic", "-n", "3000", "-w", "oneway-flood"]
    _ = try BuiltTool.run(common + ["-r", "64K", "--html", scratch.path("page.html")])
    let other = try SimulatedRecording(.onewayFlood, transactions: 3000, region: 2 << 20)
    let page = try #require(readFile(scratch.path("page.html")))
    #expect(page.contains("\(Format.grouped(other.report.refused)) with 2 MiB"))
    #expect(page.contains("with 64 KiB"))
  }

  /// The longer region is tried for the page only; the text and the JSON are of what was asked.
  @Test func aReplayIsRepeatedWithMoreRoom() throws {
    var capture = SyntheticCapture()
    capture.transaction(1, from: 20, 2, to: 3)
    capture.allocBuf(1, from: 20, 2, data: 1 << 20)
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    writeFile(scratch.path("capture"), capture.text)
    let options = ["--policy", "rust", "--region", "1016K", "--frees", "inferred"]
    let plain = try BuiltTool.run(["replay", scratch.path("capture")] + options)
    let tool = try BuiltTool.run(
      ["replay", scratch.path("capture"), "--html", scratch.path("page.html")] + options)
    #expect(tool.output == plain.output && tool.status == 1)
    let page = try #require(readFile(scratch.path("page.html")))
    #expect(page.contains("Yes. Refused were by rust 1 with 1016 KiB, 0 with 2 MiB."))
  }
}
