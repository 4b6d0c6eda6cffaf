struct VerifyOptions: Sendable {
  /// Recordings; `-` is standard input.
  var paths: [String]
}

/// Compares the engine with each recording and writes a line per file, and the first difference
/// below it.
///
/// - Returns: whether all agree.
func runVerify<E>(
  _ options: VerifyOptions, progress: (_ path: String, _ line: Int) -> Void = { _, _ in },
  write: (String) throws(E) -> Void
) throws(E) -> Bool {
  let width = options.paths.map(\.count).max() ?? 0
  var allAgree = !options.paths.isEmpty
  for path in options.paths {
    let verification = verify(path: path) { progress(path, $0) }
    if !verification.agrees { allAgree = false }
    try write(VerifyText.text(verification, width: width))
  }
  return allAgree
}

func verify(path: String, progress: (Int) -> Void = { _ in }) -> Verification {
  do throws(RecordingError) {
    var verifier = Verifier(try RecordingReader(path: path))
    return verifier.run(progress: progress)
  } catch {
    return Verification(path: path, verdict: .unusable("\(error)"))
  }
}

enum VerifyText {
  /// One line for the file; two more when there is something to tell.
  static func text(_ verification: Verification, width: Int = 0) -> String {
    let path = verification.path
    let padding = String(repeating: " ", count: max(0, width - path.count))
    let figures =
      "\(path):\(padding) \(Format.grouped(verification.operations)) operations, "
      + "\(Format.grouped(verification.checkpoints)) checkpoints: "
    switch verification.verdict {
    case .agrees: return figures + "agrees\n"
    case .differs(let line, let operation, let expected, let got):
      return figures + "differs\n"
        + "  \(path):\(line): \(operation): expected \(expected)\n"
        + "  \(path):\(line): \(operation): got      \(got)\n"
    case .unusable(let why): return figures + "cannot be used\n  \(why)\n"
    }
  }
}
