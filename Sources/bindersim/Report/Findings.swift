internal import BinderBuffer

/// A question that people ask, and the answer in a sentence or two.
struct Finding {
  let question: String
  let answer: String
}

/// The answers to the questions that people ask.
struct Findings {
  let recording: Recording
  let names: ProcessNames
  /// Whether the recording comes from a capture, which may end before its buffers are freed.
  let isCapture: Bool
  let whatIf: WhatIf

  var all: [Finding] {
    [
      Finding(question: "Was anything refused?", answer: failures),
      Finding(question: "Who fills the region?", answer: fullest),
      Finding(question: "How fragmented is it?", answer: fragmentation),
      Finding(question: "Would a longer region help?", answer: whatIf.sentence + filling),
      Finding(question: "Who spams oneway?", answer: spam + " " + onewaySpace),
      Finding(question: "Which buffers leak?", answer: leaks),
      Finding(question: "How many pages are needed?", answer: pages),
    ]
  }

  private func name(_ pid: Int32) -> String { names.label(pid) }

  private var failures: String {
    let total = recording.failures.reduce(0) { $0 + $1.count }
    guard let most = recording.failures.max(by: { $0.count < $1.count }) else {
      return "No message was refused."
    }
    let count = total == 1 ? "1 message was" : "\(Format.grouped(total)) messages were"
    return "\(count) refused, most for \(most.kind) in process \(name(most.receiver)). "
      + (FailureText.verdict(most) ?? "")
  }

  private var fullest: String {
    guard let track = recording.fullestTracks.first, track.peak.bytesInUse > 0 else {
      return "Nobody: no region held a buffer."
    }
    let peak = track.peak
    let share = percent(peak.bytesInUse, of: track.regionLength)
    var text = """
      The fullest region was that of process \(name(track.process.pid)): \
      \(Format.bytes(peak.bytesInUse)) of \(Axis.shortBytes(track.regionLength)) (\(share)) in \
      \(Format.count(peak.bufferCount, "buffer")) at \(recording.clock.text(track.peakTime))
      """
    if !track.peakHolders.isEmpty {
      text += ", sent by " + FailureText.words(Array(track.peakHolders.prefix(3)), names)
    }
    return text + "."
  }

  private var fragmentation: String {
    guard
      let track = recording.fullestTracks.max(by: { worst($0) < worst($1) }), worst(track) >= 100
    else { return "Hardly: it stayed below a tenth of the free bytes everywhere." }
    return "Worst in process \(name(track.process.pid)): up to "
      + "\(Format.tenths(worst(track), of: 10)) % of its free bytes lay outside the largest free "
      + "range."
  }

  private func worst(_ track: ProcessTrack) -> Int {
    track.columns.map(\.fragmentation.high).max() ?? 0
  }

  /// In a region that fills up because of leaks, more room only delays the end.
  private var filling: String {
    guard
      let failing = recording.failures.max(by: { $0.count < $1.count }),
      let track = recording.tracks[failing.receiver]
    else { return "" }
    let leaked = recording.stillHeld.filter { $0.buffer.receiver == failing.receiver }
      .reduce(0) { $0 + $1.buffer.size }
    guard leaked * 4 >= track.regionLength else { return "" }
    return " But process \(name(failing.receiver)) held \(Format.bytes(leaked)) at the end that it "
      + "never freed: if it goes on like that, a longer region only fills later."
  }

  private var onewaySpace: String {
    let lowest = recording.fullestTracks.min { least($0) < least($1) }
    guard let lowest, least(lowest) < lowest.regionLength / 4 else {
      return "Free oneway space never fell below half of what there is."
    }
    return "Free oneway space went down to \(Format.bytes(least(lowest))) of "
      + "\(Axis.shortBytes(lowest.regionLength / 2)) in process \(name(lowest.process.pid))."
  }

  private func least(_ track: ProcessTrack) -> Int {
    track.columns.map(\.freeOneway.low).min() ?? track.regionLength / 2
  }

  private var spam: String {
    let spammers = recording.totals.senders.filter { $0.spam > 0 }.sorted { $0.spam > $1.spam }
    guard !spammers.isEmpty else { return "Nobody was reported." }
    return "Oneway spam was reported of "
      + spammers.prefix(5).map { "\(name($0.pid)) (\(Format.count($0.spam, "time")))" }
      .joined(separator: ", ") + (spammers.count > 5 ? ", … ." : ".")
  }

  private var leaks: String {
    let held = recording.stillHeld
    guard !held.isEmpty else { return "None: every buffer was freed." }
    let worst = recording.heldGroups.max {
      ($0.buffers, $1.sender, $1.receiver) < ($1.buffers, $0.sender, $0.receiver)
    }
    var text =
      "\(Format.count(held.count, "buffer")) of together "
      + "\(Format.bytes(held.reduce(0) { $0 + $1.buffer.size })) "
      + Format.was(held.count)
      + (isCapture ? " not freed before the capture ended" : " never freed")
    // If many processes hold a few each, naming one would mislead.
    if let worst, worst.buffers * 4 >= held.count {
      text +=
        ", \(Format.grouped(worst.buffers)) of them by process \(name(worst.receiver)), sent by "
        + name(worst.sender)
    }
    return text + "; the oldest since \(recording.clock.text(held[0].since))."
  }

  private var pages: String {
    let tracks = recording.fullestTracks
    guard let highest = tracks.max(by: { $0.pageHeight < $1.pageHeight }), highest.pageHeight > 0,
      let most = tracks.max(by: { used($0) < used($1) })
    else { return "None." }
    let count = used(most)
    return """
      At most \(Format.count(count, "page")) (\(Format.bytes(count * 4096))) in use at once, in \
      process \(name(most.process.pid)). The highest page that ever had a frame was number \
      \(Format.grouped(highest.pageHeight - 1)) of \(Format.grouped(highest.regionLength / 4096)), \
      in process \(name(highest.process.pid)).
      """
  }

  private func used(_ track: ProcessTrack) -> Int {
    track.columns.map(\.pagesInUse.high).max() ?? 0
  }

  private func percent(_ part: Int, of whole: Int) -> String {
    "\(Format.tenths(part * 100, of: max(1, whole))) %"
  }
}

extension Recording {
  /// Fullest regions first.
  var fullestTracks: [ProcessTrack] {
    tracks.values.sorted {
      ($0.peak.bytesInUse, $1.process.pid) > ($1.peak.bytesInUse, $0.process.pid)
    }
  }
}
