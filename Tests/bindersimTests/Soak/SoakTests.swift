import Testing

@testable import bindersim

@Suite(.timeLimit(.minutes(5))) struct SoakTests {
  @Test func aShortSoak() throws {
    let tool = try BuiltTool.run(["soak", "--duration", "1s"])
    #expect(tool.status == 0, "\(tool.output)\(tool.errors)")
    #expect(tool.output.contains("memory, descriptors and mappings flat"))
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
