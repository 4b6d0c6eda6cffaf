internal import Glibc

/// Tells, at a glance, the lines that a survey of a capture must read from the many that it need
/// not: only those that name a thread's process for the first time, releases, and what tells the
/// context of a node. The lines that it passes over are counted.
///
/// What is not written exactly as the kernel writes it must be read.
struct SurveyFilter {
  private static let size = 1 << 12
  /// The threads met last, each with its process, at a place that its number gives.
  private var met = [UInt64](repeating: 0, count: size)
  private(set) var contexts = ContextMap()
  /// Buffers.
  static let mostReadAll = 64
  private var buffersRead = 0
  /// At the beginning, where everything is read.
  var readsAll: Bool { buffersRead < Self.mostReadAll }

  /// What was read of a line that had to be.
  mutating func note(_ record: CaptureRecord) {
    contexts.note(record)
    if case .allocBuf = record.event { buffersRead += 1 }
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
  func mustRead(_ line: Span<UInt8>) -> Bool { passed(line) == nil }

  /// A line that need not be read, by what it is.
  enum Passed { case transaction, allocBuf, received, command, returned, otherBinder, other }

  /// What the line is if it need not be read; nil where it must.
  func passed(_ line: Span<UInt8>) -> Passed? {
    guard let bracket = LineParser.index(of: UInt8(ascii: "["), line, from: 0),
      bracket + 6 < line.count, line[bracket + 4] == UInt8(ascii: "]"),
      LineParser.isBlank(line[bracket + 5]), line[0] != UInt8(ascii: "#")
    else { return nil }
    guard let colon = LineParser.index(of: UInt8(ascii: ":"), line, from: bracket + 6),
      colon + 2 < line.count, line[colon + 1] == 0x20, line[colon + 2] != 0x20
    else { return nil }
    return mustReadThread(line, bracket) ? nil : passedEvent(line, colon + 2)
  }

  private func mustReadThread(_ line: Span<UInt8>, _ bracket: Int) -> Bool {
    var at = bracket
    while at > 0, line[at - 1] == 0x20 { at -= 1 }
    guard at > 0, line[at - 1] == UInt8(ascii: ")") else {
      // Where the thread stands right here, no process is told, except before a slash.
      guard at > 0, LineParser.isDigit(line[at - 1]) else { return true }
      while at > 0, LineParser.isDigit(line[at - 1]) { at -= 1 }
      return at == 0 || line[at - 1] != UInt8(ascii: "-")
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

  private func passedEvent(_ line: Span<UInt8>, _ name: Int) -> Passed? {
    let end = line.count
    func has(_ word: StaticString, at offset: Int) -> Bool {
      LineParser.hasWord(line, name + offset, end, word)
    }
    guard has("binder_", at: 0) else {
      // `rust_binder_…`, `binder:binder_…`, and the kernel's log.
      return has("rust_b", at: 0) || has("binder:", at: 0) || has("console:", at: 0) ? nil : .other
    }
    guard name + 19 < end, has("transaction", at: 7) else { return passedStep(has) }
    if line[name + 18] == UInt8(ascii: "_") { return passedBuffer(line, name + 19) }
    return passedTransaction(line, name)
  }

  private func passedStep(_ has: (StaticString, _ at: Int) -> Bool) -> Passed? {
    if has("set_priority", 7) { return nil }
    if has("command: cmd=", 7) {
      // BC_TRANSACTION_SG and BC_REPLY_SG, in hexadecimal or not.
      return has("0x404863", 20) || has("10784", 20) ? nil : .command
    }
    // BR_FAILED_REPLY and BR_DEAD_REPLY.
    let isRefusal = has("0x7211", 19) || has("0x7205", 19) || has("29", 19)
    return has("return: cmd=", 7) ? isRefusal ? nil : .returned : .otherBinder
  }

  /// `received` or `alloc_buf` at `at`; releases must be read.
  private func passedBuffer(_ line: Span<UInt8>, _ start: Int) -> Passed? {
    let end = line.count
    var at = start
    if LineParser.hasWord(line, at, end, "received: transaction=") {
      at += 22
      guard let id = LineParser.decimal(line, &at, end) else { return nil }
      return contexts.isAwaited(UInt32(truncatingIfNeeded: id)) ? nil : .received
    }
    guard LineParser.hasWord(line, at, end, "alloc_buf: transaction=") else { return nil }
    at += 23
    guard LineParser.decimal(line, &at, end) != nil,
      LineParser.hasWord(line, at, end, " data_size=")
    else { return nil }
    at += 11
    guard LineParser.decimal(line, &at, end) != nil,
      LineParser.hasWord(line, at, end, " offsets_size=")
    else { return nil }
    at += 14
    // Offsets of 4 bytes tell a kernel of 32 bits.
    guard let offsets = LineParser.decimal(line, &at, end), offsets % 8 == 0 else { return nil }
    return .allocBuf
  }

  private func passedTransaction(_ line: Span<UInt8>, _ name: Int) -> Passed? {
    let end = line.count
    guard LineParser.hasWord(line, name + 18, end, ": transaction="), name + 32 < end,
      // The first h among the fields is that of dest_thread; 0 is no thread.
      let h = LineParser.index(of: UInt8(ascii: "h"), line, from: name + 32),
      LineParser.hasWord(line, h - 6, end, "dest_thread="), h + 6 < end
    else { return nil }
    var at = h - 7
    let process = number(line, &at)
    if line[h + 6] == UInt8(ascii: "0") {
      guard h + 7 < end, line[h + 7] == 0x20 else { return nil }
      // ` dest_proc=`, and before it the node.
      at -= 11
      guard at > name + 32, LineParser.hasWord(line, at, end, " dest_proc=") else { return nil }
      let node = Int32(truncatingIfNeeded: number(line, &at))
      return contexts.isOpen(node: node) ? nil : .transaction
    }
    at = h + 6
    while at < end, LineParser.isDigit(line[at]) { at += 1 }
    return isNew(number(line, &at), of: process) ? nil : .transaction
  }
}
