import Testing

@testable import bindersim

@Suite(.timeLimit(.minutes(15))) struct TimeCountsTests {
  private func counts(_ times: [UInt64]) -> TimeCounts {
    var counts = TimeCounts()
    for time in times { counts.add(at: time) }
    return counts
  }

  @Test func intervalsAreRoundAndFew() {
    let second = 1_000_000_000 as UInt64
    let counts = counts((0..<100).map { $0 * second / 10 } + [9_950_000_000])
    let rows = TimeCounts.intervals(of: [counts])
    #expect(rows.count == 10)
    #expect(rows.map(\.from) == (0..<10).map { $0 * second })
    #expect(rows.allSatisfy { $0.to - $0.from == second })
    #expect(rows.map { $0.counts[0] } == [10, 10, 10, 10, 10, 10, 10, 10, 10, 11])
  }

  @Test func emptyIntervalsAreLeftOut() {
    let rows = TimeCounts.intervals(of: [counts([5_000_000, 900_000_000])])
    #expect(rows.count == 2)
    #expect(rows[0].from == 0 && rows[1].to == 1_000_000_000)
    #expect(TimeCounts.intervals(of: [TimeCounts(), TimeCounts()]) == [])
  }

  @Test func seriesShareTheirIntervals() {
    let rows = TimeCounts.intervals(of: [
      counts([1_000_000, 2_000_000]), counts([2_000_000, 40_000_000_000]),
    ])
    #expect(rows.map(\.counts) == [[2, 1], [0, 1]])
  }

  /// However many times there are, they take bounded room, and none is lost.
  @Test func manyTimesAreMerged() {
    var all = counts((0..<100_000).map { $0 * 7_919_000_017 })
    let other = counts([3, .max])
    all.merge(other)
    #expect(all.total == 100_002)
    let rows = TimeCounts.intervals(of: [all])
    #expect(rows.count <= 12)
    #expect(rows.reduce(0) { $0 + $1.counts[0] } == 100_002)
    #expect(rows[0].from == 0 && rows.last?.to == .max)
  }
}
