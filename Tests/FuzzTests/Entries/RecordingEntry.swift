@testable import bindersim

/// The bytes are a recording of a driver: it is parsed, written and parsed again, and verified.
func fuzzRecording(_ bytes: [UInt8]) throws {
  guard try roundTrip(bytes) else { return }
  let whole = verify(bytes, chunk: .max)
  try require(verify(bytes, chunk: 5), whole, "the verdict, read in pieces")
  _ = VerifyText.text(whole)
}

private func verify(_ bytes: [UInt8], chunk: Int) -> Verification {
  var verifier = Verifier(RecordingReader(name: "fuzz", bytes: bytes, chunk: chunk))
  return verifier.run()
}

/// What is written of a line is read as the same line.
///
/// - Returns: whether the recording is modest enough to be verified thousands of times a second.
private func roundTrip(_ bytes: [UInt8]) throws -> Bool {
  var reader = RecordingReader(name: "fuzz", bytes: bytes)
  var isModest = true
  while let line = try? reader.next() {
    if case .senders(let count) = line, count > 8 { isModest = false }
    var again = RecordingReader(
      name: "again", bytes: Array(line.text.utf8) + [UInt8(ascii: "\n")])
    do {
      try require(again.next(), line, "written and read")
    } catch let error as RecordingError {
      throw Finding(description: "'\(line.text)' was written and is not read: \(error)")
    }
  }
  return isModest
}
