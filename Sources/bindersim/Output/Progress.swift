internal import Glibc

/// One line on the terminal that shows progress; nothing when the output is not a terminal.
struct Progress: ~Copyable {
  private let columns: Int
  private let write: (String) -> Void
  private let interval: UInt64
  private var lastShown: UInt64?

  /// On the errors' terminal, else on that of the results; at most one line per `interval`.
  init(interval: Duration = .milliseconds(100)) {
    if Terminal.errors.isInteractive {
      self.init(terminal: .errors, interval: interval, write: StandardError.write)
    } else {
      self.init(terminal: .output, interval: interval) {
        _ = Descriptor.write($0, to: STDOUT_FILENO)
      }
    }
  }

  init(
    terminal: Terminal, interval: Duration = .milliseconds(100), write: @escaping (String) -> Void
  ) {
    let hasRoom = terminal.isInteractive && terminal.columns >= Terminal.fewestForProgress
    columns = hasRoom ? terminal.columns : 0
    self.write = write
    self.interval = interval.nanoseconds
  }

  /// Shows `line` unless one was shown less than an interval ago; `now` is in nanoseconds.
  mutating func show(now: UInt64 = MonotonicClock.now(), _ line: () -> String) {
    guard columns > 0 else { return }
    if let lastShown, now < lastShown + interval { return }
    lastShown = now
    // A line that wraps could not be taken off again.
    write("\r\u{1B}[K" + line().prefix(columns - 1))
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
