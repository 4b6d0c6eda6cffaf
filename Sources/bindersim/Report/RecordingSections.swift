internal import BinderBuffer

/// The parts of a report that every recording has.
struct RecordingSections {
  /// The number of processes that get their own plots; the others are only in the table.
  private static let shownTracks = 4
  private static let listedTracks = 16
  private static let shownSenders = 12
  private static let shownLeaks = 12

  let recording: Recording
  let names: ProcessNames

  var sections: [ReportPage.Section] {
    [
      ReportPage.Section("Refusals", refusals),
      ReportPage.Section("Regions", regions),
      ReportPage.Section("Sizes and senders", traffic),
      ReportPage.Section("Buffers that were never freed", leaks),
    ]
  }

  /// How large the messages were, and whose.
  var traffic: String { SizePlot.html(recording.totals) + senders }

  private func name(_ pid: Int32) -> String { names.label(pid) }

  private var refusals: String {
    RefusalTimes.html([("", recording.refusedTimes)], recording.clock.text)
      + FailureText.html(recording.failures, names, recording.clock)
  }

  private var regions: String {
    let (busy, idle) = Self.split(recording.fullestTracks)
    var text = HTML.table(
      [
        "process", "messages", "refused", "peak buffers", "peak bytes", "peak pages",
        "least oneway", "fragmented",
      ],
      busy.prefix(Self.listedTracks).map { track in
        [name(track.process.pid)]
          + [
            Format.grouped(track.sent), Format.grouped(track.failed),
            Format.grouped(track.columns.map(\.buffers.high).max() ?? 0),
            Format.bytes(track.peak.bytesInUse),
            Format.grouped(track.columns.map(\.pagesInUse.high).max() ?? 0),
            Format.bytes(track.columns.map(\.freeOneway.low).min() ?? 0),
            "\(Format.tenths(track.columns.map(\.fragmentation.high).max() ?? 0, of: 10)) %",
          ]
      },
      caption: busy.count > Self.listedTracks
        ? "The \(Self.listedTracks) fullest of \(Format.grouped(busy.count)) regions"
        : "What each process's region was sent, and how full it became")
    text += Self.fold(idle, names)
    for track in busy.prefix(Self.shownTracks) where track.sent + track.failed > 0 {
      text +=
        "<section class=\"process\"><h3>Process \(HTML.escaped(name(track.process.pid)))</h3>\n"
      text += RegionMap(recording: recording, track: track).html
      text += "<div class=\"plots\">"
      text += TimePlot(recording: recording, track: track).plots().joined() + "</div></section>\n"
    }
    if busy.count > Self.shownTracks {
      text += HTML.paragraph(
        "Plots are shown of the \(Self.shownTracks) processes whose regions were fullest.")
    }
    return text
  }

  /// Regions that were put to use, and those that hardly were: never a fiftieth full, and nothing
  /// was refused. The fullest is never idle.
  static func split(_ tracks: [ProcessTrack]) -> (busy: [ProcessTrack], idle: [ProcessTrack]) {
    let isIdle = tracks.map { $0.failed == 0 && $0.peak.bytesInUse * 50 < $0.regionLength }
    let busy = tracks.indices.filter { $0 == 0 || !isIdle[$0] }
    return (
      busy.map { tracks[$0] }, tracks.indices.filter { $0 > 0 && isIdle[$0] }.map { tracks[$0] }
    )
  }

  /// All idle regions in one line.
  static func fold(_ idle: [ProcessTrack], _ names: ProcessNames) -> String {
    guard let first = idle.first else { return "" }
    let shown = idle.prefix(12).map { names.label($0.process.pid) }.joined(separator: ", ")
    return HTML.paragraph(
      "\(Format.count(idle.count, "more region")) hardly used, at most "
        + "\(Format.bytes(first.peak.bytesInUse)): \(shown)"
        + (idle.count > 12 ? " and \(Format.grouped(idle.count - 12)) others." : "."))
  }

  private var senders: String {
    let senders = recording.totals.senders
    guard !senders.isEmpty else { return "" }
    return HTML.table(
      ["sender", "bytes", "requests", "replies", "oneway", "largest", "spam", "refused"],
      senders.prefix(Self.shownSenders).map { sender in
        [
          name(sender.pid), Format.bytes(sender.bytes),
          Format.grouped(sender.sent[MessageKind.request.rawValue]),
          Format.grouped(sender.sent[MessageKind.reply.rawValue]),
          Format.grouped(sender.sent[MessageKind.oneway.rawValue]), Format.bytes(sender.largest),
          Format.grouped(sender.spam), Format.grouped(sender.failed),
        ]
      },
      caption: senders.count > Self.shownSenders
        ? "The \(Self.shownSenders) of \(Format.grouped(senders.count)) senders who sent most bytes"
        : "Senders, by bytes taken in the receivers' regions")
  }

  var leaks: String {
    let held = recording.stillHeld
    guard !held.isEmpty else { return HTML.paragraph("There are none.") }
    return HTML.table(
      ["buffer", "held by", "from", "kind", "code", "offset", "bytes", "sent at"],
      held.prefix(Self.shownLeaks).map { entry in
        let buffer = entry.buffer
        return [
          "\(buffer.number)" + (buffer.origin.map { " (line \($0.line))" } ?? ""),
          name(buffer.receiver), name(buffer.sender), buffer.kind.name,
          "0x" + String(buffer.code, radix: 16), "0x" + String(buffer.offset, radix: 16),
          Format.grouped(buffer.size), recording.clock.text(entry.since),
        ]
      },
      caption: held.count > Self.shownLeaks
        ? "The oldest \(Self.shownLeaks) of \(Format.grouped(held.count))"
        : "Still live at the end, oldest first")
  }
}
