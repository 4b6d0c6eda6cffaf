internal import Glibc

@main
enum Bindersim {
  /// What bindersim can do. Without arguments it runs the first.
  static let commands = Dispatcher(commands: [RunCommand.subcommand], fallback: "run")

  static func main() {
    exit(commands.run(Array(CommandLine.arguments.dropFirst())).rawValue)
  }
}
