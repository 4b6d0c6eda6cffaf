import Glibc
import Testing

/// A signal ends every command early, and never looks like success.
@Suite(.timeLimit(.minutes(2))) struct InterruptTests {
  struct Case: CustomTestStringConvertible {
    let words: [String]
    /// What is printed of the part that was done; nil where there may be nothing.
    var printed: String?
    var testDescription: String { words.joined(separator: " ") }

    init(_ line: String, prints printed: String? = nil) {
      words = line.split(separator: " ").map(String.init)
      self.printed = printed
    }
  }

  /// None of these would end within an hour.
  static let endless = [
    Case("run --duration 10h", prints: "interrupted: what follows was done so far"),
    Case("run --deterministic --transactions 1000000000", prints: "interrupted"),
    Case("state --at 1000h", prints: "proc "),
    Case("check --seed 1 --steps 1000000000", prints: "0 seeds from 1"),
    Case("check --seeds 1-1000000000", prints: "no violation"),
    Case("check --minimize --seeds 1-1000000000"),
    Case("soak --duration 10h", prints: "seconds"),
    Case("record --operations 1000000000 --output /dev/null"),
    Case("bench ranges --rounds 1000", prints: "bench ranges"),
    Case("bench transactions --rounds 1000", prints: "bench transactions"),
    Case("bench scale --processes 2 --transactions 10000000000", prints: "long run"),
  ]

  @Test(arguments: endless, [(SIGINT, Int32(130), "SIGINT")])
  func endsAndSaysSo(_ subject: Case, _ signal: (number: Int32, status: Int32, name: String)) throws
  {
    let tool = try interrupted(subject.words, by: signal.number)
    #expect(tool.status == signal.status, "\(tool.output)\(tool.errors)")
    #expect(tool.errors.contains("interrupted by \(signal.name)"), "\(tool.errors)")
    if let printed = subject.printed { #expect(tool.output.contains(printed), "\(tool.output)") }
  }

  @Test(arguments: [(SIGTERM, Int32(143)), (SIGHUP, Int32(129))])
  func theStatusTellsTheSignal(number: Int32, status: Int32) throws {
    let tool = try interrupted(["run", "--duration", "10h"], by: number)
    #expect(tool.status == status)
    #expect(tool.output.contains("interrupted"))
  }

  /// The file is written whole, of the part that was done; nothing else stays.
  @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
  func noPartOfAFileStays(signal: Int32) throws {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    _ = try interrupted(
      ["run", "--duration", "10h", "--json", scratch.path("result.json")], by: signal)
    #expect(scratch.names == ["result.json"])
    _ = try interrupted(
      ["record", "--operations", "1000000000", "--output", scratch.path("half.rec")], by: signal)
    #expect(scratch.names == ["result.json"], "half a recording is none")
  }

  private func interrupted(_ words: [String], by signal: Int32) throws -> BuiltTool {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    let pid = try BuiltTool.start(
      words, output: scratch.path("out"), errors: scratch.path("err"))
    // Long enough for the handlers to be there on a busy machine: they are set first of all.
    while !Self.catches(signal, pid) { usleep(1000) }
    usleep(300_000)
    kill(pid, signal)
    let status = BuiltTool.wait(for: pid)
    return BuiltTool(
      status: status, output: readFile(scratch.path("out")) ?? "",
      errors: readFile(scratch.path("err")) ?? "")
  }

  /// Whether the process has a handler for the signal by now.
  private static func catches(_ signal: Int32, _ pid: pid_t) -> Bool {
    let line = (readFile("/proc/\(pid)/status") ?? "").split(separator: "\n")
      .first { $0.hasPrefix("SigCgt:") }
    guard let mask = line?.split(separator: "\t").last.flatMap({ UInt64($0, radix: 16) }) else {
      return false
    }
    return mask >> UInt64(signal - 1) & 1 == 1
  }
}
