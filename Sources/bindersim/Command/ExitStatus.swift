/// How a command ended, as the shell sees it: the same for every command.
enum ExitStatus: Int32, Sendable {
  /// It did what was asked, and nothing was refused, leaked or corrupt.
  case success = 0
  /// It found refusals, leaks, corruption or differences.
  case failure = 1
  /// It was not asked correctly; nothing was done.
  case usage = 2
  /// The input could not be read or answers nothing, or the work could not be done.
  case unanswered = 3
  /// A signal ended it early (128 + its number); what it printed is of the part that was done.
  case hungUp = 129
  case interrupted = 130
  case terminated = 143

  /// In words, for help and the manual.
  static let text =
    "Exit status: 0 answered, and nothing was refused; 1 refusals, leaks, corruption or "
    + "differences were found; 2 wrong usage; 3 the input could not be read or answers nothing, or "
    + "the work could not be done; 129, 130, 143 ended by a signal."
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
    case .failure: .unanswered
    }
  }
}
