/// An explanation as text: answers first, in words; then the figures that they rest on.
enum ExplainText {
  private static let width = 96
  private static let mostBuffers = 64

  static func text(_ explanation: Explanation) -> String {
    var text = ""
    for file in explanation.files {
      text +=
        "\(file.path): \(file.kind), \(Format.count(file.lines, "line")), "
        + "\(Format.grouped(file.used)) about Binder\n"
      for note in file.notes { text += "  note: \(note)\n" }
    }
    if let kernel = explanation.kernel { text += "kernel: \(kernel)\n" }
    text += explanation.rules?.text ?? ""
    for answer in explanation.answers {
      text += "\n\(answer.question)\n"
      for line in answer.answer.split(separator: "\n") { text += item(String(line)) }
    }
    if !explanation.isAnswered {
      text +=
        "\nThese files answer nothing about Binder's buffers. What would: a kernel log of the "
        + "refusal, binder_logs/state, a bug report, or a capture with the \(Advice.capture).\n"
    }
    if !explanation.unknown.isEmpty {
      text += "\nWhat is unknown, and what would tell\n"
      for entry in explanation.unknown { text += item("\(entry.what): \(entry.tells)") }
    }
    if !explanation.next.isEmpty {
      text += "\nWhat next\n"
      for step in explanation.next { text += item(step) }
    }
    for region in explanation.regions where region.process.listsBuffers {
      text += "\n" + map(region, explanation)
    }
    return text
  }

  private static func item(_ text: String) -> String {
    HelpText.wrap(text, width: width).enumerated().map { index, line in
      (index == 0 ? "  - " : "    ") + line + "\n"
    }.joined()
  }

  /// Every buffer with its place, and the holes between them.
  private static func map(_ region: ExplainedRegion, _ explanation: Explanation) -> String {
    let name = RegionWords(region: region, label: explanation.label).name
    var table = Table(["place", "bytes", "data:offsets:extra", "transaction", "state"])
    let rows = rows(region)
    for row in rows.prefix(mostBuffers) { table.add(row) }
    var text = "Region of \(name) [\(region.process.source)]\n" + table.text(indent: "  ")
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
