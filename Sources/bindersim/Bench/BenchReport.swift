internal import Glibc

/// One line of a benchmark's table, and one element of its JSON.
protocol BenchRow: Encodable, Sendable {
  static var header: [String] { get }
  var cells: [String] { get }
}

/// What a benchmark found, with the machine that it ran on.
struct BenchReport<Row: BenchRow>: Encodable {
  let benchmark: String
  let machine = Machine.current
  let results: [Row]
  /// What the figures mean, in words; not part of the JSON.
  let notes: [String]

  private enum CodingKeys: String, CodingKey { case benchmark, machine, results }

  var text: String {
    var table = Table(Row.header)
    for row in results { table.add(row.cells) }
    let legend = notes.map { "  \($0)\n" }.joined()
    return "bench \(benchmark) on \(machine.description)\n\n" + table.text() + "\n" + legend
  }
}

struct Machine: Encodable {
  let processor: String
  let processors: Int
  let kernel: String

  static var current: Machine {
    var name = utsname()
    unsafe uname(&name)
    let release = unsafe withUnsafeBytes(of: name.release) { bytes in
      unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    let model = ProcFile.text("/proc/cpuinfo").split(separator: "\n")
      .first { $0.hasPrefix("model name") }?.split(separator: ":").last
    return Machine(
      processor: model.map { String($0.drop { $0 == " " }) } ?? "unknown",
      processors: Int(sysconf(CInt(_SC_NPROCESSORS_ONLN))), kernel: release)
  }

  var description: String { "\(processor), \(processors) processors, Linux \(kernel)" }
}

/// Figures of rounds: what is left of noise.
extension [Double] {
  var median: Double {
    guard !isEmpty else { return 0 }
    return sorted()[count / 2]
  }
}
