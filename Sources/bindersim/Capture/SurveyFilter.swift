internal import Glibc

/// Tells, at a glance, the lines that a survey of a capture must read from the many that it need
/// not: only those that name a thread's process for the first time, and releases.
///
/// What is not written exactly as the kernel writes it must be read.
struct SurveyFilter {
  private static let size = 1 << 12
  /// The threads met last, each with its process, at a place that its number gives.
  private var met = [UInt64](repeating: 0, count: size)

  /// What was read of a line that had to be.
  mutating func note(_ record: CaptureRecord) {
    if case .known(let process) = record.process { note(record.thread, of: process) }
    if case .transaction(let event) = record.event, event.thread > 0 {
      note(event.thread, of: event.process)
    }
  }

  private mutating func note(_ thread: Int32, of process: Int32) {
    guard thread > 0, process > 0 else { return }
    met[Int(thread) & (Self.size - 1)] = UInt64(thread) << 32 | UInt64(process)
  }

  /// Whether the line may tell what no line before it told.
  func mustRead(_ line: Span<UInt8>) -> Bool {
    guard let bracket = LineParser.index(of: UInt8(ascii: "["), line, from: 0),
      bracket + 6 < line.count, line[bracket + 4] == UInt8(ascii: "]"),
      LineParser.isBlank(line[bracket + 5]), line[0] != UInt8(ascii: "#")
    else { return true }
    guard let colon = LineParser.index(of: UInt8(ascii: ":"), line, from: bracket + 6),
      colon + 2 < line.count, line[colon + 1] == 0x20, line[colon + 2] != 0x20
    else { return true }
    return mustReadThread(line, bracket) || mustReadEvent(line, colon + 2)
  }

  private func mustReadThread(_ line: Span<UInt8>, _ bracket: Int) -> Bool {
    var at = bracket
    while at > 0, line[at - 1] == 0x20 { at -= 1 }
    guard at > 0, line[at - 1] == UInt8(ascii: ")") else {
      // Where the thread stands right here, no process is told.
      return at == 0 || !LineParser.isDigit(line[at - 1])
    }
    at -= 1
    let process = number(line, &at)
    while at > 0, line[at - 1] == 0x20 { at -= 1 }
    guard at > 0, line[at - 1] == UInt8(ascii: "(") else {
      return at == 0 || line[at - 1] != UInt8(ascii: "-")
    }
    at -= 1
    while at > 0, line[at - 1] == 0x20 { at -= 1 }
    let thread = number(line, &at)
    return at == 0 || line[at - 1] != UInt8(ascii: "-") || isNew(thread, of: process)
  }

  private func isNew(_ thread: UInt64, of process: UInt64) -> Bool {
    met[Int(truncatingIfNeeded: thread) & (Self.size - 1)] != thread << 32 | process
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

  private func mustReadEvent(_ line: Span<UInt8>, _ name: Int) -> Bool {
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
    guard LineParser.hasWord(line, h - 6, end, "dest_thread="), h + 6 < end else { return true }
    if line[h + 6] == UInt8(ascii: "0") { return h + 7 < end && line[h + 7] != 0x20 }
    var at = h - 7
    let process = number(line, &at)
    at = h + 6
    while at < end, LineParser.isDigit(line[at]) { at += 1 }
    return isNew(number(line, &at), of: process)
  }
}
