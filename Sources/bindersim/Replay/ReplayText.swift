/// A replay's report as text for a terminal or a file.
enum ReplayText {
  private static let width = 96

  static func text(_ report: ReplayReport) -> String {
    var text = head(report)
    text += "\n"
    for answer in report.answers { text += wrapped("\(answer.question) \(answer.answer)") }
    for entry in report.unknown { text += wrapped("Unknown: \(entry.what); \(entry.tells).") }
    if report.runs.isEmpty {
      text +=
        "\nnothing is simulated: where neither sizes nor frees are known it would be invented\n"
    } else if report.runs.count == 1 {
      text += "\n" + self.text(report.runs[0])
    } else {
      text += "\n" + ReplayComparisonText.text(report.runs)
    }
    if report.wasInterrupted { text += "\ninterrupted: this is what was replayed until then\n" }
    return text
  }

  private static func wrapped(_ text: String) -> String {
    HelpText.wrap(text, width: width).enumerated().map { index, line in
      (index == 0 ? "" : "  ") + line + "\n"
    }.joined()
  }

  private static func head(_ report: ReplayReport) -> String {
    let capture = report.capture
    let things = report.took.contains("Perfetto") ? "events" : "lines"
    var text =
      "\(report.file): taken for \(report.took), \(Format.grouped(capture.lines)) \(things), "
      + "\(Format.time(nanoseconds: capture.nanoseconds)) recorded\n"
    text += report.kernel.map { "kernel: \($0)\n" } ?? ""
    if !report.policyReason.isEmpty { text += wrapped("policy: \(report.policyReason)") }
    let total = report.used + report.unusedCount + report.leftOut + report.refused
    text += "transactions: \(Format.grouped(total)), replayed \(Format.grouped(report.used))"
    if report.leftOut > 0 { text += ", of other processes \(Format.grouped(report.leftOut))" }
    if report.refused > 0 {
      text += ", refused by the driver \(Format.grouped(report.refused))"
    }
    text += ", unused \(Format.grouped(report.unusedCount))\n"
    for reason in report.unused { text += line(reason) }
    if report.used > 0 {
      text += "frees:\n"
      for rule in report.frees { text += "  \(Format.grouped(rule.count)) \(rule.text)\n" }
      text += "  \(Format.grouped(report.neverFreed)) never freed: still live at the end"
      if report.belief == .recorded, report.neverFreed > 0 {
        text +=
          " (\(Format.grouped(report.leaked)) leaked, \(Format.grouped(report.waiting)) waiting)"
      }
      text += "\n"
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

  /// One setting, process by process.
  private static func text(_ run: ReplayRun) -> String {
    var text = "policy \(run.policy), region \(Format.grouped(run.regionLength)) B"
    if let budget = run.budgetPages { text += ", budget \(Format.grouped(budget)) pages" }
    text += "\n"
    guard !run.processes.isEmpty else { return text + "  no process received a buffer\n" }
    var table = Table([
      "process", "buffers", "failed", "peak live", "peak bytes", "peak pages", "mean", "frames",
      "reclaimed", "spam", "fragmented", "still live", "bytes",
    ])
    for process in run.processes {
      table.add([
        process.label, Format.grouped(process.buffers), Format.grouped(process.failed),
        Format.grouped(process.peakBuffers), Format.grouped(process.peakBytes),
        Format.grouped(process.peakPages), Figure.mean(process.meanPages),
        Format.grouped(process.framesAllocated), Format.grouped(process.framesReclaimed),
        Format.grouped(process.spamReports), Figure.share(process.worstFragmentation),
        Format.grouped(process.liveBuffers), Format.grouped(process.liveBytes),
      ])
    }
    text += table.text(indent: "  ")
    for process in run.processes where !process.spamLog.isEmpty {
      text += "  \(process.label): first report of oneway spam\n"
      for line in process.spamLog { text += "    | \(line)\n" }
    }
    for process in run.processes where process.failed > 0 {
      text += "  \(process.label): \(ReplayFailureText.kinds(process.failures))\n"
      if let first = process.firstFailure { text += ReplayFailureText.text(first, in: run) }
    }
    return text
  }
}

/// Figures as the tables show them.
enum Figure {
  static func mean(_ value: Double?) -> String {
    guard let value else { return "-" }
    return Format.tenths(Int((value * 10).rounded()), of: 10)
  }

  /// In percent.
  static func share(_ worst: ReplayFragmentation?) -> String {
    guard let worst else { return "-" }
    return Format.tenths(Int((worst.share * 1000).rounded()), of: 10) + "%"
  }
}

extension ReplayResult {
  /// `990 system_server`, `1537 keystore (hwbinder)`
  var label: String {
    (name.isEmpty ? "\(pid)" : "\(pid) \(name)")
      + (context == .binder ? "" : " (\(context.name))")
  }
}
