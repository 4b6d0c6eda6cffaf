@testable import bindersim

/// The bytes are a job file: what it says is accepted with all its messages within bounds, or
/// refused with a line that tells where.
func fuzzJob(_ bytes: [UInt8]) throws {
  let text = String(decoding: bytes, as: UTF8.self)
  let workload: Workload
  do throws(CommandError) {
    workload = try JobFile.workload(text: text, path: "fuzz.job")
  } catch {
    guard case .usage(let message, let hint) = error else {
      throw Finding(description: "a job file failed otherwise: \(error)")
    }
    try require(message.hasPrefix("fuzz.job:"), "whose message is '\(message)'?")
    return try require(hint != nil, "no hint for '\(message)'")
  }
  try require(
    (2...64).contains(workload.processes) && (2...64).contains(workload.threads),
    "\(workload.processes) processes of \(workload.threads) threads")
  try require(
    (workload.servers ?? 1) < workload.processes, "nobody sends: \(workload.servers ?? 0)")
  for id in UInt32(0)..<32 {
    let message = workload.message(id, seed: 1)
    for shape in [message.request, message.reply] {
      try require(
        (0...workload.largestData).contains(shape.data)
          && (0...workload.largestOffsets).contains(shape.offsets)
          && shape.offsets / 8 * Payload.objectSize <= shape.data,
        "message \(id) has the shape \(shape)")
    }
    // A file may say an hour for 99 %; the longest hold is taken as twice that.
    try require(message.hold <= 7_200_000_000_000, "message \(id) is held \(message.hold) ns")
  }
}
