/// Help, generated from the same tables that the parser uses.
enum HelpText {
  static let width = 80

  /// What `bindersim --help` prints.
  static func overview(of commands: [Subcommand], _ topics: [HelpTopic]) -> String {
    var lines = [
      "Usage: bindersim [COMMAND] [OPTIONS]", "",
      "Simulates Binder transactions on real buffers, pages and threads.",
      "Without a command, runs an Android-like workload for about five seconds.", "", "Commands:",
    ]
    lines += columns(commands.map { ($0.name, $0.summary) })
    lines += ["", "Topics, for 'bindersim help TOPIC':"]
    lines += columns(topics.map { ($0.name, $0.summary) })
    lines += ["", "Options:"]
    lines += columns([
      ("-h, --help", "print this help; after a command, its help"),
      ("--version", "print the version"),
    ])
    lines += [""] + wrap(ExitStatus.text, width: width)
    return lines.joined(separator: "\n") + "\n"
  }

  /// What `bindersim help TOPIC` prints.
  static func text(for topic: HelpTopic) -> String {
    var lines = [topic.summary.capitalizedSentence]
    for paragraph in topic.paragraphs { lines += [""] + wrap(paragraph, width: width) }
    for list in topic.lists { lines += ["", list.title + ":"] + columns(list.entries) }
    if !topic.sample.isEmpty { lines += ["", "For example:"] + topic.sample.map { "  " + $0 } }
    lines += ["", "Examples:"] + topic.examples.map { "  " + $0 }
    return lines.joined(separator: "\n") + "\n"
  }

  /// What `bindersim COMMAND --help` prints.
  static func text(for command: Subcommand) -> String {
    var usage = "Usage: bindersim \(command.name) [OPTIONS]"
    for operand in command.operands {
      let name = operand.name + (operand.repeats ? "…" : "")
      usage += operand.isRequired ? " \(name)" : " [\(name)]"
    }
    var lines = [usage, ""]
    for paragraph in [command.summary.capitalizedSentence] + command.discussion {
      lines += wrap(paragraph, width: width) + [""]
    }
    if !command.operands.isEmpty {
      lines += ["Arguments:"] + columns(command.operands.map { ($0.name, $0.help) }) + [""]
    }
    lines += ["Options:"]
    lines += columns(
      command.options.map { ($0.usage, $0.helpWithDefault) }
        + [("-h, --help", "print this help")])
    for list in command.lists { lines += ["", list.title + ":"] + columns(list.entries) }
    if !command.examples.isEmpty {
      lines += ["", "Examples:"] + command.examples.map { "  " + $0 }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// Names on the left, wrapped explanations on the right.
  private static func columns(_ rows: [(name: String, text: String)]) -> [String] {
    let left = rows.map(\.name.count).max() ?? 0
    return rows.flatMap { name, text in
      wrap(text, width: width - left - 4).enumerated().map { index, line in
        let head = index == 0 ? name : ""
        return "  " + head + String(repeating: " ", count: left - head.count + 2) + line
      }
    }
  }

  static func wrap(_ text: String, width: Int) -> [String] {
    var lines: [String] = []
    var line = ""
    for word in text.split(separator: " ") {
      if !line.isEmpty, line.count + 1 + word.count > width {
        lines.append(line)
        line = ""
      }
      line += (line.isEmpty ? "" : " ") + word
    }
    return lines + [line]
  }
}

extension OptionDescription {
  fileprivate var helpWithDefault: String {
    shownDefault.map { "\(help) (default: \($0))" } ?? help
  }
}

extension String {
  /// A list entry as a sentence: first letter large, full stop.
  fileprivate var capitalizedSentence: String { prefix(1).uppercased() + dropFirst() + "." }
}
