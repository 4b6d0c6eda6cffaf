internal import BinderBuffer
internal import Glibc

/// Many seeds, one after the other, up to the first that fails.
struct CheckCampaign {
  let options: CheckOptions
  let write: (String) throws(CommandError) -> Void

  func run() throws(CommandError) -> ExitStatus {
    CrashNote.install(suffix: suffix)
    let memory = SenderMemory(pages: 1025)
    var tally = CheckTally()
    var checksum = Checksum()
    var progress = Progress()
    var done = 0
    let start = MonotonicClock.now()
    for seed in options.seeds {
      if Interrupt.wasRequested { break }
      var run = CheckRun(seed: seed, options: options, memory: memory)
      let failure = run.run()
      tally.add(run.tally)
      checksum.add(Int(truncatingIfNeeded: run.checksum.value))
      if !Interrupt.wasRequested { done += 1 }
      if let failure {
        progress.clear()
        try report(failure, seed)
        return .failure
      }
      progress.show { line(done, tally, since: start) }
    }
    CrashNote.end()
    progress.clear()
    if let leak = Leaks.mappedRegions() {
      try write(
        Terminal.output.red(
          lines: "after the last seed: no region is mapped\n  expected none\n  found    \(leak)\n"))
      return .failure
    }
    try write(summary(done, tally, checksum))
    return .success
  }

  private var suffix: String {
    options.arguments(seed: 0).dropFirst(3).map { " " + $0 }.joined()
  }

  private func line(_ done: Int, _ tally: CheckTally, since start: UInt64) -> String {
    let rate = Format.rate(tally.steps, in: MonotonicClock.now() - start)
    return "\(Format.grouped(done)) of \(Format.grouped(options.seeds.count)) seeds, "
      + "\(Format.grouped(tally.steps)) steps, \(Format.grouped(rate))/s"
  }

  private func summary(_ done: Int, _ tally: CheckTally, _ checksum: Checksum) -> String {
    let policy = options.policy?.name ?? "drawn by each seed"
    let more =
      options.playsDriver
      ? "\(Format.grouped(tally.files)) files"
      : "\(Format.grouped(tally.reclaimed)) pages reclaimed, \(Format.grouped(tally.walks)) regions "
        + "walked"
    return """
      \(Format.grouped(done)) seeds from \(options.seeds.lowerBound), policy \(policy): \
      \(Format.grouped(tally.steps)) steps, no violation
      \(Format.grouped(tally.sent)) transactions sent, \(Format.grouped(tally.refused)) refused, \
      \(Format.grouped(tally.delivered)) delivered, \(Format.bytes(tally.bytesCompared)) compared
      \(Format.grouped(tally.faults)) faults injected, \(Format.grouped(tally.deaths)) deaths, \
      \(more)
      result \(checksum.hexadecimal)

      """
  }

  // MARK: failures

  private func report(_ failure: CheckRun.Failure, _ seed: UInt64) throws(CommandError) {
    try write(Self.text(of: failure, seed, rerun: options.command(seed: seed), for: .output))
  }

  static func text(
    of failure: CheckRun.Failure, _ seed: UInt64, rerun: String, for terminal: Terminal
  ) -> String {
    let place = failure.step.map { "step \($0)" } ?? "at the end"
    return terminal.red(
      lines: """
        seed \(seed), \(place): \(failure.violation.invariant)
          expected \(failure.violation.expected)
          found    \(failure.violation.found)

        """) + "  rerun: \(rerun)\n"
  }
}

/// What the process must not keep when everything was given back.
enum Leaks {
  /// A mapping of a region's memory file; nil when there is none.
  static func mappedRegions() -> String? {
    guard let file = unsafe fopen("/proc/self/maps", "r") else { return nil }
    defer { unsafe fclose(file) }
    var line = [CChar](repeating: 0, count: 512)
    while unsafe fgets(&line, CInt(line.count), file) != nil {
      guard unsafe strstr(line, "memfd:") != nil else { continue }
      return String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
    return nil
  }
}
