/// Reads the arguments of one subcommand: `--name value`, `--name=value`, `-n value`, `-nvalue`,
/// flags, operands, and `--` before operands that begin with a dash. The last of two equal options
/// counts.
struct ArgumentParser {
  let command: Subcommand

  /// Nil when help was asked for.
  func parse(_ words: [String]) throws(CommandError) -> Arguments? {
    var arguments = Arguments()
    var rest = words[...]
    while let word = rest.popFirst() {
      if word == "--" {
        for operand in rest { try add(operand, to: &arguments) }
        rest = []
      } else if word == "--help" || word == "-h" {
        return nil
      } else if word.hasPrefix("-"), word.count > 1 {
        try parse(option: word, &rest, into: &arguments)
      } else {
        try add(word, to: &arguments)
      }
    }
    if let missing = command.operands.dropFirst(arguments.operands.count).first(where: \.isRequired)
    {
      throw usage("\(missing.name) is missing (\(missing.help))")
    }
    return arguments
  }

  private func parse(
    option word: String, _ rest: inout ArraySlice<String>, into arguments: inout Arguments
  ) throws(CommandError) {
    let (name, attached) = split(word)
    guard let option = command.options.first(where: { "--\($0.long)" == name || $0.isShort(name) })
    else { throw unknown(name) }
    let shown = "--\(option.long)"
    var value = ""
    if option.isFlag {
      guard attached == nil else { throw usage("\(shown) takes no value") }
    } else if let attached {
      value = attached
    } else if let next = rest.first, !looksLikeOption(next) {
      value = next
      rest.removeFirst()
    } else {
      throw usage("\(shown) needs a value: \(option.accepted)")
    }
    guard let parsed = option.parse(value) else {
      throw usage("\(shown): '\(value)' is not accepted; expected \(option.accepted)")
    }
    arguments.set(option, parsed)
  }

  /// The option's name with its dashes, and the value that is attached to it.
  private func split(_ word: String) -> (name: String, value: String?) {
    if word.hasPrefix("--") {
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      return (String(parts[0]), parts.count == 2 ? String(parts[1]) : nil)
    }
    let value = word.dropFirst(2)
    guard !value.isEmpty else { return (word, nil) }
    return (String(word.prefix(2)), String(value.first == "=" ? value.dropFirst() : value))
  }

  /// A word that cannot have been meant as a value: `-` is one, `-3` too.
  private func looksLikeOption(_ word: String) -> Bool {
    guard word.hasPrefix("-"), let second = word.dropFirst().first else { return false }
    return !second.isNumber
  }

  private func add(_ word: String, to arguments: inout Arguments) throws(CommandError) {
    let hasRoom = arguments.operands.count < command.operands.count
    guard hasRoom || command.operands.last?.repeats == true else {
      throw usage("unexpected argument '\(word)'")
    }
    arguments.append(operand: word)
  }

  private func unknown(_ name: String) -> CommandError {
    let names = command.options.map { "--\($0.long)" } + ["--help"]
    let message = "unknown option '\(name)'"
    guard let near = Nearest.match(name, among: names) else { return usage(message) }
    return usage("\(message); did you mean \(near)?")
  }

  private func usage(_ message: String) -> CommandError {
    .usage("\(command.name): \(message)", hint: "See 'bindersim \(command.name) --help'.")
  }
}

extension OptionDescription {
  fileprivate func isShort(_ name: String) -> Bool {
    short.map { "-\($0)" == name } ?? false
  }
}
