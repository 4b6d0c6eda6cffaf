/// How a command ended, as the shell sees it.
enum ExitStatus: Int32, Sendable {
  case success = 0
  /// It ran and found failures, or could not do its work.
  case failure = 1
  /// It was not asked correctly; nothing was done.
  case usage = 2
  /// A signal ended it early (128 + its number); what it printed is of the part that was done.
  case hungUp = 129
  case interrupted = 130
  case terminated = 143
}

/// Why a command did not get to its result.
enum CommandError: Error, Equatable, Sendable {
  /// The command line is wrong. `hint` is a second line that says what to do instead.
  case usage(String, hint: String?)
  /// The command line is right, but the work cannot be done.
  case failure(String)

  var status: ExitStatus {
    switch self {
    case .usage: .usage
    case .failure: .failure
    }
  }
}
