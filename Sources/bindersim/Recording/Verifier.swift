internal import BinderBuffer

/// Whether the engine answers as the recorded driver did.
struct Verification: Equatable, Sendable {
  enum Verdict: Equatable, Sendable {
    case agrees
    /// Was stopped before the end; nothing differed until then.
    case interrupted
    /// The first difference.
    case differs(line: Int, operation: String, expected: String, got: String)
    case unusable(String)
  }

  var path: String
  /// Transactions, frees and reclaims compared.
  var operations = 0
  /// `stat` and `pages` lines compared.
  var checkpoints = 0
  var verdict = Verdict.agrees

  var agrees: Bool { verdict == .agrees }
}

/// Does a recording's operations to the engine and compares every answer, up to the first that
/// differs.
///
/// Memory is bounded by the live buffers, not by the length of the recording.
struct Verifier: ~Copyable {
  private var reader: RecordingReader
  private var driver: RecordedDriver?
  private var length: Int?
  private var senders: Int?
  private var region: RecordedRegion?
  private var seen = SeenIDs()
  private var result: Verification

  init(_ reader: consuming RecordingReader) {
    result = Verification(path: reader.path)
    self.reader = reader
  }

  /// Reads to the end or the first difference. Every few thousand lines `progress` is told, and
  /// `shouldStop` asked.
  mutating func run(
    progress: (VerifyProgress) -> Void = { _ in }, shouldStop: () -> Bool = { false }
  ) -> Verification {
    do throws(RecordingError) {
      while result.agrees, let line = try reader.next() {
        try take(line)
        guard reader.line & 0xFFF == 0 else { continue }
        progress(
          VerifyProgress(lines: reader.line, bytes: reader.byteCount, ofBytes: reader.fileSize))
        if result.agrees && shouldStop() { result.verdict = .interrupted }
      }
      if result.agrees && region == nil {
        throw reader.line == 0
          ? .line(path: reader.path, line: 1, "the file is empty; a recording begins with 'driver'")
          : fault("the recording ends before its first operation")
      }
    } catch {
      result.verdict = .unusable("\(error)")
    }
    return result
  }

  private mutating func take(_ line: RecordingLine) throws(RecordingError) {
    switch line {
    case .comment: break
    case .driver(let value): driver = try once(driver, value, "driver")
    case .region(let value): length = try once(length, value, "region")
    case .senders(let value):
      guard value > 0, value <= RecordedRegion.mostSenders else {
        throw fault("\(value) senders: must be 1 to \(RecordedRegion.mostSenders)")
      }
      senders = try once(senders, value, "senders")
    case .alloc(let alloc): try take(alloc)
    case .free(let id, let wasLive): try takeFree(id, wasLive: wasLive)
    case .reclaim(let pages):
      try opened().reclaim(pages)
      result.operations += 1
    case .stat(let expected):
      let stat = try opened().stat
      // A driver that keeps no high watermark has none to compare.
      var got = stat
      if expected.pageHighWatermark == nil { got.pageHighWatermark = nil }
      result.checkpoints += 1
      if got != expected { differ("stat", RecordingLine.stat(expected), .stat(got)) }
    case .pages(let expected):
      let got = try opened().pages
      result.checkpoints += 1
      if got != expected { differ("pages", RecordingLine.pages(expected), .pages(got)) }
    }
  }

  private mutating func take(_ alloc: RecordedAlloc) throws(RecordingError) {
    let region = try opened()
    guard let senders, alloc.sender < senders else {
      throw fault("from=\(alloc.sender): senders are numbered 0 to \((senders ?? 1) - 1)")
    }
    guard seen.insert(alloc.id) else { throw fault("ID \(alloc.id) was given out before") }
    result.operations += 1
    do throws(RegionFault) {
      let got = try region.allocate(alloc)
      if got != alloc.result {
        result.verdict = .differs(
          line: reader.line, operation: "alloc \(alloc.id)", expected: alloc.result.text,
          got: got.text)
      }
    } catch {
      fail("alloc \(alloc.id)", error)
    }
  }

  private mutating func takeFree(_ id: UInt64, wasLive: Bool) throws(RecordingError) {
    let region = try opened()
    guard seen.contains(id) else { throw fault("ID \(id) was never given out") }
    guard region.isLive(id) == wasLive else {
      throw fault(
        wasLive
          ? "ID \(id) failed or was freed before; then the line is 'free \(id) -> none'"
          : "ID \(id) is live; '-> none' is for one that failed or was freed before")
    }
    result.operations += 1
    do throws(RegionFault) {
      _ = try region.free(id)
    } catch {
      fail("free \(id)", error)
    }
  }

  /// The region, which the first operation makes from the lines before it.
  private mutating func opened() throws(RecordingError) -> RecordedRegion {
    if let region { return region }
    func missing(_ line: StaticString) -> RecordingError {
      fault("no '\(line)' line before the first operation")
    }
    guard let driver else { throw missing("driver NAME VERSION") }
    guard let length else { throw missing("region BYTES") }
    guard let senders else { throw missing("senders N") }
    let policy: PlacementPolicy
    do throws(RecordingFault) {
      policy = try driver.policy()
    } catch {
      throw fault(error.text)
    }
    do throws(BinderError) {
      let made = try RecordedRegion(
        policy: policy, length: length, senders: senders,
        keepsHighWatermark: driver.keepsHighWatermark)
      region = made
      return made
    } catch {
      throw fault("cannot make the recorded region: \(error)")
    }
  }

  /// A line that may come only once, and before the first operation.
  private func once<T>(
    _ value: T?, _ new: T, _ name: StaticString
  ) throws(RecordingError) -> T {
    guard value == nil else { throw fault("a second '\(name)' line") }
    guard region == nil else { throw fault("'\(name)' must come before the first operation") }
    return new
  }

  private mutating func differ(
    _ operation: String, _ expected: RecordingLine, _ got: RecordingLine
  ) {
    result.verdict = .differs(
      line: reader.line, operation: operation, expected: expected.text, got: got.text)
  }

  private mutating func fail(_ operation: String, _ error: RegionFault) {
    result.verdict = .differs(
      line: reader.line, operation: operation, expected: "the engine to do it", got: error.text)
  }

  private func fault(_ text: String) -> RecordingError {
    .line(path: reader.path, line: reader.line, text)
  }
}

extension RecordedResult {
  var text: String {
    var text: [UInt8] = []
    append(to: &text)
    return String(decoding: text, as: UTF8.self)
  }
}
