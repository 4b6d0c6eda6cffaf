/// A completion script for bash, from the tables of options.
struct BashCompletion {
  let program: Dispatcher

  var text: String {
    let names = program.commands.map(\.name)
    return """
      # bash completion for bindersim: source <(bindersim completion bash)
      _bindersim() {
        local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}"
        local command="${COMP_WORDS[1]}" words="" files=""
        COMPREPLY=()
        if [ "$COMP_CWORD" -eq 1 ]; then
          COMPREPLY=($(compgen -W "\(names.joined(separator: " ")) help --help --version" -- "$current"))
          return
        fi
        case "$command $previous" in
      \(program.commands.map(values).joined())  esac
        case "$command" in
      \(program.commands.map(words).joined())    help) words="\(program.helpNames.joined(separator: " "))" ;;
        esac
        COMPREPLY=($(compgen -W "$words" -- "$current"))
        [ -z "$files" ] || [[ "$current" == -* ]] || COMPREPLY+=($(compgen -f -- "$current"))
      }
      complete -o filenames -F _bindersim bindersim

      """
  }

  /// What completes an option's value.
  private func values(_ command: Subcommand) -> String {
    command.options.filter { !$0.isFlag }.map { option in
      let pattern = option.spellings.map { "\"\(command.name) \($0)\"" }.joined(separator: "|")
      return "    \(pattern)) \(reply(option.completion))return ;;\n"
    }.joined()
  }

  private func reply(_ completion: Completion) -> String {
    switch completion {
    case .nothing: ""
    case .file: "COMPREPLY=($(compgen -f -- \"$current\")); "
    case .names(let names):
      "COMPREPLY=($(compgen -W \"\(names.joined(separator: " "))\" -- \"$current\")); "
    case .list(let names):
      "COMPREPLY=($(compgen -P \"${current%\"${current##*,}\"}\""
        + " -W \"\(names.joined(separator: " "))\" -- \"${current##*,}\")); "
    }
  }

  private func words(_ command: Subcommand) -> String {
    var words = command.options.map { "--\($0.long)" } + ["--help"]
    var files = ""
    for operand in command.operands {
      switch operand.completion {
      case .nothing: break
      case .file: files = " files=yes"
      case .names(let names), .list(let names): words += names
      }
    }
    return "    \(command.name)) words=\"\(words.joined(separator: " "))\"\(files) ;;\n"
  }
}
