// A stand-in for Output and Support until they are merged; deleted then.
enum Format {
  static func grouped(_ value: Int) -> String {
    let digits = String(value.magnitude)
    var text = value < 0 ? "-" : ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index).isMultiple(of: 3) { text.append(",") }
      text.append(digit)
    }
    return text
  }
  static func bytes(_ value: Int) -> String { grouped(value) + " B" }
  static func time(nanoseconds value: UInt64) -> String { "\(value) ns" }
}
struct Table {
  private var rows: [[String]]
  init(_ header: [String]) { rows = [header] }
  mutating func add(_ row: [String]) { rows.append(row) }
  func text(indent: String = "") -> String {
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in
      rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
    }
    return rows.map { row in
      var line = indent
      for (column, cell) in row.enumerated() {
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        line += column == 0 ? cell + padding : "  " + padding + cell
      }
      while line.last == " " { line.removeLast() }
      return line + "\n"
    }.joined()
  }
}
enum Interrupt { static var wasRequested: Bool { false } }
enum MonotonicClock {
  static func now() -> UInt64 { 0 }
  static func sleep(nanoseconds: UInt64) {}
}
struct SplitMix64: Sendable {
  private var state: UInt64
  init(seed: UInt64) { state = seed }
  static func mix(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    return Self.mix(state)
  }
  mutating func next(below bound: Int) -> Int {
    Int(next().multipliedFullWidth(by: UInt64(bound)).high)
  }
  mutating func next(in range: ClosedRange<Int>) -> Int {
    range.lowerBound + next(below: range.upperBound - range.lowerBound + 1)
  }
}
