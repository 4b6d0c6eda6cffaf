/// An explanation as a page: the answers, and pictures of what they rest on.
enum ExplainPage {
  private static let shownRegions = 8
  private static let shownRefusals = 6
  private static let listedRefusals = 64

  static func page(_ explanation: Explanation) -> ReportPage {
    ReportPage(
      title: "bindersim explain: "
        + explanation.files.prefix(3).map { Evidence.label($0.path) }.joined(separator: ", "),
      subtitle: explanation.files.map { "\(Evidence.label($0.path)): \($0.kind)" }
        .joined(separator: "; ") + (explanation.kernel.map { "; kernel \($0)" } ?? "")
        + (explanation.rules.map { "; rules of \($0.reason)" } ?? ""),
      tiles: tiles(explanation),
      findings: explanation.answers.map { Finding(question: $0.question, answer: $0.answer) },
      remarks: explanation.files.flatMap(\.notes),
      sections: [
        section("What next", HTML.list(explanation.next)),
        section(
          "What is unknown, and what would tell",
          HTML.list(explanation.unknown.map { "\($0.what): \($0.tells)" })),
        section("Refusals", refusals(explanation)),
      ].compactMap(\.self)
        + explanation.regions.prefix(shownRegions).map { region in
          let name = RegionWords(region: region, label: explanation.label).name
          return ReportPage.Section("Region of \(name)", self.region(region, explanation))
        })
  }

  private static func section(_ title: String, _ body: String) -> ReportPage.Section? {
    body.isEmpty ? nil : ReportPage.Section(title, body)
  }

  private static func tiles(_ explanation: Explanation) -> [ReportPage.Tile] {
    let refused = explanation.refusals.count + explanation.moreRefusals
    let waiting = explanation.regions.reduce(0) { $0 + $1.process.transactions.count }
    return [
      ReportPage.Tile(label: "refusals", value: Format.grouped(refused), isAlarming: refused > 0),
      ReportPage.Tile(
        label: "regions shown by dumps", value: Format.grouped(explanation.regions.count)),
      ReportPage.Tile(label: "waiting transactions", value: Format.grouped(waiting)),
      ReportPage.Tile(label: "captures", value: Format.grouped(explanation.captures.count)),
    ]
  }

  // MARK: Refusals

  private static func refusals(_ explanation: Explanation) -> String {
    guard !explanation.refusals.isEmpty else { return "" }
    let shown = explanation.refusals.prefix(listedRefusals)
    func number(_ value: Int?) -> String { value.map(Format.grouped) ?? "unknown" }
    return RefusalGroup.groups(explanation.refusals).prefix(shownRefusals).map { group in
      picture(group.first, explanation)
    }.joined()
      + HTML.table(
        [
          "when", "from", "to", "transaction", "bytes", "free", "largest free", "region", "why",
          "told by",
        ],
        shown.map { refusal in
          [
            refusal.time ?? "unknown",
            refusal.sender.map(explanation.label) ?? "unknown",
            refusal.receiver.map(explanation.label) ?? "unknown",
            refusal.transaction.map { "\($0)" } ?? "-", number(refusal.wanted),
            number(refusal.free), number(refusal.largestFree),
            number(refusal.regionLength) + (refusal.isRegionAssumed ? " (assumed)" : ""),
            refusal.cause.rawValue, refusal.sources.joined(separator: ", "),
          ]
        },
        caption: explanation.refusals.count > shown.count
          ? "The first \(shown.count) of \(Format.grouped(explanation.refusals.count)) refusals"
          : "Refusals, as far as the files tell")
  }

  /// What was asked for, against what the region had.
  private static func picture(_ refusal: Refusal, _ explanation: Explanation) -> String {
    guard let wanted = refusal.wanted, let region = refusal.regionLength else { return "" }
    let words = RefusalWords(refusal: refusal, label: explanation.label)
    let end = max(wanted, region, 1)
    var drawing = rectangle("free", 0, 0, region, 1)
    if let allocated = refusal.allocated { drawing += rectangle("inuse", 0, 0, allocated, 1) }
    drawing += rectangle("k2", 0, 2, wanted, 1)
    return PlotFrame(
      title: words.title, description: words.cause, xName: "bytes", yName: "",
      xMarks: Axis.bytes(to: end).marks,
      yMarks: [
        Axis.Mark(place: 5.0 / 6, label: "region"), Axis.Mark(place: 1.0 / 6, label: "message"),
      ],
      viewBox: "0 0 \(Int(Axis.bytes(to: end).end)) 3", drawing: drawing,
      legend: [
        PlotFrame.Key("inuse", "taken"), PlotFrame.Key("free", "free"),
        PlotFrame.Key("k2", "asked for"),
      ], style: "plot"
    ).html
  }

  // MARK: Regions

  private static func region(_ region: ExplainedRegion, _ explanation: Explanation) -> String {
    let words = RegionWords(region: region, label: explanation.label)
    var text = [words.fill, words.holding, words.threads].compactMap(\.self).map(HTML.paragraph)
      .joined()
    if region.process.listsBuffers, region.layout.unplaced == 0, region.layout.end > 0 {
      text += map(region, words)
    }
    let waiting = words.waiting
    if !waiting.isEmpty {
      text += "<h3>Who waits for whom</h3>\n" + HTML.list(waiting.prefix(64).map(words.sentence))
    }
    if region.process.listsBuffers {
      text += HTML.table(
        ["place", "bytes", "data:offsets:extra", "transaction", "state"],
        Array(ExplainText.rows(region).prefix(1024)),
        caption: "Every buffer, and what is free between them")
    }
    return text
  }

  /// The region cut into rows, low addresses at the top left.
  private static func map(_ region: ExplainedRegion, _ words: RegionWords) -> String {
    let rows = 16
    let length = region.layout.regionLength ?? region.layout.end
    // A nearly empty region is shown as far as it is used.
    let extent =
      region.layout.end * 8 < length
      ? (region.layout.end + 4095) & ~4095 : max(length, region.layout.end)
    let row = max(64, (extent / rows + 63) & ~63)
    var drawing = ""
    for buffer in region.process.buffers {
      guard let offset = buffer.offset, offset >= 0, offset < extent else { continue }
      let style = buffer.state == .delivered ? "shared" : "inuse"
      var at = offset
      let end = min(extent, offset + buffer.size)
      while at < end {
        let stop = min(end, (at / row + 1) * row)
        drawing += rectangle(style, at % row, at / row, stop - at, 1)
        at = stop
      }
    }
    return PlotFrame(
      title: extent < length
        ? "The used part of the region, its first \(Format.bytes(extent))" : "The whole region",
      description: words.fill ?? "",
      xName: "bytes within a row; rows follow each other from the top",
      yName: "(offset)", xMarks: Axis.bytes(to: row).marks,
      yMarks: stride(from: 0, to: rows, by: 4).map { index in
        Axis.Mark(
          place: 1 - (Double(index) + 0.5) / Double(rows),
          label: "0x" + String(index * row, radix: 16))
      },
      viewBox: "0 0 \(row) \(rows)", drawing: drawing,
      legend: [
        PlotFrame.Key("shared", "delivered, not freed"),
        PlotFrame.Key("inuse", "active or allocated"),
        PlotFrame.Key("free", "free"),
      ], style: "map"
    ).html
  }

  private static func rectangle(_ style: String, _ x: Int, _ y: Int, _ width: Int, _ height: Int)
    -> String
  {
    "<path class=\"\(style)\" d=\"M\(x) \(y)h\(width)v\(height)h-\(width)z\"/>"
  }
}
