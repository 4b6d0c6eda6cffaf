/// The same workload with the same seed in several settings.
///
/// As JSON it is the `result` of the schema `bindersim.runs`, version 1.
struct RunComparison: Encodable {
  private(set) var runs: [RunReport] = []
  private(set) var recordings: [Recording] = []

  private enum CodingKeys: CodingKey { case runs }

  mutating func add(_ report: RunReport, _ recording: Recording?) {
    runs.append(report)
    if let recording { recordings.append(recording) }
  }

  /// The worst of all.
  var status: ExitStatus { runs.contains { $0.status == .failure } ? .failure : .success }

  static let columns = [
    Table.Column("policy", "where buffers are placed"),
    Table.Column("region", "the length of each process's region"),
    Table.Column("transactions", "requests and replies that were sent"),
    Table.Column("refused", "requests and replies that were not"),
    Table.Column("fullest process", "the process whose buffers took most bytes at once"),
    Table.Column("its bytes", "its peak bytes"),
    Table.Column("its buffers", "its peak buffers"),
    Table.Column("its pages", "its peak pages"),
    Table.Column("frames", "page frames given to pages of all processes, repeats counted"),
    Table.Column("reclaimed", "frames taken back from idle pages for want of memory"),
    Table.Column("spam", "oneway messages whose sender was reported as a spammer"),
    Table.Column("p50", "half of the calls had their reply in this time"),
    Table.Column("p99", "99 of 100 calls had"),
  ]
  private static let leastImportant = [
    "p50", "reclaimed", "its buffers", "spam", "transactions", "p99", "its bytes",
  ]

  private static func row(_ report: RunReport) -> [String] {
    let fullest = report.processes.max { ($0.peakBytes, $1.pid) < ($1.peakBytes, $0.pid) }
    let calls = report.latencies.first { $0.step == .roundTrip }?.histogram
    func figure(_ value: Int?) -> String { value.map(Format.grouped) ?? "-" }
    func time(_ share: Double) -> String {
      calls.map { Format.time(nanoseconds: $0.quantile(share)) } ?? "-"
    }
    return [
      report.configuration.policy, Format.size(report.configuration.regionBytes),
      Format.grouped(report.traffic.transactions), Format.grouped(report.refused),
      fullest.map { "\($0.pid)" } ?? "-", figure(fullest?.peakBytes), figure(fullest?.peakBuffers),
      figure(fullest?.peakPagesInUse),
      Format.grouped(report.processes.reduce(0) { $0 + $1.framesAllocated }),
      Format.grouped(report.processes.reduce(0) { $0 + $1.framesReclaimed }),
      Format.grouped(report.spamReports), time(0.5), time(0.99),
    ]
  }

  func outcome(for terminal: Terminal) -> Outcome {
    let first = runs[0]
    return Outcome(
      text: text(for: terminal),
      json: { () throws(CommandError) in
        try JSONText.encode(self, schema: "bindersim.runs", version: 1)
      },
      page: { page }, recording: recordings.first,
      latencies: first.latencySeries + (recordings.first.map(LatencySeries.lifetimes) ?? []))
  }

  // MARK: Text

  private func text(for terminal: Terminal) -> String {
    let c = runs[0].configuration
    var table = Table(Self.columns, leastImportant: Self.leastImportant)
    for report in runs { table.add(Self.row(report), isAlarming: report.status == .failure) }
    var text =
      terminal.bold("workload \(c.workload), seed \(c.seed), the same in every setting") + "\n"
      + runs[0].machineText()
    if runs.contains(where: \.wasInterrupted) {
      text += "interrupted: what follows was done so far\n"
    }
    text += "\n" + table.text(for: terminal)
    for report in runs where report.configuration.regionBytes == c.regionBytes {
      text += Table.wrapped(
        "\(report.configuration.policy): \(report.configuration.rules.reason)",
        in: terminal.columns, indent: "  ")
    }
    let times = RunReport.refusalTimes(runs, terminal)
    if !times.isEmpty { text += "\n" + times }
    for report in runs {
      text += "\n" + terminal.bold(report.settingName) + "\n" + report.outcomeText(terminal)
    }
    return text
  }

  // MARK: Page

  private var page: ReportPage {
    let c = runs[0].configuration
    let settings = zip(runs, recordings).map {
      ComparedSetting(
        policy: $0.configuration.policy, regionLength: $0.configuration.regionBytes, recording: $1)
    }
    let names = ProcessNames()
    var sections = [
      ReportPage.Section(
        "Settings",
        HTML.table(
          Self.columns.map(\.title), runs.map(Self.row),
          caption: "The same messages in each setting")),
      ReportPage.Section(c.isDeterministic ? "Latency (simulated time)" : "Latency", latency),
    ]
    sections += ComparisonSections(settings: settings, names: names).sections
    if let recording = recordings.first {
      sections.append(
        ReportPage.Section(
          "Buffers that were never freed",
          RecordingSections(recording: recording, names: names).leaks))
    }
    let attempts = runs.map {
      WhatIf.Attempt(
        policy: $0.configuration.policy, regionLength: $0.configuration.regionBytes,
        refused: $0.refused)
    }
    return ReportPage(
      title: "bindersim run: workload \(c.workload), \(runs.count) settings compared",
      subtitle: runs[0].machineText(), tiles: [],
      findings: recordings.first.map {
        Findings(recording: $0, names: names, isCapture: false, whatIf: .tried(attempts)).all
      } ?? [],
      remarks: ["Unless it names another, the summary speaks of \(settings.first?.name ?? "-")."]
        + runs.flatMap { $0.corruptions + $0.leftovers }, sections: sections)
  }

  /// How long calls took, or what else there is, in each setting.
  private var latency: String {
    let step = [Step.roundTrip, .delivery, .send].first { step in
      runs.contains { $0.latencies.contains { $0.step == step } }
    }
    guard let step else { return "" }
    let series = runs.compactMap { report in
      report.latencies.first { $0.step == step }.map {
        LatencySeries(
          name: step.name,
          title: report.settingName,
          histogram: $0.histogram)
      }
    }
    return LatencyPlot.html(series, title: "How long it took: \(step.explanation)")
  }
}
