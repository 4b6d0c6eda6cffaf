/// The report of a replay.
enum ReplayPage {
  /// - Parameter recordings: of the report's runs, in their order.
  static func page(_ report: ReplayReport, _ recordings: [Recording]) -> ReportPage {
    let names = report.names
    let first = recordings.first
    return ReportPage(
      title: "bindersim replay: " + (report.file.split(separator: "/").last.map(String.init) ?? ""),
      subtitle: subtitle(report),
      tiles: tiles(report, first),
      findings: (first.map { Findings(recording: $0, names: names).sentences } ?? [])
        + report.notes,
      sections: [ReportPage.Section("Capture and settings", settings(report))]
        + zip(report.runs, recordings).flatMap { run, recording in
          sections(run, recording, names, isOnly: report.runs.count == 1)
        })
  }

  private static func subtitle(_ report: ReplayReport) -> String {
    "\(Format.grouped(report.capture.lines)) lines, "
      + "\(Format.time(nanoseconds: report.capture.nanoseconds)) recorded"
      + (report.wasInterrupted ? ", interrupted" : "")
  }

  private static func tiles(_ report: ReplayReport, _ recording: Recording?) -> [ReportPage.Tile] {
    let refused = report.runs.first.map(refused) ?? 0
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
      [
        "policy and region", "refused", "peak buffers", "peak bytes", "peak pages", "frames",
        "reclaimed", "spam",
      ],
      report.runs.map { run in
        [title(run)]
          + [
            Format.grouped(refused(run)),
            Format.grouped(run.processes.map(\.peakBuffers).max() ?? 0),
            Format.bytes(run.processes.map(\.peakBytes).max() ?? 0),
            Format.grouped(run.processes.map(\.peakPages).max() ?? 0),
            Format.grouped(run.processes.reduce(0) { $0 + $1.framesAllocated }),
            Format.grouped(run.processes.reduce(0) { $0 + $1.framesReclaimed }),
            Format.grouped(run.processes.reduce(0) { $0 + $1.spamReports }),
          ]
      }, caption: "Peaks are those of the fullest process")
      + HTML.list(
        report.frees.map { "\(Format.grouped($0.count)) buffers freed: \($0.text)" }
          + report.unused.map { "\(Format.grouped($0.count)) transactions not used: \($0.text)" })
  }

  private static func refused(_ run: ReplayRun) -> Int {
    run.processes.reduce(0) { $0 + $1.failed }
  }

  private static func title(_ run: ReplayRun) -> String {
    "\(run.policy), \(Format.bytes(run.regionLength))"
      + (run.budgetPages.map { ", \(Format.grouped($0)) pages" } ?? "")
  }

  private static func sections(
    _ run: ReplayRun, _ recording: Recording, _ names: [Int32: String], isOnly: Bool
  ) -> [ReportPage.Section] {
    let sections =
      [
        ReportPage.Section(
          "Latency",
          LatencyPlot.html(LatencySeries.lifetimes(recording), title: "How long buffers lived"))
      ] + RecordingSections(recording: recording, names: names).sections
    guard !isOnly else { return sections }
    return sections.map { ReportPage.Section("\($0.title): \(title(run))", $0.body) }
  }
}

extension ReplayReport {
  /// By pid, as far as the capture tells.
  var names: [Int32: String] {
    var names: [Int32: String] = [:]
    for process in runs.flatMap(\.processes) where !process.name.isEmpty {
      names[process.pid] = process.name
    }
    return names
  }
}
