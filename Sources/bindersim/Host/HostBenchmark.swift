internal import BinderBuffer
internal import CLinuxShims
internal import Glibc
internal import PageAlloc

/// `bindersim bench host`: request and reply of N bytes between two hosted programs, beside a Unix
/// stream socket and a pipe between the same two in the same round.
struct HostBenchmark {
  var rounds: Int
  var sizes = [88, 4 << 10, 64 << 10, 512 << 10]

  struct Row: BenchRow {
    var bytes: Int
    var mode: String
    var binderMicroseconds: Double
    var streamMicroseconds: Double
    var pipeMicroseconds: Double
    var ratioToStream: Double

    static let columns = [
      Table.Column("bytes", "of the request, and as many of the reply"),
      Table.Column("mode", "on how many processors the two programs run"),
      Table.Column("binder µs", "time of an exchange through the host"),
      Table.Column("stream µs", "through a Unix stream socket"),
      Table.Column("pipe µs", "through two pipes"),
      Table.Column("to stream", "the first divided by the second"),
    ]
    var cells: [String] {
      [Format.grouped(bytes), mode]
        + [binderMicroseconds, streamMicroseconds, pipeMicroseconds].map {
          Format.decimal($0)
        } + [Format.decimal(ratioToStream, digits: 2)]
    }
  }

  func run() throws(CommandError) -> BenchReport<Row> {
    var rows: [Row] = []
    for bytes in sizes {
      for isPinned in [true, false] {
        let figures = try measure(bytes, isPinned: isPinned)
        rows.append(row(bytes, isPinned ? "one CPU" : "any CPU", figures))
      }
    }
    return BenchReport(
      benchmark: "host", results: rows,
      notes: [
        "request and reply of so many bytes, real time; median of \(rounds) rounds",
        "to stream: Binder through the host to the Unix stream socket, within each round",
      ])
  }

  private func row(_ bytes: Int, _ mode: String, _ figures: [[Double]]) -> Row {
    func median(_ index: Int) -> Double { figures.map { $0[index] }.median / 1000 }
    return Row(
      bytes: bytes, mode: mode, binderMicroseconds: median(0), streamMicroseconds: median(1),
      pipeMicroseconds: median(2), ratioToStream: figures.map { $0[0] / $0[1] }.median)
  }

  /// Nanoseconds of an exchange, for each round and transport.
  private func measure(_ bytes: Int, isPinned: Bool) throws(CommandError) -> [[Double]] {
    let transports = ExchangeTransport.allCases
    if isPinned { CPUAffinity.pin(to: 0) }
    defer { CPUAffinity.release() }
    var ends: [CInt] = [0, 0]
    guard unsafe pipe(&ends) == 0 else { throw .failure("cannot make a pipe") }
    defer { close(ends[0]) }
    let count = max(40, 40_000_000 / (bytes + 20_000))
    let program = ExchangeProgram(
      output: ends[1], bytes: bytes, count: count, rounds: rounds, transports: transports)
    let session = try HostSession(
      HostOptions(driver: DriverOptions(sharing: .exportable), region: 4 << 20))
    let status = try session.run(["/proc/self/exe", "host", "--exchange", program.words])
    close(ends[1])
    guard status == 0 else { throw .failure("the programs that are measured ended with \(status)") }
    let lines = Descriptor.readText(from: ends[0]).split(separator: "\n")
    return lines.map { line in line.split(separator: " ").compactMap { Double($0) } }
      .filter { $0.count == transports.count }
  }
}
