import Testing

@testable import BinderBuffer

@Suite struct PageSetTests {
  private static let borders = [0, 1, 62, 63, 64, 65, 126, 127, 128, 1022, 1023, 1024]

  /// Every range between word borders of 1,024 pages: exactly its bits, and one run.
  @Test func rangesOverWordBorders() {
    for lower in Self.borders {
      for upper in Self.borders where upper >= lower {
        var set = PageSet(pageCount: 1024)
        set.insert(lower..<upper)
        expect(set, lower..<upper)
        var runs: [Range<Int>] = []
        set.forEachRun(in: 0..<1024) { runs.append($0) }
        #expect(runs == (lower == upper ? [] : [lower..<upper]))
        var holes: [Range<Int>] = []
        set.forEachRun(in: 0..<1024, present: false) { holes.append($0) }
        let expectedHoles = lower == upper ? [0..<1024] : [0..<lower, upper..<1024]
        #expect(holes == expectedHoles.filter { !$0.isEmpty })

        var rest = PageSet(pageCount: 1024)
        rest.insert(0..<1024)
        _ = rest.remove(lower..<upper)
        rest.insert(lower..<upper)
        #expect(rest.remove(0..<lower) && rest.remove(upper..<1024))
        expect(rest, lower..<upper)
      }
    }
  }

  private func expect(_ set: borrowing PageSet, _ members: Range<Int>) {
    for page in 0..<1024 where set[page] != members.contains(page) {
      Issue.record("page \(page) of \(members): \(set[page])")
    }
  }

  @Test(arguments: [1, 63, 64, 65, 200])
  func againstASet(pageCount: Int) {
    var random = SplitMix64(state: UInt64(pageCount))
    var set = PageSet(pageCount: pageCount)
    var model = Set<Int>()
    for _ in 0..<100 {
      let lower = Int.random(in: 0...pageCount, using: &random)
      let upper = Int.random(in: lower...pageCount, using: &random)
      if Bool.random(using: &random) {
        set.insert(lower..<upper)
        model.formUnion(lower..<upper)
      } else {
        let hadAll = (lower..<upper).allSatisfy { model.contains($0) }
        #expect(set.remove(lower..<upper) == hadAll)
        model.subtract(lower..<upper)
      }
      var members: [Int] = []
      set.forEachRun(in: 0..<pageCount) { members += Array($0) }
      #expect(members == model.sorted())
      for page in 0..<pageCount {
        guard let last = model.filter({ $0 <= page }).max() else { continue }
        #expect(set.last(through: page) == last)
      }
    }
  }
}
