internal import Glibc

/// What is known about where a stream's text goes.
struct Terminal: Sendable {
  /// Tables fit this many columns where nothing else is known: in a pipe, in a file.
  static let usualColumns = 80
  /// In fewer columns a line of progress would wrap, and could not be overwritten.
  static let fewestForProgress = 40

  /// Whether a person looks at it, so that a line may be overwritten.
  let isInteractive: Bool
  /// Whether to use colours: on a terminal that has them, unless NO_COLOR is set.
  let hasColor: Bool
  /// How wide a line may be.
  var columns = usualColumns

  /// Where results go.
  static let output = Terminal(descriptor: STDOUT_FILENO)
  /// Where errors go.
  static let errors = Terminal(descriptor: STDERR_FILENO)

  init(isInteractive: Bool, term: String?, noColor: String?) {
    self.isInteractive = isInteractive && term != "dumb"
    hasColor = self.isInteractive && (noColor ?? "").isEmpty
  }

  private init(descriptor: CInt) {
    self.init(
      isInteractive: isatty(descriptor) == 1, term: Self.environment("TERM"),
      noColor: Self.environment("NO_COLOR"))
    var size = winsize()
    if unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 {
      columns = Int(size.ws_col)
    }
  }

  /// The same with lines as wide as they come, for `--wide`.
  func wide(_ isWide: Bool) -> Terminal {
    var terminal = self
    if isWide { terminal.columns = .max }
    return terminal
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
