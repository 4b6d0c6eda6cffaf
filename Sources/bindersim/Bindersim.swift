internal import Glibc

@main
enum Bindersim {
  /// What bindersim can do. Without arguments it does what `run` does.
  static let commands = Dispatcher(
    commands: [
      RunCommand.subcommand, ReplayCommand.subcommand, VerifyCommand.subcommand,
      RecordCommand.subcommand, CheckCommand.subcommand, BenchCommand.subcommand,
    ], fallback: "run")

  static func main() {
    exit(commands.run(Array(CommandLine.arguments.dropFirst())).rawValue)
  }
}
