import Testing

@testable import bindersim

/// `bindersim check` as a user runs it.
@Suite(.timeLimit(.minutes(5))) struct CheckCommandTests {
  @Test func twoRunsPrintTheSame() throws {
    let arguments = ["check", "--seeds", "1-3", "--steps", "200", "--policy", "c"]
    let first = try BuiltTool.run(arguments)
    let second = try BuiltTool.run(arguments)
    #expect(first.status == 0, "\(first.output)\(first.errors)")
    #expect(first.output == second.output)
    #expect(first.output.contains("3 seeds from 1, policy c: 600 steps, no violation"))
    #expect(first.output.contains("\nresult "))
    #expect(first.errors == "")
  }

  @Test func onlySomeSteps() throws {
    let tool = try BuiltTool.run(["check", "--seed", "9", "--only", "0-4,9,20-29"])
    #expect(tool.status == 0, "\(tool.output)\(tool.errors)")
    #expect(tool.output.contains(" 16 steps, no violation"))
  }

  @Test func nothingToMinimize() throws {
    let tool = try BuiltTool.run(["check", "--seed", "2", "--steps", "50", "--minimize"])
    #expect(tool.status == 0)
    #expect(tool.output == "no seed fails: nothing to minimize\n")
  }

  @Test(arguments: [["--seeds", "5-1"], ["--seeds", "7"], ["--only", "3-1"], ["--steps", "0"]])
  func wrongUsage(_ arguments: [String]) throws {
    let tool = try BuiltTool.run(["check"] + arguments)
    #expect(tool.status == 2)
    #expect(tool.errors.contains("expected"))
  }
}
