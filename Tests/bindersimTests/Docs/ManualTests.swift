import Foundation
import Testing

@testable import bindersim

/// Every command line of the manual and of the help is run, in a directory of its own.
@Suite(.timeLimit(.minutes(15))) struct ManualTests {
  private static let capture = SharedFiles.captures.first { $0.contains("api32_startup_warm") }

  private static func manual() throws -> String {
    return try String(
      contentsOf: SharedFiles.package.appendingPathComponent("Docs/bindersim.md"), encoding: .utf8)
  }

  /// The fenced blocks of shell lines, in order.
  private static func blocks() throws -> [String] {
    try manual().components(between: "```sh\n", and: "\n```")
  }

  @Test func theManualsCommandsRun() throws {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    if let capture = Self.capture {
      try FileManager.default.createSymbolicLink(
        atPath: scratch.path("capture.ftrace"), withDestinationPath: capture)
    } else {
      // What the engine itself says is a capture too.
      let made = try BuiltTool.run(
        ["run", "--deterministic", "-n", "500", "--ftrace", scratch.path("capture.ftrace")])
      #expect(made.status == 0)
    }
    let blocks = try Self.blocks()
    #expect(blocks.count >= 8)
    for block in blocks {
      // The first line that fails ends a block.
      let run = try BuiltTool.shell("{ set -e\n\(block)\n}", in: scratch.directory)
      #expect(run.status == 0, "\(block)\n\(run.output.suffix(2000))\(run.errors)")
    }
  }

  /// No block is of a kind that is not run, and none is without a command.
  @Test func everyBlockIsOfCommands() throws {
    let blocks = try Self.blocks()
    let fences = try Self.manual().split(separator: "\n").count { $0.hasPrefix("```") }
    #expect(fences == 2 * blocks.count)
    #expect(blocks.allSatisfy { $0.contains("bindersim ") })
    #expect(blocks.contains { $0.contains("capture.ftrace") })
  }

  @Test(arguments: HelpTopic.all.map(\.name))
  func examplesOfTopicsRun(_ name: String) throws {
    let topic = try #require(HelpTopic.all.first { $0.name == name })
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    writeFile(scratch.path("camera.job"), topic.sample.joined(separator: "\n"))
    for example in topic.examples {
      let run = try BuiltTool.shell(example, in: scratch.directory)
      // Some show what a refusal or a leak looks like.
      let isFinding = run.output.contains("refused  ") || run.output.contains(" never freed ")
      #expect(run.status == (isFinding ? 1 : 0), "\(example)\n\(run.errors)")
      #expect(run.errors == "")
    }
    #expect(scratch.names.count { $0.hasSuffix(".partial") } == 0)
  }

  @Test func theManualNamesEverything() throws {
    let text = try Self.manual()
    for workload in Workload.all { #expect(text.contains("`\(workload.name)`")) }
    for option in ExportOptions.descriptions { #expect(text.contains("--\(option.long)")) }
    for name in LatencySeries.allNames { #expect(text.contains("`\(name)`")) }
  }
}
