import Testing

@testable import bindersim

@Suite(.timeLimit(.minutes(15))) struct HelpTextTests {
  @Test(arguments: Bindersim.commands.commands.map(\.name))
  func everyCommandExplainsEverything(_ name: String) throws {
    let command = try #require(Bindersim.commands.commands.first { $0.name == name })
    let text = HelpText.text(for: command)
    #expect(text.hasPrefix("Usage: bindersim \(name) [OPTIONS]"))
    for option in command.options {
      #expect(text.contains(option.usage))
      #expect(!option.help.isEmpty)
      #expect(option.help.first?.isUppercase == false, "\(option.long)")
    }
    for operand in command.operands { #expect(text.contains(operand.name)) }
    #expect(text.hasSuffix("\n"))
    #expect(!command.examples.isEmpty)
    for line in text.split(separator: "\n") where !line.contains("bindersim") {
      #expect(line.count <= HelpText.width, "\(line)")
    }
  }

  @Test func namesOfOptionsAreUnique() {
    for command in Bindersim.commands.commands {
      let long = command.options.map(\.long) + ["help"]
      let short = command.options.compactMap(\.short) + ["h"]
      #expect(Set(long).count == long.count)
      #expect(Set(short).count == short.count)
    }
  }

  /// The examples in the help are command lines that parse.
  @Test func examplesParse() throws {
    for command in Bindersim.commands.commands {
      for example in command.examples {
        let words = example.split(separator: " ").map(String.init)
        #expect(words.prefix(2) == ["bindersim", command.name])
        let arguments = try ArgumentParser(command: command).parse(Array(words.dropFirst(2)))
        #expect(arguments != nil)
      }
    }
  }

  @Test func overviewListsEveryCommand() {
    let text = HelpText.overview(of: Bindersim.commands.commands, HelpTopic.all)
    for command in Bindersim.commands.commands {
      #expect(text.contains("  \(command.name)  ") || text.contains("  \(command.name) "))
      #expect(text.contains(command.summary))
    }
    for topic in HelpTopic.all { #expect(text.contains("  \(topic.name) ")) }
    #expect(text.split(separator: "\n").allSatisfy { $0.count <= HelpText.width })
  }

  @Test(arguments: HelpTopic.all.map(\.name))
  func topicsExplain(_ name: String) throws {
    let topic = try #require(HelpTopic.all.first { $0.name == name })
    #expect(!Bindersim.commands.commands.contains { $0.name == name }, "a command has that name")
    #expect(!topic.examples.isEmpty)
    let text = HelpText.text(for: topic)
    #expect(try BuiltTool.run(["help", name]).output == text)
    for line in text.split(separator: "\n") where !line.contains("bindersim") {
      #expect(line.count <= HelpText.width, "\(line)")
    }
  }

  @Test func wrapping() {
    #expect(HelpText.wrap("aa bb cc", width: 5) == ["aa bb", "cc"])
    #expect(HelpText.wrap("aaaaaaa b", width: 3) == ["aaaaaaa", "b"])
    #expect(HelpText.wrap("", width: 3) == [""])
  }
}
