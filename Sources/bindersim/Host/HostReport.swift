internal import BinderBuffer
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

  // MARK: what was recorded of buffers

  /// One region, over all its life. Sizes in bytes.
  struct Region: Encodable, Sendable {
    var pid: Int32
    var name: String
    var device: String
    var regionBytes: Int
    var peakBuffers: Int
    var peakBytes: Int
    var peakPages: Int
    var framesAllocated: Int
    var lowestFreeOnewaySpace: Int
    var spamReports: Int
    /// Live at its end, or now.
    var heldBuffers: Int
    var heldBytes: Int

    init(_ statistics: ProcessStatistics, of region: HostedRegion, name: String) {
      pid = RegionKey(number: region.pid).pid
      self.name = name
      device = region.device.name
      regionBytes = statistics.regionLength
      peakBuffers = statistics.peakBuffers
      peakBytes = statistics.peakBytes
      peakPages = statistics.peakPagesInUse
      framesAllocated = statistics.framesAllocated
      lowestFreeOnewaySpace = statistics.lowestFreeOnewaySpace
      spamReports = statistics.spamReports
      heldBuffers = statistics.bufferCount
      heldBytes = statistics.bytesInUse
    }
  }

  struct Traffic: Encodable, Sendable {
    var sync: Int
    var oneway: Int
    var replies: Int
    var received: Int
    /// Messages that found no room or no memory, by kind.
    var refused: [RunReport.Failure]
    /// Messages that failed for another reason after their room was reserved.
    var failed: [RunReport.Failure]
    var refusedOverTime: TimeCounts
    var latencies: [RunReport.Latency]
    var neverFreed: Int
    var neverFreedBytes: Int
  }

  /// Nil when nothing was recorded.
  private(set) var traffic: Traffic?
  private(set) var regions: [Region] = []

  /// Takes in what was recorded.
  mutating func add(_ recorder: HostRecorder, _ recording: Recording) {
    let tally = recorder.tally
    let held = recording.stillHeld
    regions = recorder.regions
    traffic = Traffic(
      sync: tally.sync, oneway: tally.oneway, replies: tally.replies, received: tally.received,
      refused: RunReport.Failure.all(tally.refusals), failed: RunReport.Failure.all(tally.errors),
      refusedOverTime: tally.refusalTimes,
      latencies: RunReport.Latency.all(tally.latencies), neverFreed: held.count,
      neverFreedBytes: held.reduce(0) { $0 + $1.buffer.size })
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
