import BinderBuffer
import Testing

@testable import bindersim

/// What a person sees: failures red on a terminal, tables that fit, columns that help explains.
@Suite(.timeLimit(.minutes(15))) struct TerminalTests {
  private static let red = "\u{1B}[31m"

  /// A capture whose region of 4 KiB refuses, with a leak.
  private static func capture() -> String {
    var capture = SyntheticCapture()
    for id in 1...40 {
      capture.send(id, from: 20, 2, to: 3, data: 300)
      capture.received(id, by: 30, 3)
      if id % 2 == 0 { capture.released(id, by: 30, 3) }
    }
    return capture.text
  }

  private static let flood = [
    "run", "--deterministic", "-n", "600", "-w", "oneway-flood", "--region", "4K",
  ]

  @Test func refusalsAreRedWhereThereIsATerminal() throws {
    let shown = try PseudoTerminal.run(Self.flood)
    #expect(shown.status == 1)
    #expect(shown.shown.contains(Self.red + "no oneway space"), "\(shown.shown)")
    #expect(!(try BuiltTool.run(Self.flood).output.contains("\u{1B}")))
    let plain = try PseudoTerminal.run(Self.flood, environment: ["TERM=xterm", "NO_COLOR=1"])
    #expect(!plain.shown.contains(Self.red))
  }

  @Test func errorsAreRedWhereThereIsATerminal() throws {
    let shown = try PseudoTerminal.run(["replay", "/nonexistent"])
    #expect(shown.status == 3)
    #expect(shown.shown.contains(Self.red + "bindersim: /nonexistent"), "\(shown.shown)")
  }

  @Test func refusalsOfACaptureAreRed() throws {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    writeFile(scratch.path("capture"), Self.capture())
    let shown = try PseudoTerminal.run([
      "replay", scratch.path("capture"), "--policy", "c", "--region", "4K", "--frees", "recorded",
    ])
    #expect(shown.status == 1)
    let lines = shown.shown.split(separator: "\r\n")
    #expect(lines.contains { $0.hasPrefix(Self.red + "  3 ") }, "\(shown.shown)")
    writeFile(
      scratch.path("dmesg"),
      "[   32.307962] binder_alloc: 271: binder_alloc_buf size 131152 failed, no address space\n")
    let explained = try PseudoTerminal.run(["explain", scratch.path("dmesg")])
    #expect(explained.status == 1)
    #expect(explained.shown.contains(Self.red + "  - "), "\(explained.shown)")
  }

  @Test func aRecordingThatDiffersIsRed() throws {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    let recording = scratch.path("recording")
    let recorded = try BuiltTool.run([
      "record", "--seed", "1", "-n", "20", "-o", recording,
    ])
    #expect(recorded.status == 0, "\(recorded.errors)")
    let text = try #require(readFile(recording))
    let changed = text.replacing("-> 0\n", with: "-> 8192\n", maxReplacements: 1)
    #expect(changed != text, "\(text)")
    writeFile(recording, changed)
    let shown = try PseudoTerminal.run(["verify", recording])
    #expect(shown.status == 1)
    #expect(shown.shown.contains(Self.red + "  \(recording):"), "\(shown.shown)")
  }

  @Test func aViolationIsRedButNotTheCommandThatShowsItAgain() {
    let failure = CheckRun.Failure(
      step: 7, violation: InvariantViolation("bytes in use", expected: "88", found: "96"))
    func text(_ term: String?) -> String {
      CheckCampaign.text(
        of: failure, 3, rerun: "bindersim check --seed 3",
        for: Terminal(isInteractive: term != nil, term: term, noColor: nil))
    }
    let plain = """
      seed 3, step 7: bytes in use
        expected 88
        found    96
        rerun: bindersim check --seed 3

      """
    #expect(text(nil) == plain)
    let lines = text("xterm").split(separator: "\n")
    #expect(lines.map { $0.hasPrefix(Self.red) } == [true, true, true, false])
  }

  /// Lines of the driver's own log stay as they are; examples of help too.
  private func expectFits(_ text: String, columns: Int = 80, _ place: String) {
    for line in text.split(separator: "\n") where !line.contains("| ") {
      #expect(line.count <= columns, "\(place): \(line)")
    }
  }

  @Test func outputFitsEightyColumnsUnlessItMayBeWide() throws {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    writeFile(scratch.path("capture"), Self.capture())
    let state = try BuiltTool.run(["state", "-w", "leak", "--at", "100ms", "--policy", "c"])
    writeFile(scratch.path("state"), state.output)
    let (capture, dump) = (scratch.path("capture"), scratch.path("state"))
    for command in [
      ["replay", capture, "--policy", "c", "--region", "4K", "--frees", "recorded"],
      ["replay", capture, "--policy", "c,rust", "--region", "4K,1016K", "--frees", "recorded"],
      ["explain", capture], ["explain", dump],
    ] {
      let narrow = try BuiltTool.run(command).output
      expectFits(narrow.replacing(scratch.directory, with: ""), command.joined(separator: " "))
      if command[0] == "replay" {
        #expect(narrow.contains("(--wide: "))
        let wide = try BuiltTool.run(command + ["--wide"]).output
        #expect(!wide.contains("(--wide: "))
        #expect(wide.split(separator: "\n").contains { $0.count > 100 })
      } else {
        #expect(try BuiltTool.run(command + ["--wide"]).status != 2)
      }
    }
    expectFits(
      try BuiltTool.run(["run", "--deterministic", "-n", "500", "--policy", "c,rust"]).output,
      "run --policy c,rust")
  }

  /// Each title over a column stands in the command's help with what it means.
  @Test func columnsAreExplainedInHelp() throws {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    writeFile(scratch.path("capture"), Self.capture())
    let state = try BuiltTool.run(["state", "-w", "leak", "--at", "100ms", "--policy", "c"])
    writeFile(scratch.path("state"), state.output)
    let capture = scratch.path("capture")
    let replay = ["replay", capture, "--wide", "--frees", "recorded"]
    for (command, start) in [
      (["run", "--deterministic", "-n", "200", "--wide"], "process  "),
      (["run", "--deterministic", "-n", "200", "--wide", "--policy", "c,rust"], "policy  "),
      (replay, "process  "), (replay, "from  "), (replay + ["--policy", "c,rust"], "policy  "),
      (["explain", scratch.path("state"), "--wide"], "place  "),
      (["bench", "ranges", "-n", "1000", "--rounds", "1", "--wide"], "workload  "),
      (["soak", "--duration", "1s"], "seconds  "),
    ] {
      let output = try BuiltTool.run(command).output
      let header = output.split(separator: "\n").map { $0.drop { $0 == " " } }
        .filter { $0.hasPrefix(start) && $0.split(separator: "  ").count > 2 }
      let help = try BuiltTool.run([command[0], "--help"]).output
      let titles = try #require(header.first, "\(command): \(output)").split(separator: "  ")
        .map { $0.drop { $0 == " " } }
      #expect(titles.count >= 3)
      for title in titles {
        #expect(help.contains("\n  \(title) "), "\(command[0]): '\(title)' is not explained")
      }
    }
  }
}
