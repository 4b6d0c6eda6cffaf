/// The report of a replay.
enum ReplayPage {
  private static let shownTold = 64

  /// - Parameters:
  ///   - recordings: The recordings of the report's runs, in the same order.
  ///   - longer: The same replay in longer regions, if there was a single run and that was tried.
  static func page(
    _ report: ReplayReport, _ recordings: [Recording], longer: ReplayRun? = nil
  ) -> ReportPage {
    let names = ProcessNames(byPID: report.names)
    let first = recordings.first
    return ReportPage(
      title: "bindersim replay: " + (report.file.split(separator: "/").last.map(String.init) ?? ""),
      subtitle: subtitle(report),
      tiles: tiles(report, first),
      findings: findings(report, first, names, longer),
      remarks: remarks(report),
      sections: [ReportPage.Section("Capture and settings", settings(report))]
        + told(report, names)
        + zip(report.runs, recordings).flatMap { run, recording in
          sections(run, recording, names, isOnly: report.runs.count == 1)
        })
  }

  /// What the capture itself tells comes first; of what is simulated only what it allows.
  private static func findings(
    _ report: ReplayReport, _ recording: Recording?, _ names: ProcessNames, _ longer: ReplayRun?
  ) -> [Finding] {
    let told = report.answers.map { Finding(question: $0.question, answer: $0.answer) }
    guard let recording, !report.runs.isEmpty else { return told }
    let simulated = Findings(
      recording: recording, names: names, isCapture: true, whatIf: whatIf(report.runs, longer)
    ).all
    return told
      + simulated.filter {
        $0.question != "Was anything refused?" && $0.question != "Which buffers leak?"
      }
  }

  private static func remarks(_ report: ReplayReport) -> [String] {
    var remarks = report.unknown.map { "Unknown: \($0.what); \($0.tells)." } + report.notes
    if let first = report.runs.first, report.runs.count > 1 {
      remarks.insert("Unless it names another, the summary speaks of \(first.settingText).", at: 0)
    }
    return remarks
  }

  private static func whatIf(_ runs: [ReplayRun], _ longer: ReplayRun?) -> WhatIf {
    .tried(
      (runs + (longer.map { [$0] } ?? [])).map {
        WhatIf.Attempt(policy: $0.policy, regionLength: $0.regionLength, refused: $0.failed)
      })
  }

  private static func subtitle(_ report: ReplayReport) -> String {
    "\(Format.grouped(report.capture.lines)) lines, "
      + "\(Format.time(nanoseconds: report.capture.nanoseconds)) recorded"
      + (report.wasInterrupted ? ", interrupted" : "")
  }

  private static func tiles(_ report: ReplayReport, _ recording: Recording?) -> [ReportPage.Tile] {
    let refused = report.refused + (report.runs.first?.failed ?? 0)
    return [
      ReportPage.Tile(label: "buffers replayed", value: Format.grouped(report.used)),
      ReportPage.Tile(label: "not usable", value: Format.grouped(report.unusedCount)),
      ReportPage.Tile(label: "refused", value: Format.grouped(refused), isAlarming: refused > 0),
    ] + (recording.map(ReportPage.Tile.all) ?? []) + [
      ReportPage.Tile(label: "never freed", value: Format.grouped(report.neverFreed))
    ]
  }

  private static func settings(_ report: ReplayReport) -> String {
    HTML.table(
      ReplayComparisonText.header, report.runs.map(ReplayComparisonText.row),
      caption: "Of all regions together, and the process that fared worst")
      + HTML.list(
        report.frees.map { "\(Format.count($0.count, "buffer")) freed: \($0.text)" }
          + report.unused.map { "\(Format.count($0.count, "transaction")) not used: \($0.text)" })
  }

  /// What the capture's own driver did, with the numbers that find it again in the capture.
  private static func told(_ report: ReplayReport, _ names: ProcessNames) -> [ReportPage.Section] {
    var sections: [ReportPage.Section] = []
    if !report.refusals.isEmpty {
      sections.append(
        ReportPage.Section(
          "What the driver refused",
          HTML.table(
            [
              "transaction", "line", "time", "from", "to", "free", "largest free", "region",
              "held by",
            ],
            report.refusals.prefix(shownTold).map { refusal in
              [
                refusal.transaction.map { "\($0)" } ?? "-", refusal.line.map { "\($0)" } ?? "-",
                refusal.time ?? "-", refusal.sender.map(names.label) ?? "-",
                refusal.receiver.map(names.label) ?? "-",
                refusal.free.map(Format.grouped) ?? "unknown",
                refusal.largestFree.map(Format.grouped) ?? "unknown",
                refusal.regionLength.map(Format.grouped) ?? "unknown",
                RefusalWords(refusal: refusal, label: names.label).holders ?? "unknown",
              ]
            }, caption: "\(Format.count(report.refused, "message")) refused by the driver")))
    }
    if report.belief == .recorded, !report.unreleased.isEmpty {
      sections.append(
        ReportPage.Section(
          "What was never released",
          HTML.table(
            [
              "transaction", "line", "kind", "from", "to", "node", "bytes", "received", "went on",
              "behind it",
            ],
            report.unreleased.prefix(shownTold).map { buffer in
              [
                "\(buffer.transaction)", "\(buffer.line)", buffer.kind, names.label(buffer.sender),
                names.label(buffer.receiver), "\(buffer.node)", Format.grouped(buffer.size),
                buffer.receivedLine.map { "line \($0)" } ?? "waits",
                buffer.wentOnLine.map { "line \($0)" } ?? "-", Format.grouped(buffer.waitingBehind),
              ]
            },
            caption:
              "\(Format.grouped(report.leaked)) leaked, \(Format.grouped(report.waiting)) waiting"))
      )
    }
    return sections
  }

  private static func title(_ run: ReplayRun) -> String {
    "\(run.policy), \(Axis.shortBytes(run.regionLength))"
      + (run.budgetPages.map { ", \(Format.grouped($0)) pages" } ?? "")
  }

  private static func sections(
    _ run: ReplayRun, _ recording: Recording, _ names: ProcessNames, isOnly: Bool
  ) -> [ReportPage.Section] {
    let latencies = LatencyPlot.html(
      LatencySeries.lifetimes(recording), title: "How long buffers lived")
    let sections =
      (latencies.isEmpty ? [] : [ReportPage.Section("Latency", latencies)])
      + RecordingSections(recording: recording, names: names).sections
    guard !isOnly else { return sections }
    return sections.map { ReportPage.Section("\($0.title): \(title(run))", $0.body) }
  }
}

extension ReplayReport {
  /// Names by pid, as far as the capture has them.
  var names: [Int32: String] {
    var names: [Int32: String] = [:]
    for (pid, name) in processNames { names[Int32(truncatingIfNeeded: pid)] = name }
    return names
  }
}
