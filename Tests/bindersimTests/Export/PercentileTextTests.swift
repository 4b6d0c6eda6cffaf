import Testing

@testable import bindersim

@Suite(.timeLimit(.minutes(5))) struct PercentileTextTests {
  private func series(_ values: [UInt64]) -> LatencySeries {
    var histogram = LatencyHistogram()
    for value in values { histogram.record(value) }
    return LatencySeries(name: "send", title: "send", histogram: histogram)
  }

  /// The rows of numbers: value, percentile, total count and, but in the last, 1/(1-percentile).
  private func rows(_ text: String) -> [[Double]] {
    text.split(separator: "\n").filter { !$0.hasPrefix("#") && !$0.contains("Value") }
      .map { $0.split(separator: " ").compactMap { Double($0) } }
  }

  @Test func rowsClimbToTheMaximum() throws {
    let text = PercentileText.text(series((1...1000).map { UInt64($0) * 1000 }))
    let rows = rows(text)
    #expect(rows.count > 20)
    for (one, next) in zip(rows, rows.dropFirst()) {
      #expect(one[0] <= next[0] && one[1] < next[1] && one[2] <= next[2])
    }
    for row in rows.dropLast() {
      #expect(row.count == 4)
      #expect(abs(row[3] - 1 / (1 - row[1])) < 0.02 * row[3])
      #expect(row[2] >= (row[1] * 1000).rounded(.up))
    }
    #expect(rows.last == [1000, 1, 1000])
    #expect(text.contains("#[Mean    =      500.500, StdDeviation   =      288.675]"))
    #expect(text.contains("#[Max     =     1000.000, Total count    =         1000]"))
  }

  @Test func oneValueIsEnough() {
    #expect(rows(PercentileText.text(series([5000]))).last == [5, 1, 1])
  }

  @Test func theStepIsChosen() throws {
    let all = [series([1])]
    #expect(try LatencySeries.select("send", from: all).name == "send")
    #expect(throws: CommandError.self) { try LatencySeries.select("read", from: all) }
    #expect(throws: CommandError.self) { try LatencySeries.select(nil, from: []) }
  }
}
