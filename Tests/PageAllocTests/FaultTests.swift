import Testing

@testable import PageAlloc

@Suite("Injected faults")
struct FaultTests {
  @Test func theNthStepFailsAndNoOther() {
    let faults = FaultInjector.nth(3)
    let answers = (1...6).map { _ in faults.check(.backing) }
    #expect(answers == [false, false, true, false, false, false])
    #expect(faults.checks == 6 && faults.injected == 1)
  }

  @Test func everyNthStepFails() {
    let faults = FaultInjector.every(2)
    #expect((1...6).map { _ in faults.check(.mapping) } == [false, true, false, true, false, true])
    #expect(!FaultInjector.every(0).check(.mapping))
  }

  @Test func aSeedDecidesAndNothingElse() {
    func answers(_ seed: UInt64) -> [Bool] {
      let faults = FaultInjector.seeded(seed, perMillion: 100_000)
      return (0..<5000).map { _ in faults.check(.userCopy) }
    }
    #expect(answers(1) == answers(1))
    #expect(answers(1) != answers(2))
    // A tenth, within five standard deviations.
    #expect((394...606).contains(answers(3).count { $0 }))
    #expect(FaultInjector.seeded(1, perMillion: 1_000_000).check(.backing))
    #expect(!FaultInjector.seeded(1, perMillion: 0).check(.backing))
  }

  @Test func otherPointsNeitherFailNorCount() {
    let faults = FaultInjector.every(1, points: [.backing])
    #expect(!faults.check(.userCopy))
    #expect(faults.checks == 0)
    #expect(faults.check(.backing))
    let never = FaultInjector.never()
    for point in FaultPoint.allCases { #expect(!never.check(point)) }
    #expect(never.checks == FaultPoint.allCases.count && never.injected == 0)
  }

  /// Runs an operation with the first step failing, then with the second, until nothing fails.
  /// After each failure everything is as it was before.
  @Test func everyStepOfAnAllocationMayFail() throws {
    var failures: [PageAllocError] = []
    for n in 1... {
      let budget = PageBudget(pages: 20)
      let faults = FaultInjector.nth(n, points: [.pageAllocation, .backing, .userCopy])
      let arena = try PageArena(pageCount: 16, budget: budget, faults: faults)
      var steps = 0
      let error = failure {
        var large = try arena.allocate(Pages<3>.self)
        let block = try arena.allocate(Pages<1>.self)
        steps = 1
        let source = pattern(100)
        let slice = unsafe source.withUnsafeBytes {
          UserSlice(address: UInt(bitPattern: $0.baseAddress), length: 100, in: .untrusted)
        }
        var reader = slice.reader()
        let copied = failure {
          try large.copy(from: &reader, at: 0, length: 100)
        }
        if let copied {
          #expect(reader.count == 100 && reader.bytesRead == 0)
          throw copied
        }
        withExtendedLifetime(source) { steps = 2 }
        #expect(block.index == 8)
      }
      #expect(arena.pagesInUse == 0 && budget.pagesInUse == 0)
      #expect(try arena.residentPageCount() == 0)
      guard let error else {
        #expect(faults.injected == 0 && faults.checks == n - 1 && steps == 2)
        break
      }
      #expect(faults.injected == 1)
      failures.append(error)
    }
    #expect(
      failures == [
        .injected(.pageAllocation), .injected(.backing), .injected(.pageAllocation),
        .injected(.backing), .injected(.userCopy),
      ])
    #expect(failures.map(\.errno) == [.noMemory, .noMemory, .noMemory, .noMemory, .badAddress])
  }

  @Test func pagesThatCouldNotBeBackedCanBeHadAgain() throws {
    let faults = FaultInjector.nth(2, points: [.backing])
    let arena = try PageArena(pageCount: 4, faults: faults)
    let first = try arena.allocate(Page.self)
    #expect(
      failure { _ = try arena.allocate(Pages<1>.self) }
        == .injected(.backing))
    #expect(try arena.residentPageCount() == 1)
    let block = try arena.allocate(Pages<1>.self)
    #expect(block.index == 2)
    _ = first.index
  }
}
