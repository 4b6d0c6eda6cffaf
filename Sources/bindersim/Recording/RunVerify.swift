/// How far a comparison is.
struct VerifyProgress {
  var lines: Int
  var bytes: Int
  /// Of the whole file; nil where that is unknown.
  var ofBytes: Int?
}

struct VerifyOptions: Sendable {
  /// Recordings; `-` is standard input.
  var paths: [String]
}

/// Compares the engine with each recording and writes a line per file, and the first difference
/// below it.
///
/// A request to stop ends it there.
///
/// - Returns: success where all agree to their end; unanswered where one could not be used.
func runVerify<E>(
  _ options: VerifyOptions,
  progress: (_ path: String, _ now: VerifyProgress) -> Void = { _, _ in },
  shouldStop: () -> Bool = { Interrupt.wasRequested }, write: (String) throws(E) -> Void
) throws(E) -> ExitStatus {
  let width = options.paths.map(\.count).max() ?? 0
  var status = options.paths.isEmpty ? ExitStatus.unanswered : .success
  for path in options.paths {
    let verification = verify(
      path: path, progress: { progress(path, $0) }, shouldStop: shouldStop)
    if case .unusable = verification.verdict {
      status = .unanswered
    } else if !verification.agrees, status == .success {
      status = .failure
    }
    try write(VerifyText.text(verification, width: width))
    if verification.verdict == .interrupted { break }
  }
  return status
}

func verify(
  path: String, progress: (VerifyProgress) -> Void = { _ in },
  shouldStop: () -> Bool = { false }
) -> Verification {
  do throws(RecordingError) {
    var verifier = Verifier(try RecordingReader(path: path))
    return verifier.run(progress: progress, shouldStop: shouldStop)
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
    case .interrupted: return figures + "interrupted, agrees so far\n"
    case .differs(let line, let operation, let expected, let got):
      return figures + "differs\n"
        + "  \(path):\(line): \(operation): expected \(expected)\n"
        + "  \(path):\(line): \(operation): got      \(got)\n"
    case .unusable(let why): return figures + "cannot be used\n  \(why)\n"
    }
  }
}
