internal import Glibc

/// What is known about where the output goes.
struct Terminal: Sendable {
  /// Whether both output and errors go to a terminal, so that a line may be overwritten.
  let isInteractive: Bool
  /// Whether to use colours: on a terminal that has them, unless NO_COLOR is set.
  let hasColor: Bool

  static let current = Terminal(
    isInteractive: isatty(STDOUT_FILENO) == 1 && isatty(STDERR_FILENO) == 1,
    term: environment("TERM"), noColor: environment("NO_COLOR"))

  init(isInteractive: Bool, term: String?, noColor: String?) {
    self.isInteractive = isInteractive && term != "dumb"
    hasColor = self.isInteractive && (noColor ?? "").isEmpty
  }

  func bold(_ text: String) -> String { styled(text, "1") }
  func red(_ text: String) -> String { styled(text, "31") }

  private func styled(_ text: String, _ code: String) -> String {
    hasColor ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
  }

  private static func environment(_ name: String) -> String? {
    // SAFETY: the value is copied at once, and nothing here changes the environment.
    unsafe getenv(name).map { unsafe String(cString: $0) }
  }
}
