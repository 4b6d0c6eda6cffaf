internal import Glibc
internal import Synchronization

/// Ctrl-C: the first asks the work to end and report what it has done so far, the second ends the
/// program at once.
enum Interrupt {
  static var wasRequested: Bool { requested.load(ordering: .relaxed) }

  /// From now on, the first SIGINT or SIGTERM only sets `wasRequested`.
  static func catchSignals() {
    // A global is initialised on first use, which must not happen in the handler.
    requested.store(false, ordering: .relaxed)
    for number in [SIGINT, SIGTERM] {
      // The handler only does an atomic store and calls signal(2), both of
      // which may be done in a handler.
      _ = signal(number) { number in
        requested.store(true, ordering: .relaxed)
        signal(number, SIG_DFL)
      }
    }
  }
}

private let requested = Atomic<Bool>(false)
