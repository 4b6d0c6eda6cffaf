import Glibc
import Testing

@testable import bindersim

/// `bindersim run` as a user runs it.
@Suite(.timeLimit(.minutes(5))) struct RunCommandTests {
  @Test func aShortRunInAPipe() throws {
    let tool = try BuiltTool.run(
      ["run", "-d", "300ms", "-p", "2", "-t", "2"], environment: ["TERM=xterm"])
    #expect(tool.status == 0, "\(tool.output)\(tool.errors)")
    #expect(tool.errors == "", "no progress in a pipe")
    #expect(!tool.output.contains("\u{1B}") && !tool.output.contains("\r"))
    for word in [
      "transactions", "bytes sent", "p99.9", "peak buffers", "least oneway", "seed 1",
      "policy rust", "failures: none", "every byte was as sent",
    ] {
      #expect(tool.output.contains(word), "\(word)")
    }
  }

  @Test func theSameSeedPrintsTheSame() throws {
    let arguments = ["run", "--deterministic", "-n", "500", "--seed", "0xfeed"]
    let first = try BuiltTool.run(arguments)
    let second = try BuiltTool.run(arguments)
    #expect(first.status == 0, "\(first.output)")
    #expect(first.output == second.output)
    #expect(first.output.contains("\nresult "))
  }

  @Test func jsonOnStandardOutputIsAllThereIs() throws {
    let tool = try BuiltTool.run(["run", "--deterministic", "-n", "50", "--json", "-"])
    #expect(tool.status == 0)
    #expect(tool.output.hasPrefix("{\n") && tool.output.hasSuffix("}\n"))
    #expect(tool.output.contains("\"schema\" : \"bindersim.run\""))
    #expect(tool.output.contains("\"version\" : 1"))
  }

  @Test func jsonInAFile() throws {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    let tool = try BuiltTool.run(
      ["run", "--deterministic", "-n", "50", "--json", scratch.path("result.json")])
    #expect(tool.status == 0)
    #expect(tool.output.contains("every byte was as sent"))
    #expect(readFile(scratch.path("result.json"))?.contains("\"checksum\"") == true)
    #expect(scratch.names == ["result.json"])
  }

  @Test func failedTransactionsShowInTheStatus() throws {
    let tool = try BuiltTool.run(
      ["run", "--deterministic", "-w", "oneway-flood", "-n", "500", "--region", "4K"])
    #expect(tool.status == 1)
    #expect(tool.output.contains("no oneway space"))
    #expect(tool.output.contains("every byte was as sent"))
  }

  /// The work would take an hour; that the place cannot be written is said before.
  @Test func anUnwritableFileIsFoundBeforeTheWork() throws {
    let tool = try BuiltTool.run(["run", "-d", "1h", "--json", "/nonexistent/result.json"])
    #expect(tool.status == 3)
    #expect(tool.output == "")
    #expect(
      tool.errors
        == "bindersim: cannot write '/nonexistent/result.json': No such file or directory\n")
  }

  @Test func interruptFinishesTheReport() throws {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    let pid = try BuiltTool.start(
      ["run", "-d", "1h", "-p", "2", "-t", "2", "--json", scratch.path("result.json")],
      output: scratch.path("out"), errors: scratch.path("err"))
    // Signals are caught before the file is opened under its other name.
    while !scratch.names.contains(where: { $0.hasSuffix(".partial") }) { usleep(1000) }
    kill(pid, SIGINT)
    #expect(BuiltTool.wait(for: pid) == 130)
    #expect(readFile(scratch.path("out"))?.contains("interrupted") == true)
    #expect(readFile(scratch.path("result.json"))?.contains("\"wasInterrupted\" : true") == true)
  }
}
