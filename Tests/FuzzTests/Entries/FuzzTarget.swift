/// What can be fuzzed: each takes any bytes and must neither stop the program nor throw.
enum FuzzTarget: String, CaseIterable, Sendable {
  case ranges
  case transaction
  case capture
  case packets
  case recording
  case command
  case job
  case evidence
  case archive
  case driver

  /// - Throws: `Finding` when the code under test is wrong.
  func run(_ input: [UInt8]) throws {
    switch self {
    case .ranges: try fuzzRanges(input)
    case .transaction: try fuzzTransactions(input)
    case .capture: try fuzzCapture(input)
    case .packets: try fuzzPackets(input)
    case .recording: try fuzzRecording(input)
    case .command: try fuzzCommandLine(input)
    case .job: try fuzzJob(input)
    case .evidence: try fuzzEvidence(input)
    case .archive: try fuzzArchive(input)
    case .driver: try fuzzDriver(input)
    }
  }
}

/// The code under test did something wrong.
struct Finding: Error, CustomStringConvertible {
  let description: String
}

func require(_ condition: Bool, _ what: @autoclosure () -> String) throws {
  if !condition { throw Finding(description: what()) }
}

/// Both sides as values, so that a finding can show them.
func require<T: Equatable>(_ found: T, _ expected: T, _ what: @autoclosure () -> String) throws {
  if found != expected {
    throw Finding(description: "\(what()): expected \(expected), found \(found)")
  }
}
