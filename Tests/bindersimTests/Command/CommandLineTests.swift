import BinderBuffer
import Testing

@testable import bindersim

/// What a shell sees of the built tool.
@Suite(.timeLimit(.minutes(15))) struct CommandLineTests {
  @Test func help() throws {
    for arguments in [["--help"], ["-h"], ["help"]] {
      let tool = try BuiltTool.run(arguments)
      #expect(tool.status == 0)
      #expect(tool.output == HelpText.overview(of: Bindersim.commands.commands, HelpTopic.all))
      #expect(tool.errors == "")
    }
  }

  @Test(arguments: Bindersim.commands.commands.map(\.name))
  func helpOfEachCommand(_ name: String) throws {
    let direct = try BuiltTool.run([name, "--help"])
    let asked = try BuiltTool.run(["help", name])
    #expect(direct.status == 0 && asked.status == 0)
    #expect(direct.output == asked.output)
    #expect(direct.output.hasPrefix("Usage: bindersim \(name) "))
  }

  @Test func version() throws {
    let tool = try BuiltTool.run(["--version"])
    #expect(tool.status == 0)
    #expect(tool.output == "bindersim \(Dispatcher.version)\n")
  }

  private static let policies = PlacementPolicy.allCases.map(\.name).joined(separator: ", ")

  @Test(arguments: [
    (["frobnicate"], "unknown command 'frobnicate'"),
    (["rnu"], "did you mean run?"),
    (["--frobnicate"], "unknown option '--frobnicate'"),
    (["--versoin"], "did you mean '--version'?"),
    (["--seed", "3"], "did you mean 'bindersim run --seed'?"),
    (["--polcy=c"], "did you mean 'bindersim run --policy'?"),
    (["help", "frobnicate"], "no help on 'frobnicate'"),
    (["help", "polices"], "did you mean policies?"),
    (["run", "--sed", "3"], "unknown option '--sed'; did you mean --seed?"),
    (
      ["run", "--policy", "d"],
      "--policy: 'd' is not accepted; expected one of rust, rust-6.18.0, c"
    ),
    (["run", "--region", "5000"], "--region: '5000' is not accepted; expected a multiple of 4096"),
    (["run", "--processes", "1"], "expected a number from 2 to 64"),
    (["run", "--duration", "0s"], "expected a time of at least 1ms"),
    (["run", "--transactions"], "--transactions needs a value"),
    (["run", "--workload", "none"], "expected one of android, launcher, scrolling, rpc"),
    (["replay"], "FILE is missing"),
    (["replay", "a", "b"], "unexpected argument 'b'"),
    (["replay", "a", "--policy", "rust,d"], "expected one of \(policies), comma-separated"),
    (["replay", "a", "--speed", "1"], "expected a factor like 1x, 0.5x or 10x"),
    (["replay", "a", "--process", "0"], "expected a process id"),
    (["verify"], "FILE is missing"),
    (["record", "--senders", "0"], "expected a number from 1 to"),
    (["record", "--workload", "androd"], "expected one of mixed, small"),
    (["completion", "bsh"], "'bsh' is not accepted; expected bash or zsh; did you mean bash?"),
    (["state", "--at", "1"], "--at: '1' is not accepted; expected a time"),
    (["run", "--htlm", "y"], "did you mean --html?"),
    (["run", "--json", "-", "--trace", "-"], "only one file can be -"),
    (["run", "--hgrm-step", "sned"], "expected one of send, delivery"),
    (["run", "extra"], "unexpected argument 'extra'"),
  ])
  func wrongUsage(_ arguments: [String], _ message: String) throws {
    let tool = try BuiltTool.run(arguments)
    #expect(tool.status == 2)
    #expect(tool.output == "")
    #expect(tool.errors.hasPrefix("bindersim: "))
    #expect(tool.errors.contains(message), "\(tool.errors)")
    #expect(tool.errors.contains("See 'bindersim ") || tool.errors.contains("accepted: "))
  }

  @Test(
    arguments: [
      ["replay", "/nonexistent"], ["verify", "/nonexistent"], ["explain", "/nonexistent"],
    ])
  func inputThatCannotBeRead(_ arguments: [String]) throws {
    let tool = try BuiltTool.run(arguments)
    #expect(tool.status == 3)
    #expect((tool.output + tool.errors).contains("/nonexistent: cannot open: No such file"))
  }

  @Test func whatIsRecordedIsVerified() throws {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    let file = scratch.path("c.rec")
    let record = try BuiltTool.run(["record", "--policy", "c", "-n", "500", "--output", file])
    #expect(record.status == 0 && record.output == "" && record.errors == "")
    #expect(scratch.names == ["c.rec"])
    let printed = try BuiltTool.run(["record", "--policy", "c", "-n", "500"])
    #expect(printed.output == readFile(file))
    let verify = try BuiltTool.run(["verify", file])
    #expect(verify.status == 0)
    #expect(verify.output.hasSuffix(": agrees\n"))
  }

  @Test func aRecordingThatCannotBeWritten() throws {
    let tool = try BuiltTool.run(["record", "--output", "/nonexistent/c.rec"])
    #expect(tool.status == 3)
    #expect(tool.errors.hasPrefix("bindersim: cannot write '/nonexistent/c.rec'"))
  }

  @Test func outputThatCannotBeWritten() throws {
    let tool = try BuiltTool.run(["--version"], outputTo: "/dev/full")
    #expect(tool.status == 3)
    #expect(tool.errors.contains("cannot write to standard output"))
  }
}
