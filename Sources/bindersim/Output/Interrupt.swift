internal import Glibc
internal import Synchronization

/// The signals that ask a person's program to end: the first asks the work to stop and to report
/// what it has done so far, a second of its kind ends the program at once.
///
/// Loops ask `wasRequested` often enough to stop within a second; `Dispatcher` says that the result
/// is of a part and makes the exit status 128 plus the signal's number.
enum Interrupt {
  private static let signals: [(number: CInt, name: String, status: ExitStatus)] = [
    (SIGHUP, "SIGHUP", .hungUp), (SIGINT, "SIGINT", .interrupted),
    (SIGTERM, "SIGTERM", .terminated),
  ]

  static var wasRequested: Bool { received.load(ordering: .relaxed) != 0 }

  /// The signal that came, in words and as the exit status that tells of it; nil when none came.
  static var request: (name: String, status: ExitStatus)? {
    let number = received.load(ordering: .relaxed)
    return signals.first { $0.number == number }.map { ($0.name, $0.status) }
  }

  /// From now on these signals only set `wasRequested`. System calls that wait end with EINTR.
  static func catchSignals() {
    // A global is initialised on first use, which must not happen in the handler.
    received.store(0, ordering: .relaxed)
    for (number, _, _) in signals {
      var action = sigaction()
      // What the shell ignores for us (nohup) stays ignored.
      unsafe sigaction(number, nil, &action)
      guard unsafe unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) != 1 else {
        continue
      }
      action = sigaction()
      action.sa_flags = CInt(bitPattern: UInt32(SA_RESETHAND))
      // The handler does nothing but an atomic store, which may be done in a handler.
      unsafe action.__sigaction_handler.sa_handler = { received.store($0, ordering: .relaxed) }
      unsafe sigaction(number, &action, nil)
    }
  }
}

private let received = Atomic<CInt>(0)
