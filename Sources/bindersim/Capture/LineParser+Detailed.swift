/// The thorough way through a line, for all the forms that recorders and converters give it:
/// `TASK-TID` or, of perf, `TASK TID` or `TASK PID/TID`; `GROUP:EVENT`; no CPU, no flags, no task.
extension LineParser {
  /// Where the parts of a line of any layout are.
  static func detailedPrefix(_ line: Span<UInt8>, _ range: Range<Int>) -> Prefix? {
    var at = range.lowerBound
    while let bracket = index(of: UInt8(ascii: "["), line, from: at), bracket < range.upperBound {
      if let found = prefix(line, range, bracket: bracket) { return found }
      at = bracket + 1
    }
    return prefixWithoutCPU(line, range)
  }

  private static func prefix(
    _ line: Span<UInt8>, _ range: Range<Int>, bracket: Int
  ) -> Prefix? {
    let end = range.upperBound
    // To the right: the CPU, flags if there are any, the time, the event.
    var at = bracket + 1
    guard decimal(line, &at, end) != nil, at < end, line[at] == UInt8(ascii: "]") else {
      return nil
    }
    at += 1
    guard at < end, isBlank(line[at]) else { return nil }
    skipBlanks(line, &at, end)
    var time = timestamp(line, &at, end)
    if time == nil {
      while at < end, !isBlank(line[at]) { at += 1 }
      skipBlanks(line, &at, end)
      time = timestamp(line, &at, end)
    }
    guard let nanoseconds = time, let event = eventName(line, &at, end),
      let thread = thread(line, range.lowerBound, before: bracket)
    else { return nil }
    return Prefix(
      task: thread.task, thread: thread.id, process: thread.process, nanoseconds: nanoseconds,
      event: event, fields: at..<end)
  }

  /// A line without the CPU's column. Only Binder's events are looked for: what else a file holds
  /// may look like a line without that column.
  private static func prefixWithoutCPU(_ line: Span<UInt8>, _ range: Range<Int>) -> Prefix? {
    let end = range.upperBound
    var from = range.lowerBound
    while let colon = index(of: UInt8(ascii: ":"), line, from: from), colon < end {
      from = colon + 1
      guard colon + 1 < end, isBlank(line[colon + 1]) else { continue }
      var start = colon
      while start > range.lowerBound,
        isDigit(line[start - 1]) || line[start - 1] == UInt8(ascii: ".")
      {
        start -= 1
      }
      guard start < colon, start == range.lowerBound || isBlank(line[start - 1]) else { continue }
      var at = start
      guard let nanoseconds = timestamp(line, &at, end), at == colon + 1,
        let event = eventName(line, &at, end), isBinder(line, event)
      else { continue }
      var left = start
      skipBlanksBackward(line, &left, range.lowerBound)
      let thread =
        thread(line, range.lowerBound, before: left)
        ?? flagsStart(line, range.lowerBound, before: left).flatMap {
          self.thread(line, range.lowerBound, before: $0)
        }
      guard let thread else { return nil }
      return Prefix(
        task: thread.task, thread: thread.id, process: thread.process, nanoseconds: nanoseconds,
        event: event, fields: at..<end)
    }
    return nil
  }

  private static func isBinder(_ line: Span<UInt8>, _ event: Range<Int>) -> Bool {
    hasWord(line, event.lowerBound, event.upperBound, "binder_")
      || hasWord(line, event.lowerBound, event.upperBound, "rust_binder_")
  }

  /// Where a word that may be the flags begins.
  private static func flagsStart(_ line: Span<UInt8>, _ start: Int, before end: Int) -> Int? {
    var at = end
    while at > start, !isBlank(line[at - 1]) { at -= 1 }
    return (4...6).contains(end - at) ? at : nil
  }

  /// The event's name at `at`, without the name of its group; `at` is then where its fields begin.
  private static func eventName(_ line: Span<UInt8>, _ at: inout Int, _ end: Int) -> Range<Int>? {
    skipBlanks(line, &at, end)
    // perf may print a period before the name.
    var behind = at
    if decimal(line, &behind, end) != nil, behind < end, isBlank(line[behind]) {
      at = behind
      skipBlanks(line, &at, end)
    }
    guard let name = word(line, at, end) else { return nil }
    at = name.upperBound + 1
    // `binder:binder_transaction: `; but `print:text` is an event with its text.
    if at < end, !isBlank(line[at]), let inner = word(line, at, end),
      inner.upperBound + 1 == end || isBlank(line[inner.upperBound + 1])
    {
      at = inner.upperBound + 1
      return inner
    }
    return name
  }

  /// The word at `from` that a colon follows.
  private static func word(_ line: Span<UInt8>, _ from: Int, _ end: Int) -> Range<Int>? {
    var at = from
    while at < end, isNameByte(line[at]) { at += 1 }
    return at > from && at < end && line[at] == UInt8(ascii: ":") ? from..<at : nil
  }

  /// To the left of `before`: the thread group if there is one, the thread, the task.
  private static func thread(
    _ line: Span<UInt8>, _ start: Int, before: Int
  ) -> (task: Range<Int>, id: Int32, process: ProcessColumn)? {
    var at = before
    skipBlanksBackward(line, &at, start)
    var process = ProcessColumn.absent
    if at > start, line[at - 1] == UInt8(ascii: ")") {
      guard let group = group(line, &at, start) else { return nil }
      process = group
    }
    let threadEnd = at
    while at > start, isDigit(line[at - 1]) { at -= 1 }
    var threadStart = at
    guard let thread = pid(line, &threadStart, threadEnd) else { return nil }
    var taskEnd = at
    if at > start {
      switch line[at - 1] {
      case UInt8(ascii: "-"): taskEnd = at - 1
      case UInt8(ascii: "/"):
        // perf's PID/TID.
        at -= 1
        let end = at
        while at > start, isDigit(line[at - 1]) { at -= 1 }
        var groupStart = at
        guard let group = pid(line, &groupStart, end), at == start || isBlank(line[at - 1])
        else { return nil }
        process = .known(group)
        taskEnd = at
      case 0x20, 0x09: break
      default: return nil
      }
      // perf fills the column behind the task with blanks.
      if line[taskEnd] != UInt8(ascii: "-") { skipBlanksBackward(line, &taskEnd, start) }
    }
    var taskStart = start
    skipBlanks(line, &taskStart, taskEnd)
    return (taskStart..<taskEnd, thread, process)
  }

  /// `(  123)` or `(-----)` that ends at `at`, which then is where it begins.
  private static func group(
    _ line: Span<UInt8>, _ at: inout Int, _ start: Int
  ) -> ProcessColumn? {
    var open = at - 1
    while open > start, isGroupByte(line[open - 1]) { open -= 1 }
    guard open > start, line[open - 1] == UInt8(ascii: "(") else { return nil }
    var inside = open
    skipBlanks(line, &inside, at - 1)
    var process = ProcessColumn.unknown
    if inside >= at - 1 || line[inside] != UInt8(ascii: "-") {
      guard let group = pid(line, &inside, at - 1) else { return nil }
      skipBlanks(line, &inside, at - 1)
      guard inside == at - 1 else { return nil }
      process = .known(group)
    }
    at = open - 1
    skipBlanksBackward(line, &at, start)
    return process
  }
}
