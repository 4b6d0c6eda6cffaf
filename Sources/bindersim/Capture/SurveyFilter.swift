internal import Glibc

/// Tells, at a glance, the lines that a survey of a capture must read from the many that it need
/// not: only those that name a thread's process for the first time, and releases.
///
/// What is not written exactly as the kernel writes it must be read.
struct SurveyFilter {
  private static let size = 1 << 12
  /// The threads met last, each with its process, at a place that its number gives.
  private var met = [UInt64](repeating: 0, count: size)

  /// Whether the line must be read; asked only once, it remembers the line's thread.
  mutating func mustRead(_ line: Span<UInt8>) -> Bool {
    guard let bracket = LineParser.index(of: UInt8(ascii: "["), line, from: 0),
      bracket + 6 < line.count, line[bracket + 4] == UInt8(ascii: "]"),
      LineParser.isBlank(line[bracket + 5]), line[0] != UInt8(ascii: "#")
    else { return true }
    guard let colon = LineParser.index(of: UInt8(ascii: ":"), line, from: bracket + 6),
      colon + 2 < line.count, line[colon + 1] == 0x20, line[colon + 2] != 0x20
    else { return true }
    return mustReadThread(line, bracket) || mustReadEvent(line, colon + 2)
  }

  private mutating func mustReadThread(_ line: Span<UInt8>, _ bracket: Int) -> Bool {
    var at = bracket
    while at > 0, line[at - 1] == 0x20 { at -= 1 }
    guard at > 0, line[at - 1] == UInt8(ascii: ")") else { return false }
    at -= 1
    let process = number(line, &at)
    while at > 0, line[at - 1] == 0x20 { at -= 1 }
    guard at > 0, line[at - 1] == UInt8(ascii: "(") else { return false }
    at -= 1
    while at > 0, line[at - 1] == 0x20 { at -= 1 }
    return isNew(number(line, &at), of: process)
  }

  private mutating func isNew(_ thread: UInt64, of process: UInt64) -> Bool {
    let pair = thread << 32 | process
    let place = Int(truncatingIfNeeded: thread) & (Self.size - 1)
    if met[place] == pair { return false }
    met[place] = pair
    return true
  }

  /// The digits that end at `at`, from right to left.
  private func number(_ line: Span<UInt8>, _ at: inout Int) -> UInt64 {
    var value: UInt64 = 0
    var scale: UInt64 = 1
    while at > 0, LineParser.isDigit(line[at - 1]) {
      value &+= scale &* UInt64(line[at - 1] &- 0x30)
      scale &*= 10
      at -= 1
    }
    return value
  }

  private mutating func mustReadEvent(_ line: Span<UInt8>, _ name: Int) -> Bool {
    let end = line.count
    guard LineParser.hasWord(line, name, end, "binder_") else { return false }
    guard LineParser.hasWord(line, name + 7, end, "transaction"), name + 19 < end else {
      return LineParser.hasWord(line, name + 7, end, "set_priority")
    }
    if line[name + 18] == UInt8(ascii: "_") {
      // Neither what is received nor what is allocated tells anything that other lines do not.
      return line[name + 19] != UInt8(ascii: "r") && line[name + 19] != UInt8(ascii: "a")
    }
    // The first h among the fields is that of dest_thread; 0 is no thread.
    guard let h = LineParser.index(of: UInt8(ascii: "h"), line, from: name + 19) else {
      return true
    }
    guard LineParser.hasWord(line, h - 6, end, "dest_thread=") else { return true }
    if line[h + 6] == UInt8(ascii: "0") { return false }
    var at = h - 7
    let process = number(line, &at)
    at = h + 6
    while at < end, LineParser.isDigit(line[at]) { at += 1 }
    return isNew(number(line, &at), of: process)
  }
}
