import BinderBuffer

@testable import bindersim

/// The bytes are an ftrace capture: it is read in chunks of several lengths, planned, and replayed.
func fuzzCapture(_ bytes: [UInt8]) throws {
  let whole = try CaptureReader.readAll(bytes, chunk: .max)
  let pieces = try CaptureReader.readAll(bytes, chunk: 7)
  try require(pieces.records, whole.records, "records, read in pieces")
  try require(pieces.summary, whole.summary, "summary, read in pieces")
  // Sizes that come before their transaction come out behind it.
  let lines = whole.records.map(\.line)
  try require(Set(lines).count, lines.count, "each line comes once")
  try require(lines.allSatisfy { $0 > 0 && $0 <= whole.summary.lines }, "a line beyond the last")

  var reader = CaptureReader(bytes: bytes)
  let survey = try CaptureSurvey(&reader)
  for belief in [FreeBelief.inferred, .recorded, .unknown] {
    for survey in [survey, CaptureSurvey()] { try plan(whole.records, survey, belief) }
  }
  try replayAll(bytes)
}

extension CaptureReader {
  fileprivate static func readAll(
    _ bytes: [UInt8], chunk: Int
  ) throws -> (records: [CaptureRecord], summary: CaptureSummary) {
    var reader = CaptureReader(bytes: bytes, chunk: chunk)
    var records: [CaptureRecord] = []
    while let record = try reader.next() { records.append(record) }
    return (records, reader.summary)
  }
}

/// Every slot is sent to and freed in turn, and what is left over is counted.
private func plan(
  _ records: [CaptureRecord], _ survey: CaptureSurvey, _ belief: FreeBelief
) throws {
  var planner = ReplayPlanner(survey: survey, belief: belief)
  var live: Set<Int> = []
  func take(_ steps: [ReplayStep]) throws {
    for step in steps {
      switch step {
      case .send(let buffer):
        try require(live.insert(buffer.slot).inserted, "slot \(buffer.slot) is sent to twice")
        if let request = buffer.request {
          try require(live.contains(request), "a reply to slot \(request), which is free")
        }
        try require(
          min(buffer.dataSize, buffer.offsetsSize, buffer.extraSize) >= 0, "a negative size")
      case .received(let slot, _, _):
        try require(live.contains(slot), "slot \(slot) is received, which is free")
      case .refused: break
      case .free(let slot, _):
        try require(live.remove(slot) != nil, "slot \(slot) is freed twice")
      }
    }
  }
  for record in records {
    planner.plan(record)
    try take(planner.steps)
  }
  planner.finish()
  try take(planner.steps)
  try require(planner.liveCount, live.count, "live buffers")
  try require(planner.unreleased { _ in true }.count, live.count, "buffers that are told to live")
}

/// The replay's own figures agree with each other.
private func replayAll(_ bytes: [UInt8]) throws {
  var options = ReplayOptions(path: "fuzz")
  options.belief = .inferred
  options.policies = [.rust, .c]
  options.regionLengths = [65536]
  options.budget = 64
  var reader = CaptureReader(bytes: bytes)
  var line = 0
  let report = try replay(&reader, options, line: &line)
  let totals = report.runs.map { run in
    run.processes.reduce(0) { $0 + $1.buffers + $1.failed }
  }
  try require(Set(totals).count <= 1, "the policies were given different buffers: \(totals)")
  _ = ReplayText.text(report)
}
