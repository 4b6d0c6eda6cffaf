import Testing

@testable import bindersim

/// Drawn messages have the figures that were measured in the captures.
@Suite(.timeLimit(.minutes(5))) struct MeasuredWorkloadTests {
  struct Figures: Sendable {
    let workload: Workload
    let syncShare: Double
    /// p50, p90, p95, p99 and maximum of the data sizes of all messages, replies included.
    let dataSizes: [Int]
    let offsetsShare: Double
    let extraShare: Double
  }

  private static let measured = [
    Figures(
      workload: .android, syncShare: 434.0 / 932, dataSizes: [96, 768, 4168, 67_068, 67_364],
      offsetsShare: 0.34, extraShare: 0.03),
    Figures(
      workload: .launcher, syncShare: 1109.0 / 2141, dataSizes: [88, 244, 300, 576, 30_168],
      offsetsShare: 0.27, extraShare: 0.16),
    Figures(
      workload: .scrolling, syncShare: 1449.0 / 2084, dataSizes: [88, 244, 576, 816, 3184],
      offsetsShare: 0.33, extraShare: 0.15),
  ]

  @Test(arguments: measured)
  func sharesAndSizes(_ figures: Figures) {
    let messages = (0..<60_000).map { figures.workload.message($0, seed: 42) }
    let sync = messages.filter { !$0.isOneway }
    let shapes = messages.map(\.request) + sync.map(\.reply)
    func share(_ part: Int, _ whole: Int) -> Double { Double(part) / Double(whole) }

    #expect(abs(share(sync.count, messages.count) - figures.syncShare) < 0.01)
    #expect(abs(share(shapes.count { $0.offsets > 0 }, shapes.count) - figures.offsetsShare) < 0.01)
    #expect(abs(share(shapes.count { $0.extra > 0 }, shapes.count) - figures.extraShare) < 0.01)

    let sizes = shapes.map(\.data).sorted()
    let found = [0.5, 0.9, 0.95, 0.99, 1].map {
      sizes[min(sizes.count - 1, Int($0 * Double(sizes.count)))]
    }
    for (found, measured) in zip(found, figures.dataSizes) {
      // The bars of the histogram are up to 1.6 times as long as they are high up.
      #expect(abs(Double(found - measured)) <= 0.12 * Double(measured))
    }
    #expect(sizes.last! <= figures.dataSizes.last!)
  }

  @Test func holdTimesHaveTheMeasuredQuantiles() {
    let holds = (0..<60_000).map { Workload.android.message($0, seed: 42).hold }.sorted()
    for (share, microseconds) in [(0.5, 246.0), (0.9, 1949), (0.99, 7970)] {
      let found = Double(holds[Int(share * Double(holds.count))]) / 1000
      #expect(abs(found - microseconds) < 0.05 * microseconds)
    }
  }
}
