/// Writes the lines of a recording, the inverse of `RecordingParser`.
extension RecordingLine {
  /// Appends the line and its newline.
  func append(to text: inout [UInt8]) {
    switch self {
    case .comment: text.add("#")
    case .driver(let driver): text.add("driver \(driver.name) \(driver.version)")
    case .region(let length): text.add("region ", length)
    case .senders(let count): text.add("senders ", count)
    case .alloc(let alloc): alloc.append(to: &text)
    case .free(let id, let wasLive):
      text.add("free ", id)
      if !wasLive { text.add(" -> none") }
    case .stat(let stat): stat.append(to: &text)
    case .reclaim(let count):
      text.add("reclaim")
      if let count { text.add(" ", count) }
    case .pages(let runs): Self.append(runs, to: &text)
    }
    text.append(UInt8(ascii: "\n"))
  }

  /// The line without its newline.
  var text: String {
    var text: [UInt8] = []
    append(to: &text)
    return String(decoding: text.dropLast(), as: UTF8.self)
  }

  private static func append(_ runs: [Range<Int>], to text: inout [UInt8]) {
    text.add("pages ")
    if runs.isEmpty { text.add("none") }
    for (index, run) in runs.enumerated() {
      if index > 0 { text.add(",") }
      text.add(run.lowerBound)
      if run.count > 1 { text.add("-", run.upperBound - 1) }
    }
  }
}

extension RecordedAlloc {
  fileprivate func append(to text: inout [UInt8]) {
    text.add("alloc ", id)
    text.add(" from=", sender)
    text.add(" data=", dataSize)
    text.add(" offsets=", offsetsSize)
    text.add(" extra=", extraSize)
    text.add(isOneway ? " async=1 -> " : " async=0 -> ")
    result.append(to: &text)
  }
}

extension RecordedResult {
  func append(to text: inout [UInt8]) {
    switch self {
    case .placed(let offset, let isSpam):
      text.add(offset)
      if isSpam { text.add(" spam") }
    case .failed(let name): text.add(name)
    }
  }
}

extension RecordedStat {
  fileprivate func append(to text: inout [UInt8]) {
    text.add("stat async_free=", freeOnewaySpace)
    text.add(" buffers=", buffers)
    text.add(" active=", pagesInUse)
    text.add(" lru=", pagesAvailable)
    text.add(" unmapped=", pagesFree)
    if let pageHighWatermark { text.add(" high=", pageHighWatermark) }
  }
}

extension [UInt8] {
  fileprivate mutating func add(_ text: String) { append(contentsOf: text.utf8) }

  fileprivate mutating func add(_ text: StaticString, _ number: some BinaryInteger) {
    text.withUTF8Buffer { unsafe append(contentsOf: $0) }
    add(number)
  }

  fileprivate mutating func add(_ number: some BinaryInteger) {
    // INVARIANT: no number of a recording is negative.
    var rest = UInt64(clamping: number)
    let start = count
    repeat {
      append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
      rest /= 10
    } while rest > 0
    self[start...].reverse()
  }
}
