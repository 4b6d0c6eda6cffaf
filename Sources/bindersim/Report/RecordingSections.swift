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
      ReportPage.Section("Failures", FailureText.html(recording.failures, names)),
      ReportPage.Section("Regions", regions),
      ReportPage.Section("Sizes and senders", SizePlot.html(recording.totals) + senders),
      ReportPage.Section("Buffers that were never freed", leaks),
    ]
  }

  private func name(_ pid: Int32) -> String { names.label(pid) }

  private var regions: String {
    let tracks = recording.fullestTracks
    var text = HTML.table(
      [
        "process", "messages", "refused", "peak buffers", "peak bytes", "peak pages",
        "least oneway", "worst fragmentation",
      ],
      tracks.prefix(Self.listedTracks).map { track in
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
      caption: tracks.count > Self.listedTracks
        ? "The \(Self.listedTracks) fullest of \(Format.grouped(tracks.count)) regions"
        : "What each process's region was sent, and how full it became")
    for track in tracks.prefix(Self.shownTracks) where track.sent + track.failed > 0 {
      text +=
        "<section class=\"process\"><h3>Process \(HTML.escaped(name(track.process.pid)))</h3>\n"
      text += RegionMap(recording: recording, track: track).html
      text += "<div class=\"plots\">"
      text += TimePlot(recording: recording, track: track).plots().joined() + "</div></section>\n"
    }
    if tracks.count > Self.shownTracks {
      text += HTML.paragraph(
        "Plots are shown of the \(Self.shownTracks) processes whose regions were fullest.")
    }
    return text
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

  private var leaks: String {
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
          Format.grouped(buffer.size), Format.time(nanoseconds: entry.since),
        ]
      },
      caption: held.count > Self.shownLeaks
        ? "The oldest \(Self.shownLeaks) of \(Format.grouped(held.count))"
        : "Still live at the end, oldest first")
  }
}
