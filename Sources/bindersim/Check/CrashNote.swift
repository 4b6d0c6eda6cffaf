internal import Glibc
internal import Synchronization

/// Says which seed and step were under way when the engine stopped the program itself, by a failed
/// precondition or a bad access, or when it does not come back from a step: such failures cannot be
/// caught, but it must be possible to rerun them.
enum CrashNote {
  /// Seconds that a thousand steps may take.
  private static let patience: CUnsignedInt = 30

  static func set(seed: UInt64, step: Int) {
    if step & 1023 == 0 || step < 0, isInstalled.load(ordering: .relaxed) { alarm(patience) }
    currentSeed.store(seed, ordering: .relaxed)
    currentStep.store(step, ordering: .relaxed)
  }

  /// From now on such signals print a note before they end the program.
  ///
  /// - Parameter suffix: the rest of the command that reruns a seed.
  static func install(suffix: String) {
    commandSuffix.store(unsafe UInt(bitPattern: strdup(suffix)), ordering: .relaxed)
    isInstalled.store(true, ordering: .relaxed)
    for number in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT, SIGALRM] {
      _ = signal(number) { number in
        signal(number, SIG_DFL)
        CrashNote.print(number)
        raise(number)
      }
    }
  }

  /// Nothing more is waited for.
  static func end() { alarm(0) }

  // Nothing below allocates or locks: it runs in a signal handler.

  private static func print(_ number: CInt) {
    write("seed ")
    write(currentSeed.load(ordering: .relaxed))
    let step = currentStep.load(ordering: .relaxed)
    if step >= 0 {
      write(", step ")
      write(UInt64(step))
    }
    if number == SIGALRM {
      write(": no end after 30 seconds")
    } else {
      write(": the engine stopped the program, signal ")
      write(UInt64(number))
    }
    write("\n  rerun: bindersim check --seed ")
    write(currentSeed.load(ordering: .relaxed))
    let suffix = unsafe UnsafePointer<CChar>(bitPattern: commandSuffix.load(ordering: .relaxed))
    // SAFETY: a string that `install` copied and nobody frees.
    if let suffix = unsafe suffix { _ = unsafe Glibc.write(STDOUT_FILENO, suffix, strlen(suffix)) }
    write("\n")
  }

  private static func write(_ text: StaticString) {
    // SAFETY: a static string's bytes are always there.
    _ = unsafe Glibc.write(STDOUT_FILENO, text.utf8Start, text.utf8CodeUnitCount)
  }

  private static func write(_ value: UInt64) {
    var digit = UInt64(1)
    while value / digit >= 10 { digit *= 10 }
    while digit > 0 {
      var character = UInt8(48 + value / digit % 10)
      _ = unsafe Glibc.write(STDOUT_FILENO, &character, 1)
      digit /= 10
    }
  }
}

private let isInstalled = Atomic<Bool>(false)
private let currentSeed = Atomic<UInt64>(0)
private let currentStep = Atomic<Int>(-1)
private let commandSuffix = Atomic<UInt>(0)
