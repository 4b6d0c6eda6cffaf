extension JobFile {
  /// Everything that a job file may say.
  static let keys: [Key] = [
    Key(
      name: "name", syntax: "a name", shownDefault: "job", help: "what reports call it",
      set: {
        $1.name = $0
        return !$0.isEmpty
      }),
    Key(
      name: "sizes", syntax: sizesSyntax, shownDefault: "64-256:1",
      help: "data sizes of requests as a histogram",
      set: { accept(sizes($0)) { $0.sizes = $1 }(&$1) }),
    Key(
      name: "oneway-sizes", syntax: sizesSyntax, shownDefault: "as sizes",
      help: "the same of oneway messages", set: { accept(sizes($0)) { $0.onewaySizes = $1 }(&$1) }),
    Key(
      name: "reply-sizes", syntax: sizesSyntax, shownDefault: "4-64:1", help: "the same of replies",
      set: { accept(sizes($0)) { $0.replySizes = $1 }(&$1) }),
    Key(
      name: "arrivals", syntax: count(1...1_000_000).accepted, shownDefault: "500",
      help: "requests a second over all senders, in simulated time",
      set: { accept(count(1...1_000_000).parse($0)) { $0.arrivals = $1 }(&$1) }),
    Key(
      name: "burst", syntax: count(1...1000).accepted, shownDefault: "1",
      help: "how many requests come together on average, in simulated time",
      set: { accept(count(1...1000).parse($0)) { $0.burst = $1 }(&$1) }),
    Key(
      name: "oneway", syntax: percentSyntax, shownDefault: "30%", help: "share of oneway messages",
      set: { accept(percent($0)) { $0.onewayPercent = $1 }(&$1) }),
    Key(
      name: "hold",
      syntax:
        "one time like 2ms, or three: half, nine tenths and 99 % of buffers are held no longer",
      shownDefault: "250us 2ms 8ms", help: "how long receivers keep a buffer",
      set: { accept(times($0)) { $0.hold = $1 }(&$1) }),
    Key(
      name: "held", syntax: percentSyntax, shownDefault: "12%",
      help: "share of buffers that are kept that long in real time; the others are freed at once",
      set: { accept(percent($0)) { $0.heldPercent = $1 }(&$1) }),
    Key(
      name: "hold-limit", syntax: count(1...65_536).accepted, shownDefault: "16",
      help: "buffers that a receiving thread keeps at most in real time",
      set: { accept(count(1...65_536).parse($0)) { $0.holdLimit = $1 }(&$1) }),
    Key(
      name: "slow", syntax: "yes or no", shownDefault: "no",
      help: "whether a thread that keeps as many as it may waits before it receives the next",
      set: { accept(["yes": true, "no": false][$0]) { $0.isSlow = $1 }(&$1) }),
    Key(
      name: "leak", syntax: percentSyntax, shownDefault: "0%",
      help: "share of requests that are never freed",
      set: { accept(percent($0)) { $0.leakPercent = $1 }(&$1) }),
    Key(
      name: "senders", syntax: count(1...63).accepted, shownDefault: "4",
      help: "processes that send",
      set: { accept(count(1...63).parse($0)) { $0.senders = $1 }(&$1) }),
    Key(
      name: "receivers", syntax: count(0...63).accepted, shownDefault: "0",
      help: "processes that only receive; with 0 the senders send to each other",
      set: { accept(count(0...63).parse($0)) { $0.receivers = $1 }(&$1) }),
    Key(
      name: "threads", syntax: count(2...64).accepted, shownDefault: "4",
      help: "threads in each process, in real time",
      set: { accept(count(2...64).parse($0)) { $0.threads = $1 }(&$1) }),
    Key(
      name: "window", syntax: count(0...65_536).accepted, shownDefault: "8",
      help: "oneway messages that a thread lets wait before it sends another, in real time; 0 for "
        + "no limit",
      set: { accept(count(0...65_536).parse($0)) { $0.window = $1 }(&$1) }),
  ]

  // MARK: Values

  /// Stores a value if it could be parsed.
  private static func accept<Value>(
    _ value: Value?, _ store: @escaping (inout Draft, Value) -> Void
  ) -> (inout Draft) -> Bool {
    { draft in
      guard let value else { return false }
      store(&draft, value)
      return true
    }
  }

  private static func count(_ range: ClosedRange<Int>) -> ValueSyntax<Int> { .count(in: range) }

  private static let percentSyntax = "a share from 0% to 100%"

  private static func percent(_ text: String) -> Int? {
    Quantity.parse(text, units: [("%", 1)]).flatMap { (0...100).contains($0) ? $0 : nil }
  }

  private static let sizesSyntax =
    "sizes like 88:50, 96-244:40, 4K-64K:10@2 (SIZE or SIZE-SIZE, after : how often, after @ how "
    + "many objects)"

  /// `88:50, 4K-64K:10@2`
  private static func sizes(_ text: String) -> [SizeRow]? {
    let entries = text.split(separator: ",", omittingEmptySubsequences: false)
    var rows: [SizeRow] = []
    for entry in entries {
      guard let row = row(entry.filter { !$0.isWhitespace }) else { return nil }
      rows.append(row)
    }
    let weight = rows.reduce(0) { $0 + $1.weight }
    return rows.count <= 256 && (1...1_000_000).contains(weight) ? rows : nil
  }

  private static func row(_ entry: String) -> SizeRow? {
    let parts = entry.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
    let pair = parts[0].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    let bounds = pair[0].split(separator: "-", omittingEmptySubsequences: false)
      .map { ValueSyntax<Int>.size.parse(String($0)) }
    guard let low = bounds[0], let high = bounds.last ?? nil, bounds.count <= 2, low <= high,
      high <= EngineOptions.largestRegion
    else { return nil }
    guard let weight = pair.count == 1 ? 1 : count(0...1_000_000).parse(String(pair[1])) else {
      return nil
    }
    guard let objects = parts.count == 1 ? 0 : count(0...1000).parse(String(parts[1])) else {
      return nil
    }
    return SizeRow(weight, low...high, objects: objects, in: objects > 0 ? weight : 0)
  }

  /// Microseconds.
  private static func times(_ text: String) -> [Int]? {
    let words = text.split { $0.isWhitespace || $0 == "," }.map(String.init)
    let times = words.compactMap { ValueSyntax<Duration>.duration.parse($0) }
      .map { Int(clamping: $0.nanoseconds / 1000) }
    guard times.count == words.count, times.allSatisfy({ $0 <= 3_600_000_000 }) else { return nil }
    switch times.count {
    case 1: return [times[0], times[0], times[0]]
    case 3 where times == times.sorted(): return times
    default: return nil
    }
  }
}
