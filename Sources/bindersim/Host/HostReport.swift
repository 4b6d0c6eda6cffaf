internal import Synchronization

/// What one open of a device did.
final class OpenCounts: Sendable {
  let calls = Atomic<Int>(0)
  let messages = Atomic<Int>(0)
  let bytes = Atomic<Int>(0)
  /// Reads of the program's memory that fetched messages.
  let copies = Atomic<Int>(0)
}

/// What a host's programs did, for the end.
struct HostReport: Encodable, Sendable {
  struct Program: Encodable, Sendable {
    var pid: Int32
    var name: String
    var device: String
    var calls: Int
    var messages: Int
    var bytes: Int
  }

  /// Opens, in the order in which they ended; of the first thousand.
  private(set) var programs: [Program] = []
  private(set) var moreOpens = 0
  private(set) var calls = 0
  private(set) var messages = 0
  private(set) var bytes = 0
  private(set) var copies = 0
  var elapsedNanoseconds: UInt64 = 0
  /// Whose rules buffers were placed and accounted by; none while programs still run.
  var policy: String?
  var rules: RuleReport?

  private static let mostPrograms = 1000

  mutating func add(_ open: HostedOpen) {
    let counts = open.counts
    let program = Program(
      pid: open.owner.pid, name: open.owner.name, device: open.device.name,
      calls: counts.calls.load(ordering: .relaxed),
      messages: counts.messages.load(ordering: .relaxed),
      bytes: counts.bytes.load(ordering: .relaxed))
    calls += program.calls
    messages += program.messages
    bytes += program.bytes
    copies += counts.copies.load(ordering: .relaxed)
    if programs.count < Self.mostPrograms { programs.append(program) } else { moreOpens += 1 }
  }

  var text: String {
    var table = Table(["program", "pid", "device", "calls", "messages", "bytes"])
    for program in programs {
      table.add([
        program.name, "\(program.pid)", program.device, Format.grouped(program.calls),
        Format.grouped(program.messages), Format.grouped(program.bytes),
      ])
    }
    let more = moreOpens > 0 ? "and \(Format.grouped(moreOpens)) more opens\n" : ""
    return
      (elapsedNanoseconds == 0
      ? "" : "hosted for \(Format.time(nanoseconds: elapsedNanoseconds))\n")
      + (policy.map { "policy \($0)\n" } ?? "") + (rules?.text ?? "")
      + (programs.isEmpty ? "no program has a device open\n" : table.text() + more)
      + "messages: \(Format.grouped(messages)) of \(Format.bytes(bytes)), copied once each, with "
      + "\(Format.grouped(copies)) reads of senders' memory\n"
  }
}
