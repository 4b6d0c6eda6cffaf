import Testing

@testable import bindersim

@Suite(.timeLimit(.minutes(5))) struct MinimizerTests {
  @Test func onlyTheStepsThatMatterStay() {
    let culprits: Set = [3, 71, 72, 900]
    var minimizer = Minimizer(fails: { culprits.isSubset(of: $0.steps) })
    let found = minimizer.minimize(StepSet([0...999]))
    #expect(found.steps == [3, 71, 72, 900])
    #expect(found.description == "3,71-72,900")
  }

  @Test func triesAreBounded() {
    var runs = 0
    var minimizer = Minimizer(
      fails: { _ in
        runs += 1
        return false
      }, tries: 10)
    #expect(minimizer.minimize(StepSet([0...999])).count == 1000)
    #expect(runs == 10)
  }

  @Test func aSingleStepIsNoLongerCut() {
    var minimizer = Minimizer(fails: { $0.steps.contains(5) })
    #expect(minimizer.minimize(StepSet([0...7])) == StepSet([5...5]))
  }

  @Test(arguments: ["0", "0-41,137", "5-5,7", "1,2,3"])
  func stepsAreRead(_ text: String) throws {
    let steps = try #require(StepSet(text))
    #expect(StepSet(steps: steps.steps).steps == steps.steps)
  }

  @Test(arguments: ["", "a", "3-1", "1,1", "2,1", "1-", "-1", "1--2", "1,"])
  func otherTextIsNotRead(_ text: String) {
    #expect(StepSet(text) == nil)
  }
}
