/// An explanation as text: answers first, in words; then the figures that they rest on.
enum ExplainText {
  private static let mostColumns = 96
  private static let mostBuffers = 64
  private static let mostGroups = 12

  /// The table of a region's buffers.
  static let bufferColumns = [
    Table.Column("place", "where in the region it lies"),
    Table.Column("bytes", "what it takes of the region"),
    Table.Column("data:offsets:extra", "the sizes of its parts, as they were sent"),
    Table.Column("transaction", "the driver's number"),
    Table.Column("state", "what the driver says of it; free: no buffer lies there"),
  ]

  static func text(_ explanation: Explanation, for terminal: Terminal) -> String {
    let columns = min(mostColumns, terminal.columns)
    func item(_ text: String) -> String {
      Table.wrapped("  - " + text, in: columns, indent: "    ")
    }
    var text = ""
    for file in explanation.files {
      text += Table.wrapped(
        "\(file.path): \(file.kind), \(Format.count(file.lines, "line")), "
          + "\(Format.grouped(file.used)) about Binder", in: columns, indent: "  ")
      for note in file.notes {
        text += Table.wrapped("  note: \(note)", in: columns, indent: "    ")
      }
    }
    if let kernel = explanation.kernel { text += "kernel: \(kernel)\n" }
    text += explanation.rules?.text(for: terminal) ?? ""
    for answer in explanation.answers {
      text += "\n\(answer.question)\n"
      let words = answer.answer.split(separator: "\n").map { item(String($0)) }.joined()
      let isBad = answer.question == "What was refused?" && !explanation.refusals.isEmpty
      text += isBad ? terminal.red(lines: words) : words
    }
    if !explanation.isAnswered {
      text += "\n"
      text += Table.wrapped(
        "These files answer nothing about Binder's buffers. What would: a kernel log of the "
          + "refusal, binder_logs/state, a bug report, or a capture with the \(Advice.capture).",
        in: columns)
    }
    if !explanation.refusedOverTime.isEmpty {
      text += "\nRefusals over time, by the kernel's clock\n"
      text += RefusalTimes.text(
        [("", explanation.refusedOverTime)], indent: "  ", for: terminal, ReplayTime.text)
    }
    text += leaks(explanation, terminal)
    if !explanation.unknown.isEmpty {
      text += "\nWhat is unknown, and what would tell\n"
      for entry in explanation.unknown { text += item("\(entry.what): \(entry.tells)") }
    }
    if !explanation.next.isEmpty {
      text += "\nWhat next\n"
      for step in explanation.next { text += item(step) }
    }
    for region in explanation.regions where region.process.listsBuffers {
      text += "\n" + map(region, explanation, terminal)
    }
    return text
  }

  private static func leaks(_ explanation: Explanation, _ terminal: Terminal) -> String {
    let groups = explanation.captures.filter { $0.belief == .recorded }.flatMap(\.unreleasedGroups)
    guard !groups.isEmpty else { return "" }
    var table = Table(LeakGroup.columns, leastImportant: LeakGroup.leastImportant)
    for group in groups.prefix(mostGroups) {
      table.add(group.cells(explanation.label), isAlarming: group.leaked > 0)
    }
    return "\nNever released, those alike together\n" + table.text(indent: "  ", for: terminal)
  }

  /// Every buffer with its place, and the holes between them.
  private static func map(
    _ region: ExplainedRegion, _ explanation: Explanation, _ terminal: Terminal
  ) -> String {
    let name = RegionWords(region: region, label: explanation.label).name
    var text = "Region of \(name) [\(region.process.source)]\n"
    let groups = region.groups
    if let first = groups.first, first.buffers > 1 {
      var table = Table(DumpGroup.columns)
      for group in groups.prefix(mostGroups) where group.buffers > 1 {
        table.add(group.cells(explanation.label))
      }
      text += table.text(indent: "  ", for: terminal) + "\n"
    }
    var table = Table(bufferColumns, leastImportant: ["data:offsets:extra"])
    let rows = rows(region)
    for row in rows.prefix(mostBuffers) { table.add(row) }
    text += table.text(indent: "  ", for: terminal)
    if rows.count > mostBuffers {
      text += "  … \(Format.grouped(rows.count - mostBuffers)) more; --json and --html have all\n"
    }
    return text
  }

  /// One for each buffer and hole, by place.
  static func rows(_ region: ExplainedRegion) -> [[String]] {
    var rows: [(place: Int, cells: [String])] = []
    for buffer in region.process.buffers {
      let sizes = buffer.dataSize.map { data in
        "\(data):\(buffer.offsetsSize ?? 0):\(buffer.extraSize ?? 0)"
      }
      var state = buffer.state.rawValue
      if let sender = buffer.sender { state += ", from \(sender)" }
      if buffer.isOneway == true { state += ", oneway" }
      rows.append(
        (
          buffer.offset ?? -1,
          [
            region.layout.unplaced > 0
              ? "?" : buffer.offset.map { "0x" + String($0, radix: 16) } ?? "?",
            Format.grouped(buffer.size), sizes ?? "-", buffer.id.map { "\($0)" } ?? "-", state,
          ]
        ))
    }
    for hole in region.layout.holes {
      rows.append(
        (
          hole.offset,
          ["0x" + String(hole.offset, radix: 16), Format.grouped(hole.size), "-", "-", "free"]
        ))
    }
    if let tail = region.layout.tail, tail > 0, region.layout.unplaced == 0 {
      let end = region.layout.end
      rows.append(
        (end, ["0x" + String(end, radix: 16), Format.grouped(tail), "-", "-", "free to the end"]))
    }
    return rows.sorted { $0.place < $1.place }.map(\.cells)
  }
}
