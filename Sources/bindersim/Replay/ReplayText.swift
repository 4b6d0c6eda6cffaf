/// A replay's report as text for a terminal or a file.
enum ReplayText {
  /// Sentences are no longer than this, even on a wide terminal.
  private static let mostColumns = 96
  private static let shownGroups = 12

  /// The table of processes.
  static let processColumns = [
    Table.Column("process", "whose region it is"),
    Table.Column("buffers", "messages that got a buffer in it"),
    Table.Column("refused", "messages that found no room in it in this setting"),
    Table.Column("peak buffers", "most buffers that lived at once"),
    Table.Column("peak bytes", "most bytes that they took at once"),
    Table.Column("peak pages", "most pages that they touched at once"),
    Table.Column("mean pages", "pages that they touched, weighted by the recorded time"),
    Table.Column("frames", "page frames given to pages, repeats counted"),
    Table.Column("reclaimed", "frames taken back from idle pages for want of memory"),
    Table.Column("spam", "oneway messages whose sender was reported as a spammer"),
    Table.Column(
      "fragmented", "largest part of the free bytes that the largest free range did not cover"),
    Table.Column("live at end", "buffers that lived when the capture ended"),
    Table.Column("bytes at end", "what they took"),
  ]

  static func text(_ report: ReplayReport, for terminal: Terminal) -> String {
    var text = head(report, terminal)
    text += "\n"
    for answer in report.answers {
      let words = wrapped("\(answer.question) \(answer.answer)", terminal)
      let isBad =
        answer.question == "Was anything refused?" && answer.answer.hasPrefix("Yes")
        || answer.question == "Does anything leak?" && report.leaked > 0
      text += isBad ? terminal.red(lines: words) : words
    }
    for entry in report.unknown {
      text += wrapped("Unknown: \(entry.what); \(entry.tells).", terminal)
    }
    text += refusedOverTime(report, terminal) + leaks(report, terminal)
    if report.runs.isEmpty {
      text += "\n"
      text += wrapped(
        "nothing is simulated: where neither sizes nor frees are known it would be invented",
        terminal)
    } else if report.runs.count == 1 {
      text += "\n" + self.text(report.runs[0], terminal)
    } else {
      text += "\n" + ReplayComparisonText.text(report.runs, for: terminal)
    }
    if report.wasInterrupted { text += "\ninterrupted: this is what was replayed until then\n" }
    return text
  }

  static func wrapped(_ text: String, _ terminal: Terminal) -> String {
    Table.wrapped(text, in: min(mostColumns, terminal.columns), indent: "  ")
  }

  /// What the driver refused and what each setting refuses, side by side.
  private static func refusedOverTime(_ report: ReplayReport, _ terminal: Terminal) -> String {
    let series =
      [("by the driver", report.refusedOverTime)]
      + report.runs.map { ("\($0.policy), \(Format.size($0.regionLength))", $0.failedOverTime) }
    let table = RefusalTimes.text(series, indent: "  ", for: terminal, ReplayTime.text)
    guard !table.isEmpty else { return "" }
    let refusing = series.filter { !$0.1.isEmpty }
    return "\nrefused over time"
      + (refusing.count == 1
        ? (refusing[0].0 == "by the driver" ? " by the driver" : " in the setting \(refusing[0].0)")
        : "") + ":\n" + table
  }

  /// What was never released, those that are alike in one row.
  private static func leaks(_ report: ReplayReport, _ terminal: Terminal) -> String {
    guard report.belief == .recorded, !report.unreleasedGroups.isEmpty else { return "" }
    var table = Table(LeakGroup.columns, leastImportant: LeakGroup.leastImportant)
    let label = ProcessNames(byPID: report.names).label
    for group in report.unreleasedGroups.prefix(shownGroups) {
      table.add(group.cells(label), isAlarming: group.leaked > 0)
    }
    return "\nnever released, those alike together:\n" + table.text(indent: "  ", for: terminal)
      + (report.unreleasedGroups.count > shownGroups
        ? "  … \(Format.count(report.unreleasedGroups.count - shownGroups, "more group")); --json and "
          + "--html have more\n" : "")
  }

  private static func head(_ report: ReplayReport, _ terminal: Terminal) -> String {
    let capture = report.capture
    let things = report.took.contains("Perfetto") ? "events" : "lines"
    var text =
      "\(report.file): taken for \(report.took), \(Format.grouped(capture.lines)) \(things), "
      + "\(Format.time(nanoseconds: capture.nanoseconds)) recorded\n"
    text += report.kernel.map { "kernel: \($0)\n" } ?? ""
    if !report.policyReason.isEmpty { text += wrapped("policy: \(report.policyReason)", terminal) }
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
    return text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      // A line of a table or of a list goes on where its text began.
      let indent = String(line.prefix { $0 == " " }) + "  "
      let words = Table.wrapped(
        String(line), in: min(mostColumns, terminal.columns), indent: indent)
      return String(words.dropLast())
    }.joined(separator: "\n")
  }

  private static func line(_ count: ReplayCount) -> String {
    "  \(Format.grouped(count.count)) \(count.text) (\(count.linesText))\n"
  }

  /// One setting, process by process.
  private static func text(_ run: ReplayRun, _ terminal: Terminal) -> String {
    var text = "policy \(run.policy), region \(Format.grouped(run.regionLength)) B"
    if let budget = run.budgetPages { text += ", budget \(Format.grouped(budget)) pages" }
    text += "\n"
    guard !run.processes.isEmpty else { return text + "  no process received a buffer\n" }
    var table = Table(
      processColumns,
      leastImportant: [
        "reclaimed", "mean pages", "bytes at end", "live at end", "frames", "spam", "fragmented",
      ])
    for process in run.processes {
      table.add(
        [
          process.label, Format.grouped(process.buffers), Format.grouped(process.failed),
          Format.grouped(process.peakBuffers), Format.grouped(process.peakBytes),
          Format.grouped(process.peakPages), Figure.mean(process.meanPages),
          Format.grouped(process.framesAllocated), Format.grouped(process.framesReclaimed),
          Format.grouped(process.spamReports), Figure.share(process.worstFragmentation),
          Format.grouped(process.liveBuffers), Format.grouped(process.liveBytes),
        ], isAlarming: process.failed > 0)
    }
    text += table.text(indent: "  ", for: terminal)
    for process in run.processes where !process.spamLog.isEmpty {
      text += "  \(process.label): first report of oneway spam\n"
      for line in process.spamLog { text += "    | \(line)\n" }
    }
    for process in run.processes where process.failed > 0 {
      text += terminal.red(
        lines: "  \(process.label): \(ReplayFailureText.kinds(process.failures))\n")
      if let first = process.firstFailure {
        text += ReplayFailureText.text(first, in: run, terminal)
      }
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
