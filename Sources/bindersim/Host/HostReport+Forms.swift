internal import BinderBuffer

/// The report of a host in all its forms.
extension HostReport {
  /// - Parameter hasText: whether anybody reads the text.
  func outcome(_ recorder: HostRecorder?, _ recording: Recording?, hasText: Bool) -> Outcome {
    let names = recorder?.names ?? [:]
    let recorded = recording ?? Recording(keepsEvents: false)
    return Outcome(
      text: hasText ? text + recordedText(recorded, ProcessNames(byPID: names)) : "",
      json: { () throws(CommandError) in
        try JSONText.encode(self, schema: "bindersim.host", version: 1)
      },
      page: { page(recorded, ProcessNames(byPID: names)) }, recording: recording, names: names,
      latencies: latencySeries + (recording.map(LatencySeries.lifetimes) ?? []))
  }

  private var latencySeries: [LatencySeries] { traffic?.latencies.map(\.series) ?? [] }

  private var refused: Int { traffic?.refused.reduce(0) { $0 + $1.count } ?? 0 }

  // MARK: for people

  private func recordedText(_ recording: Recording, _ names: ProcessNames) -> String {
    guard let traffic else { return "" }
    var text =
      "calls \(Format.grouped(traffic.sync)), oneway \(Format.grouped(traffic.oneway)), replies "
      + "\(Format.grouped(traffic.replies)); received \(Format.grouped(traffic.received))\n"
    if !traffic.latencies.isEmpty {
      text += "\n" + RunReport.Latency.table(traffic.latencies, title: "latency").text()
    }
    if !regions.isEmpty { text += "\n" + regionTable.text() }
    text += "\n" + failureText(recording, names)
    for group in recording.heldGroups {
      text +=
        "process \(names.label(group.receiver)) never freed \(Format.count(group.buffers, "buffer")) "
        + "of together \(Format.grouped(group.bytes)) B, sent by \(names.label(group.sender))\n"
    }
    return text
  }

  private var regionTable: Table {
    var table = Table(
      [
        "region of", "device", "bytes", "peak buffers", "peak bytes", "peak pages", "frames",
        "least oneway", "spam",
      ], leastImportant: ["frames", "device"])
    for region in regions.prefix(Self.listedRegions) {
      table.add(
        ["\(region.pid) \(region.name)", region.device]
          + [
            region.regionBytes, region.peakBuffers, region.peakBytes, region.peakPages,
            region.framesAllocated, region.lowestFreeOnewaySpace, region.spamReports,
          ].map(Format.grouped))
    }
    return table
  }

  private static let listedRegions = 100

  private func failureText(_ recording: Recording, _ names: ProcessNames) -> String {
    guard let traffic else { return "" }
    var text = traffic.refused.isEmpty ? "refused: none\n" : ""
    for group in recording.failures {
      text += FailureText.title(group, names, recording.clock) + "\n"
      for line in FailureText.explanation(group, names, recording.clock) {
        text += Table.wrapped("  " + line, in: 96, indent: "  ")
      }
    }
    for failure in traffic.failed {
      text += "failed: \(Format.count(failure.count, "message")) with \(failure.kind)\n"
    }
    return text
  }

  // MARK: to look at in a browser

  private func page(_ recording: Recording, _ names: ProcessNames) -> ReportPage {
    let held = recording.stillHeld.count
    let tiles =
      [
        ReportPage.Tile(label: "messages", value: Format.grouped(messages)),
        ReportPage.Tile(label: "sent", value: Format.bytes(bytes)),
        ReportPage.Tile(label: "reads of senders", value: Format.grouped(copies)),
        ReportPage.Tile(label: "refused", value: Format.grouped(refused), isAlarming: refused > 0),
      ] + ReportPage.Tile.all(of: recording) + [
        ReportPage.Tile(label: "never freed", value: Format.grouped(held), isAlarming: held > 0)
      ]
    let latencies =
      LatencyPlot.html(latencySeries, title: "How long steps took")
      + LatencyPlot.html(LatencySeries.lifetimes(recording), title: "How long buffers lived")
    let programTable = HTML.table(
      ["program", "pid", "device", "calls", "messages", "bytes"],
      programs.map {
        [
          $0.name, "\($0.pid)", $0.device, Format.grouped($0.calls), Format.grouped($0.messages),
          Format.bytes($0.bytes),
        ]
      }, caption: "Opens of devices, in the order in which they ended")
    return ReportPage(
      title: "bindersim host: \(Format.count(programs.count + moreOpens, "open"))",
      subtitle: "policy \(policy ?? "unknown"), hosted for "
        + Format.time(nanoseconds: elapsedNanoseconds),
      tiles: tiles,
      findings: Findings(
        recording: recording, names: names, isCapture: false,
        whatIf: .untried(
          "Not tried here: replay what --ftrace writes with another --region or --policy.")
      ).all,
      remarks: rules.map { [$0.reason] } ?? [],
      sections: [
        ReportPage.Section("Programs", programTable), ReportPage.Section("Latency", latencies),
      ] + RecordingSections(recording: recording, names: names).sections)
  }
}
