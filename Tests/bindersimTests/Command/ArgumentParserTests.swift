import Testing

@testable import bindersim

@Suite(.timeLimit(.minutes(5))) struct ArgumentParserTests {
  private static let size = Option(
    "size", short: "s", .size, default: 7, shown: "7", help: "a size")
  private static let name = Option(optional: "name", .file, help: "a name")
  private static let loud = Option("loud", short: "l", help: "a flag")

  private static let command = Subcommand(
    name: "test", summary: "test",
    operands: [
      Operand(name: "FILE", help: "the file"),
      Operand(name: "MORE", help: "other files", isRequired: false, repeats: true),
    ], options: [size.description, name.description, loud.description]
  ) { _ in .success }

  private func parse(_ words: String...) throws(CommandError) -> Arguments? {
    try ArgumentParser(command: Self.command).parse(words)
  }

  private func error(_ words: String...) -> CommandError? {
    do throws(CommandError) {
      _ = try ArgumentParser(command: Self.command).parse(words)
      return nil
    } catch { return error }
  }

  private func usage(_ message: String) -> CommandError {
    .usage("test: \(message)", hint: "See 'bindersim test --help'.")
  }

  @Test func defaults() throws {
    let arguments = try #require(try parse("f"))
    #expect(arguments[Self.size] == 7)
    #expect(arguments[Self.name] == nil)
    #expect(!arguments[Self.loud])
    #expect(arguments.operands == ["f"])
    #expect(!arguments.has(Self.size))
  }

  @Test(arguments: [
    ["--size", "4K", "f"], ["--size=4K", "f"], ["-s", "4K", "f"], ["-s4K", "f"], ["-s=4K", "f"],
    ["f", "--size", "4K"], ["--size", "1", "--size", "4K", "f"], ["--size=4K", "--", "f"],
  ])
  func waysToWriteAValue(_ words: [String]) throws {
    let arguments = try #require(try ArgumentParser(command: Self.command).parse(words))
    #expect(arguments[Self.size] == 4096)
    #expect(arguments.has(Self.size))
    #expect(arguments.operands == ["f"])
  }

  @Test func flagsAndOptionalValues() throws {
    let arguments = try #require(try parse("-l", "--name=a=b", "f"))
    #expect(arguments[Self.loud])
    #expect(arguments[Self.name] == "a=b")
  }

  @Test func operandsMayRepeatAndBeginWithADash() throws {
    let arguments = try #require(try parse("f", "-", "--", "--size", "-l"))
    #expect(arguments.operands == ["f", "-", "--size", "-l"])
    #expect(!arguments[Self.loud])
  }

  @Test func helpComesBeforeWhatIsMissing() throws {
    #expect(try parse("--help") == nil)
    #expect(try parse("-l", "-h") == nil)
  }

  @Test func errorsNameTheOptionAndTheAcceptedValues() {
    let sizes = "a size like 4096, 4K, 1016K or 2M"
    #expect(error("f", "--size=x") == usage("--size: 'x' is not accepted; expected \(sizes)"))
    #expect(error("f", "-s", "x") == usage("--size: 'x' is not accepted; expected \(sizes)"))
    #expect(error("f", "--size=-1") == usage("--size: '-1' is not accepted; expected \(sizes)"))
    #expect(error("f", "--size", "-1") == usage("--size: '-1' is not accepted; expected \(sizes)"))
    #expect(error("f", "--size") == usage("--size needs a value: \(sizes)"))
    #expect(error("f", "--size", "--loud") == usage("--size needs a value: \(sizes)"))
    #expect(error("f", "--size=") == usage("--size: '' is not accepted; expected \(sizes)"))
    #expect(error("f", "--loud=yes") == usage("--loud takes no value"))
    #expect(error() == usage("FILE is missing (the file)"))
  }

  @Test func unknownOptionsGetASuggestionOnlyWhenOneIsNear() {
    #expect(error("f", "--sise", "1") == usage("unknown option '--sise'; did you mean --size?"))
    #expect(error("f", "--hepl") == usage("unknown option '--hepl'; did you mean --help?"))
    #expect(error("f", "--frobnicate") == usage("unknown option '--frobnicate'"))
    #expect(error("f", "-x") == usage("unknown option '-x'"))
  }

  @Test func tooManyOperands() {
    let none = Subcommand(name: "test", summary: "", options: []) { _ in .success }
    #expect(throws: usage("unexpected argument 'x'")) {
      try ArgumentParser(command: none).parse(["x"])
    }
  }

  @Test(arguments: [
    ("", "abc", 3), ("abc", "abc", 0), ("polcy", "policy", 1), ("regoin", "region", 1),
    ("sed", "seed", 1), ("kitten", "sitting", 3), ("abc", "", 3),
  ])
  func distances(_ a: String, _ b: String, _ slips: Int) {
    #expect(Nearest.distance(a, b) == slips)
  }
}
