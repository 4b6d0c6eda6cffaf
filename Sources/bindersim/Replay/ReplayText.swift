/// A replay's report as text for a terminal or a file.
enum ReplayText {
  static func text(_ report: ReplayReport) -> String {
    var text = head(report)
    for run in report.runs { text += "\n" + self.text(run) }
    if report.wasInterrupted { text += "\ninterrupted: this is what was replayed until then\n" }
    return text
  }

  private static func head(_ report: ReplayReport) -> String {
    let capture = report.capture
    var text =
      "\(report.file): \(Format.grouped(capture.lines)) lines, "
      + "\(Format.time(nanoseconds: capture.nanoseconds)) recorded\n"
    let total = report.used + report.unusedCount + report.leftOut
    text += "transactions: \(Format.grouped(total)), replayed \(Format.grouped(report.used))"
    if report.leftOut > 0 { text += ", of other processes \(Format.grouped(report.leftOut))" }
    text += ", unused \(Format.grouped(report.unusedCount))\n"
    for reason in report.unused { text += line(reason) }
    if report.used > 0 {
      text += "frees:\n"
      for rule in report.frees { text += "  \(Format.grouped(rule.count)) \(rule.text)\n" }
      text += "  \(Format.grouped(report.neverFreed)) never freed: still live at the end\n"
    }
    if !capture.unusableLines.isEmpty {
      text += "lines that could not be used:\n"
      for issue in capture.unusableLines { text += line(issue) }
      for example in capture.unusableExamples where example.text.contains(":") {
        text += "    line \(example.line): \(example.text)\n"
      }
    }
    for note in report.notes { text += "note: \(note)\n" }
    return text
  }

  private static func line(_ count: ReplayCount) -> String {
    "  \(Format.grouped(count.count)) \(count.text) (\(count.linesText))\n"
  }

  private static func text(_ run: ReplayRun) -> String {
    var text = "policy \(run.policy), region \(Format.grouped(run.regionLength)) B"
    if let budget = run.budgetPages { text += ", budget \(Format.grouped(budget)) pages" }
    text += "\n"
    guard !run.processes.isEmpty else { return text + "  no process received a buffer\n" }
    var table = Table([
      "process", "buffers", "failed", "peak live", "peak bytes", "peak pages", "frames",
      "reclaimed", "spam", "still live", "bytes",
    ])
    for process in run.processes {
      table.add(
        [process.name.isEmpty ? "\(process.pid)" : "\(process.pid) \(process.name)"]
          + [
            process.buffers, process.failed, process.peakBuffers, process.peakBytes,
            process.peakPages, process.framesAllocated, process.framesReclaimed,
            process.spamReports, process.liveBuffers, process.liveBytes,
          ].map(Format.grouped))
    }
    text += table.text(indent: "  ")
    for process in run.processes where process.failed > 0 { text += failures(of: process) }
    return text
  }

  private static func failures(of process: ReplayResult) -> String {
    let kinds = process.failures.sorted { $0.key < $1.key }
      .map { "\(Format.grouped($0.value)) \($0.key)" }.joined(separator: ", ")
    var text = "  \(process.pid) failures: \(kinds)\n"
    if let first = process.firstFailure {
      text +=
        "    first at line \(first.line): \(first.message) (from \(first.sender), data "
        + "\(Format.grouped(first.dataSize)), offsets \(Format.grouped(first.offsetsSize)), extra "
        + "\(Format.grouped(first.extraSize)))\n"
      let holders = first.holders.map {
        "\($0.pid) \(Format.grouped($0.bytes)) B in \(Format.grouped($0.buffers))"
      }
      if !holders.isEmpty {
        text += "    largest holders by sender: \(holders.joined(separator: "; "))\n"
      }
    }
    return text
  }
}
