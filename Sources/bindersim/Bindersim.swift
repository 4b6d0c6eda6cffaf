internal import Glibc

@main
enum Bindersim {
  /// What bindersim can do. Without arguments it does what `run` does.
  static let commands: Dispatcher = Dispatcher(
    commands: [
      RunCommand.subcommand, ReplayCommand.subcommand, VerifyCommand.subcommand,
      RecordCommand.subcommand, HostCommand.subcommand, StateCommand.subcommand, CheckCommand.subcommand,
      SoakCommand.subcommand, BenchCommand.subcommand, CompletionCommand.subcommand,
    ], topics: Topic.all, fallback: "run")

  static func main() {
    exit(commands.run(Array(CommandLine.arguments.dropFirst())).rawValue)
  }
}
