@testable import bindersim

/// The bytes are a Perfetto trace, as protobuf and as text: read in chunks of several lengths, and
/// once more from the beginning.
func fuzzPackets(_ bytes: [UInt8]) throws {
  for kind in [InputKind.perfetto, .perfettoText] {
    var whole = CaptureReader(Input(bytes: bytes, as: kind))
    let records = try readAll(&whole)
    var pieces = CaptureReader(Input(bytes: bytes, as: kind, chunk: 7))
    try require(try readAll(&pieces), records, "records, read in pieces")
    try require(pieces.summary, whole.summary, "summary, read in pieces")
    try require(pieces.facts, whole.facts, "facts, read in pieces")

    let summary = whole.summary
    try require(
      summary.lines,
      records.count + summary.otherEvents - consoles(records) + summary.unusableLines,
      "every event is counted once")
    try whole.rewind()
    try require(try readAll(&whole), records, "records, read again")
    try require(whole.summary, summary, "summary, read again")
    // What is held for its transaction may come late, by the place that it has in time.
    let places = records.sorted { $0.line < $1.line }
    try require(places.map(\.line), Array(1..<1 + records.count), "each event comes once")
    for (first, second) in zip(places, places.dropFirst()) {
      try require(first.nanoseconds <= second.nanoseconds, "time goes back")
    }
  }
}

private func readAll(_ reader: inout CaptureReader) throws -> [CaptureRecord] {
  var records: [CaptureRecord] = []
  while let record = try reader.next() { records.append(record) }
  return records
}

/// Console lines are records, and count as other events than Binder's.
private func consoles(_ records: [CaptureRecord]) -> Int {
  records.count { $0.event == .console }
}
