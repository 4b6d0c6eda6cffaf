/// The report of a run.
enum RunPage {
  static func page(_ report: RunReport, _ recording: Recording, _ whatIf: WhatIf) -> ReportPage {
    let c = report.configuration
    let names = ProcessNames()
    let latencies =
      LatencyPlot.html(report.latencySeries, title: "How long steps took")
      + LatencyPlot.html(LatencySeries.lifetimes(recording), title: "How long buffers lived")
    return ReportPage(
      title: "bindersim run: workload \(c.workload), policy \(c.policy)",
      subtitle: subtitle(report), tiles: tiles(report, recording),
      findings: Findings(
        recording: recording, names: names, isCapture: false, whatIf: whatIf
      ).all,
      remarks: report.corruptions + report.leftovers,
      sections: [
        ReportPage.Section(
          c.isDeterministic ? "Latency (simulated time)" : "Latency", latencies)
      ] + RecordingSections(recording: recording, names: names).sections)
  }

  private static func subtitle(_ report: RunReport) -> String {
    report.machineText([
      "region \(Axis.shortBytes(report.configuration.regionBytes))",
      "seed \(report.configuration.seed)",
      "\(Format.time(nanoseconds: report.elapsedNanoseconds))"
        + (report.wasInterrupted ? " until it was interrupted" : ""),
    ])
  }

  private static func tiles(_ report: RunReport, _ recording: Recording) -> [ReportPage.Tile] {
    let refused = report.refused
    let held = recording.stillHeld.count
    return [
      ReportPage.Tile(
        label: "transactions", value: Format.grouped(report.traffic.transactions)),
      ReportPage.Tile(
        label: "a second", value: Format.grouped(report.traffic.transactionsPerSecond)),
      ReportPage.Tile(label: "sent", value: Format.bytes(report.traffic.bytes)),
      ReportPage.Tile(label: "refused", value: Format.grouped(refused), isAlarming: refused > 0),
    ] + ReportPage.Tile.all(of: recording) + [
      ReportPage.Tile(label: "never freed", value: Format.grouped(held), isAlarming: held > 0),
      ReportPage.Tile(
        label: "corrupted", value: Format.grouped(report.corruptionCount),
        isAlarming: report.corruptionCount > 0),
    ]
  }
}

extension ReportPage.Tile {
  /// The peaks of all regions.
  static func all(of recording: Recording) -> [ReportPage.Tile] {
    let columns = recording.tracks.values.flatMap(\.columns)
    let spam = recording.totals.senders.reduce(0) { $0 + $1.spam }
    return [
      ReportPage.Tile(
        label: "peak bytes of a region", value: Format.bytes(columns.map(\.bytes.high).max() ?? 0)),
      ReportPage.Tile(
        label: "peak live buffers", value: Format.grouped(columns.map(\.buffers.high).max() ?? 0)),
      ReportPage.Tile(
        label: "peak pages in use", value: Format.grouped(columns.map(\.pagesInUse.high).max() ?? 0)
      ),
      ReportPage.Tile(
        label: "least free oneway space",
        value: Format.bytes(columns.map(\.freeOneway.low).min() ?? 0)),
      ReportPage.Tile(label: "spam reports", value: Format.grouped(spam), isAlarming: spam > 0),
    ]
  }
}

extension RunReport {
  /// Messages that were refused, for whatever reason.
  var refused: Int { failures.reduce(0) { $0 + $1.count } }

  var latencySeries: [LatencySeries] { latencies.map(\.series) }
}
