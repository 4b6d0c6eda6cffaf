/// Picks the command that the arguments name, runs it, and turns errors into a message and a
/// status.
struct Dispatcher: Sendable {
  static let version = "0.1.0"

  let commands: [Subcommand]
  /// What `help` explains beside the commands.
  let topics: [HelpTopic]
  /// The name of the command that runs when there are no arguments at all.
  let fallback: String

  func run(_ words: [String]) -> ExitStatus {
    var status: ExitStatus
    do throws(CommandError) {
      status = try dispatch(words)
    } catch {
      report(error)
      status = error.status
    }
    if let request = Interrupt.request {
      StandardError.write("bindersim: interrupted by \(request.name); the result is of a part\n")
      status = request.status
    }
    return status
  }

  private func dispatch(_ words: [String]) throws(CommandError) -> ExitStatus {
    guard let first = words.first else { return try start(fallback, []) }
    switch first {
    case "--help", "-h":
      try StandardOutput.write(HelpText.overview(of: commands, topics))
    case "--version":
      try StandardOutput.write("bindersim \(Self.version)\n")
    case "help":
      try help(Array(words.dropFirst()))
    default:
      return try start(first, Array(words.dropFirst()))
    }
    return .success
  }

  private func help(_ words: [String]) throws(CommandError) {
    guard let name = words.first else {
      return try StandardOutput.write(HelpText.overview(of: commands, topics))
    }
    if let topic = topics.first(where: { $0.name == name }) {
      return try StandardOutput.write(HelpText.text(for: topic))
    }
    guard let command = commands.first(where: { $0.name == name }) else {
      throw .usage(
        "no help on '\(name)'" + suggestion(name, (commands.map(\.name) + topics.map(\.name))),
        hint: "Topics: \(topics.map(\.name).joined(separator: ", ")). See 'bindersim help'.")
    }
    try StandardOutput.write(HelpText.text(for: command))
  }

  private func start(_ name: String, _ words: [String]) throws(CommandError) -> ExitStatus {
    let command = try command(name)
    guard let arguments = try ArgumentParser(command: command).parse(words) else {
      try StandardOutput.write(HelpText.text(for: command))
      return .success
    }
    return try command.run(arguments)
  }

  private func command(_ name: String) throws(CommandError) -> Subcommand {
    if let command = commands.first(where: { $0.name == name }) { return command }
    let hint = "Commands: \(commands.map(\.name).joined(separator: ", ")). See 'bindersim --help'."
    if name.hasPrefix("-") { throw unknownOption(name, hint: hint) }
    throw .usage(
      "unknown command '\(name)'" + suggestion(name, commands.map(\.name)), hint: hint)
  }

  /// Before a command only help and version are options; one of a command says whose it is.
  private func unknownOption(_ word: String, hint: String) -> CommandError {
    let name = String(word.prefix { $0 != "=" })
    let own = ["--help", "--version"]
    let others = commands.flatMap { command in
      command.options.map { (name: "--\($0.long)", command: command.name) }
    }
    let near = Nearest.match(name, among: own + others.map(\.name))
    let meant =
      others.first { $0.name == near }.map { "bindersim \($0.command) \($0.name)" } ?? near
    return .usage(
      "unknown option '\(name)'" + (meant.map { "; did you mean '\($0)'?" } ?? ""), hint: hint)
  }

  private func suggestion(_ word: String, _ names: [String]) -> String {
    Nearest.match(word, among: names).map { "; did you mean \($0)?" } ?? ""
  }

  private func report(_ error: CommandError) {
    switch error {
    case .usage(let message, let hint):
      StandardError.write(
        Terminal.errors.red(lines: "bindersim: \(message)\n") + (hint.map { $0 + "\n" } ?? ""))
    case .failure(let message):
      StandardError.write(Terminal.errors.red(lines: "bindersim: \(message)\n"))
    }
  }
}
