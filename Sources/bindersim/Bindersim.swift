internal import Glibc

@main
enum Bindersim {
  /// What bindersim can do. Without arguments it does what `run` does.
  static let commands: Dispatcher = Dispatcher(
    commands: [
      RunCommand.subcommand, ReplayCommand.subcommand, ExplainCommand.subcommand,
      HostCommand.subcommand, VerifyCommand.subcommand, RecordCommand.subcommand,
      StateCommand.subcommand, CheckCommand.subcommand,
      SoakCommand.subcommand, BenchCommand.subcommand, CompletionCommand.subcommand,
    ], topics: HelpTopic.all, fallback: "run")

  static func main() {
    let words = CommandLine.arguments
    // The system keeps them in /proc/self/cmdline; without /proc it would look as if there were none.
    guard !words.isEmpty else {
      StandardError.write("bindersim: cannot read its arguments: is /proc mounted?\n")
      exit(ExitStatus.usage.rawValue)
    }
    guard StandardDescriptors.reserve() else { exit(ExitStatus.failure.rawValue) }
    Interrupt.catchSignals()
    exit(commands.run(Array(words.dropFirst())).rawValue)
  }
}
