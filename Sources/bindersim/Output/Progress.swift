/// One line on the terminal that shows progress; nothing when the output is not a terminal.
struct Progress: ~Copyable {
  private let terminal: Terminal
  private let write: (String) -> Void
  private let interval: UInt64
  private var lastShown: UInt64?

  /// At most one line per `interval`.
  init(
    terminal: Terminal = .current, interval: Duration = .milliseconds(100),
    write: @escaping (String) -> Void = StandardError.write
  ) {
    self.terminal = terminal
    self.write = write
    self.interval = interval.nanoseconds
  }

  /// Shows `line` unless one was shown less than an interval ago; `now` is in nanoseconds.
  mutating func show(now: UInt64 = MonotonicClock.now(), _ line: () -> String) {
    guard terminal.isInteractive else { return }
    if let lastShown, now < lastShown + interval { return }
    lastShown = now
    write("\r\u{1B}[K" + line())
  }

  /// Clears the line from the terminal.
  mutating func clear() {
    guard lastShown != nil else { return }
    lastShown = nil
    write("\r\u{1B}[K")
  }

  deinit {
    if lastShown != nil { write("\r\u{1B}[K") }
  }
}
