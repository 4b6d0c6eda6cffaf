import Foundation
import Testing

@testable import bindersim

@Suite(.timeLimit(.minutes(15))) struct SoakTests {
  @Test func aShortSoak() throws {
    let tool = try BuiltTool.run(["soak", "--duration", "1s"])
    #expect(tool.status == 0, "\(tool.output)\(tool.errors)")
    let judged = tool.output.firstMatch(of: /mappings flat over (\d+) rounds/).flatMap { Int($0.1) }
    #expect(judged.map { $0 >= SoakTrend.fewestJudged } == true, "\(tool.output)")
  }

  /// A second of soak in which something is lost with every round; it ends in the first round that
  /// is judged.
  @Test(.timeLimit(.minutes(15))) func aShortSoakSeesALeak() async throws {
    let ended = try await #require(
      processExitsWith: .failure, observing: [\.standardOutputContent]
    ) {
      let options = SoakRun.Options(
        duration: .seconds(1),
        terminal: Terminal(isInteractive: true, term: "xterm", noColor: nil),
        afterRound: { _ = dup(0) })
      let status = try SoakRun(options, write: StandardOutput.write).run()
      exit(status.rawValue)
    }
    let text = String(decoding: ended.standardOutputContent, as: UTF8.self)
    #expect(
      text.contains("\u{1B}[31mround \(SoakTrend.warmUp + 1), seed 1: descriptors grew"), "\(text)")
  }

  @Test func aLeakIsSeen() {
    func growth(_ change: (inout SoakSample) -> Void) -> String? {
      var trend = SoakTrend()
      var sample = SoakSample(resident: 20 << 20, descriptors: 5, mappings: 100)
      for _ in 0..<SoakTrend.warmUp { #expect(trend.growth(in: sample) == nil) }
      #expect(trend.growth(in: sample) == nil)
      change(&sample)
      return trend.growth(in: sample)
    }
    #expect(growth { $0.resident += 10 << 20 } == nil)
    #expect(growth { $0.resident += 17 << 20 }?.contains("memory") == true)
    #expect(growth { $0.descriptors += 1 }?.contains("descriptors") == true)
    #expect(growth { $0.mappings += 100 }?.contains("mappings") == true)
  }

  @Test func whatTheProgramHoldsIsMeasured() {
    var sample = SoakSample()
    sample.measure()
    #expect(sample.resident > 1 << 20)
    #expect(sample.descriptors >= 3)
    #expect(sample.mappings > 10)
  }
}
