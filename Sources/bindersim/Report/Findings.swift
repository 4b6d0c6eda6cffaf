internal import BinderBuffer

/// The answers to what people ask, each in a sentence or two.
struct Findings {
  let recording: Recording
  let names: [Int32: String]

  var sentences: [String] {
    [failures, fullest, fragmentation, onewaySpace, spam, leaks, pages].flatMap(\.self)
  }

  /// Fullest regions first.
  var tracks: [ProcessTrack] {
    recording.tracks.values.sorted {
      ($0.peak.bytesInUse, $1.process.pid) > ($1.peak.bytesInUse, $0.process.pid)
    }
  }

  private func name(_ pid: Int32) -> String {
    names[pid].map { "\(pid) (\($0))" } ?? "\(pid)"
  }

  private var failures: [String] {
    let total = recording.failures.reduce(0) { $0 + $1.count }
    guard let most = recording.failures.max(by: { $0.count < $1.count }) else {
      return ["No message was refused."]
    }
    return [
      "\(Format.grouped(total)) messages were refused, most for "
        + "\(most.kind) in process \(name(most.receiver)). \(FailureText.verdict(most) ?? "")"
    ]
  }

  private var fullest: [String] {
    guard let track = tracks.first, track.peak.bytesInUse > 0 else { return [] }
    var text =
      "The fullest region was that of process \(name(track.process.pid)): "
      + "\(Format.bytes(track.peak.bytesInUse)) of \(Format.bytes(track.regionLength)) ("
      + percent(track.peak.bytesInUse, of: track.regionLength)
      + ") in \(count(track.peak.bufferCount, "buffer")) at "
      + "\(Format.time(nanoseconds: track.peakTime))"
    if !track.peakHolders.isEmpty {
      text += ", sent by " + FailureText.words(Array(track.peakHolders.prefix(3)))
    }
    return [text + "."]
  }

  private var fragmentation: [String] {
    guard
      let track = tracks.max(by: { worst($0) < worst($1) }), worst(track) >= 100
    else { return ["Fragmentation stayed below a tenth of the free bytes everywhere."] }
    return [
      "Fragmentation was worst in process \(name(track.process.pid)): up to "
        + "\(Format.tenths(worst(track), of: 10)) % of its free bytes lay outside the largest free "
        + "range."
    ]
  }

  private func worst(_ track: ProcessTrack) -> Int {
    track.columns.map(\.fragmentation.high).max() ?? 0
  }

  private var onewaySpace: [String] {
    let lowest = tracks.min { least($0) < least($1) }
    guard let lowest, least(lowest) < lowest.regionLength / 4 else { return [] }
    return [
      "Free oneway space went down to \(Format.bytes(least(lowest))) of "
        + "\(Format.bytes(lowest.regionLength / 2)) in process \(name(lowest.process.pid))."
    ]
  }

  private func least(_ track: ProcessTrack) -> Int {
    track.columns.map(\.freeOneway.low).min() ?? track.regionLength / 2
  }

  private var spam: [String] {
    let spammers = recording.totals.senders.filter { $0.spam > 0 }.sorted { $0.spam > $1.spam }
    guard !spammers.isEmpty else { return [] }
    return [
      "Oneway spam was reported of "
        + spammers.prefix(5).map { "\(name($0.pid)) (\(Format.grouped($0.spam)) times)" }
        .joined(separator: ", ") + "."
    ]
  }

  private var leaks: [String] {
    let held = recording.stillHeld
    guard !held.isEmpty else { return ["Every buffer was freed."] }
    let byPair = Dictionary(grouping: held) { Pair(from: $0.buffer.sender, to: $0.buffer.receiver) }
    let worst = byPair.max {
      ($0.value.count, $1.key.from, $1.key.to) < ($1.value.count, $0.key.from, $0.key.to)
    }
    var text =
      "\(count(held.count, "buffer")) of together "
      + "\(Format.bytes(held.reduce(0) { $0 + $1.buffer.size })) were never freed"
    // Where many processes hold a few each, none is to be named.
    if let worst, worst.value.count * 4 >= held.count {
      text +=
        ", \(Format.grouped(worst.value.count)) of them by process \(name(worst.key.to)), sent by "
        + name(worst.key.from)
    }
    return [text + "; the oldest since \(Format.time(nanoseconds: held[0].since))."]
  }

  private struct Pair: Hashable {
    let from: Int32
    let to: Int32
  }

  private var pages: [String] {
    guard
      let track = tracks.max(by: { $0.pageHeight < $1.pageHeight }), track.pageHeight > 0
    else { return [] }
    let used = tracks.map { $0.columns.map(\.pagesInUse.high).max() ?? 0 }.max() ?? 0
    return [
      "No process had more than \(count(used, "page")) in use at once ("
        + "\(Format.bytes(used * 4096))); the highest page with a frame was number "
        + "\(Format.grouped(track.pageHeight - 1)) of \(Format.grouped(track.regionLength / 4096))."
    ]
  }

  private func count(_ count: Int, _ thing: String) -> String {
    "\(Format.grouped(count)) \(thing)" + (count == 1 ? "" : "s")
  }

  private func percent(_ part: Int, of whole: Int) -> String {
    "\(Format.tenths(part * 100, of: max(1, whole))) %"
  }
}
