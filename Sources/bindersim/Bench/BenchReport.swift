internal import Glibc

/// One line of a benchmark's table, and one element of its JSON.
protocol BenchRow: Encodable, Sendable {
  static var header: [String] { get }
  /// Titles of columns that a narrow table can spare, the first of them first.
  static var leastImportant: [String] { get }
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

  func text(for terminal: Terminal) -> String {
    var table = Table(Row.header, leastImportant: Row.leastImportant)
    for row in results { table.add(row.cells) }
    let heading = "bench \(benchmark) on \(machine.description)"
    return Table.wrapped(heading, in: terminal.columns) + "\n"
      + table.text(columns: terminal.columns) + "\n"
      + notes.map { Table.wrapped("  " + $0, in: terminal.columns) }.joined()
  }
}

extension BenchRow {
  static var leastImportant: [String] { [] }
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
