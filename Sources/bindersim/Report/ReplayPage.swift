/// The report of a replay.
enum ReplayPage {
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
      findings: first.map {
        Findings(
          recording: $0, names: names, isCapture: true, whatIf: whatIf(report.runs, longer)
        ).all
      } ?? [],
      remarks: report.notes,
      sections: [ReportPage.Section("Capture and settings", settings(report))]
        + zip(report.runs, recordings).flatMap { run, recording in
          sections(run, recording, names, isOnly: report.runs.count == 1)
        })
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
    let refused = report.runs.first?.failed ?? 0
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
    for process in runs.flatMap(\.processes) where !process.name.isEmpty {
      names[process.pid] = process.name
    }
    return names
  }
}
