/// `bindersim completion`: scripts that make a shell complete bindersim's words.
enum CompletionCommand {
  private static let shells: [(name: String, script: @Sendable (Dispatcher) -> String)] = [
    ("bash", { BashCompletion(program: $0).text }), ("zsh", { ZshCompletion(program: $0).text }),
  ]

  static let subcommand: Subcommand = Subcommand(
    name: "completion", summary: "print a script that completes commands and options in a shell",
    discussion: [
      """
      In bash, put 'source <(bindersim completion bash)' into .bashrc. In zsh, write the script to \
      a file named _bindersim in a directory of $fpath.
      """
    ],
    operands: [
      Operand(name: "SHELL", help: "bash or zsh", completion: .names(shells.map(\.name)))
    ], options: [], examples: ["bindersim completion bash"]
  ) { arguments throws(CommandError) in
    let name = arguments.operands[0]
    guard let shell = shells.first(where: { $0.name == name }) else {
      let known = shells.map(\.name)
      let near = Nearest.match(name, among: known).map { "; did you mean \($0)?" } ?? ""
      throw .usage(
        "completion: SHELL: '\(name)' is not accepted; expected \(known.joined(separator: " or "))"
          + near, hint: "See 'bindersim completion --help'.")
    }
    try StandardOutput.write(shell.script(Bindersim.commands))
    return .success
  }
}

extension Dispatcher {
  /// What can follow `bindersim help`.
  var helpNames: [String] { commands.map(\.name) + topics.map(\.name) }
}

extension OptionDescription {
  /// As it can be typed: `--workload`, `-w`.
  var spellings: [String] { ["--\(long)"] + (short.map { ["-\($0)"] } ?? []) }
}
