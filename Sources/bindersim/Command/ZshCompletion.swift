/// A completion script for zsh, from the tables of options.
struct ZshCompletion {
  let program: Dispatcher

  var text: String {
    let commands = program.commands.map { "    '\($0.name):\(escaped($0.summary, ":"))'\n" }
    return """
      #compdef bindersim
      _bindersim() {
        local -a commands
        commands=(
      \(commands.joined())    'help:explain a command or a topic'
        )
        if (( CURRENT == 2 )); then
          _describe command commands
          return
        fi
        local command="${words[2]}"
        shift words
        (( CURRENT-- ))
        case "$command" in
      \(program.commands.map(arguments).joined())    help) _values topic \(program.helpNames.joined(separator: " ")) ;;
        esac
      }
      _bindersim "$@"

      """
  }

  private func arguments(_ command: Subcommand) -> String {
    var specs = command.options.map(spec) + ["'(-h --help)'{-h,--help}'[print the help]'"]
    for operand in command.operands {
      specs.append(
        "'\(operand.repeats ? "*" : "")\(operand.repeats ? "" : "1"):\(operand.name)"
          + ":\(action(operand.completion))'")
    }
    return "    \(command.name)) _arguments \\\n      "
      + specs.joined(separator: " \\\n      ") + " ;;\n"
  }

  private func spec(_ option: OptionDescription) -> String {
    let both = option.spellings
    let names =
      both.count == 1
      ? "\(both[0])" : "'(\(both.joined(separator: " ")))'{\(both.joined(separator: ","))}"
    let value = option.placeholder.map { ":\($0):\(action(option.completion))" } ?? ""
    return "\(names)'[\(escaped(option.help, "[]:"))]\(value)'"
  }

  private func action(_ completion: Completion) -> String {
    switch completion {
    case .nothing: ""
    case .file: "_files"
    case .names(let names): "(\(names.joined(separator: " ")))"
    // With a blank before it zsh runs it as it stands.
    case .list(let names): " _values -s , value \(names.joined(separator: " "))"
    }
  }

  /// Text between single quotes, in which `special` characters mean something to zsh.
  private func escaped(_ text: String, _ special: String) -> String {
    text.map { character in
      if character == "'" { return "'\\''" }
      return special.contains(character) ? "\\\(character)" : "\(character)"
    }.joined()
  }
}
