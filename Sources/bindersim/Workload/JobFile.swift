/// A workload of the user's own, read from a small file of `key = value` lines.
///
/// Every key has a default; `#` begins a comment. `bindersim help job` prints the table of keys
/// below.
enum JobFile {
  /// The settings that the lines of a file make up.
  struct Draft {
    var name = "job"
    var sizes = [SizeRow(1, 64...256)]
    var onewaySizes: [SizeRow]?
    var replySizes = [SizeRow(1, 4...64)]
    var arrivals = 500
    var burst = 1
    var onewayPercent = 30
    var hold = [250, 2000, 8000]
    var heldPercent = 12
    var holdLimit = 16
    var isSlow = false
    var leakPercent = 0
    var senders = 4
    var receivers = 0
    var threads = 4
    var window = 8
  }

  struct Key: Sendable {
    let name: String
    let syntax: String
    let shownDefault: String
    let help: String
    /// False when the value is not accepted.
    let set: @Sendable (_ value: String, _ draft: inout Draft) -> Bool
  }

  static func workload(path: String) throws(CommandError) -> Workload {
    let text: String
    do throws(InputError) {
      text = try InputFile.text(of: path)
    } catch {
      throw .failure("\(error)")
    }
    return try workload(text: text, path: path)
  }

  static func workload(text: String, path: String) throws(CommandError) -> Workload {
    var draft = Draft()
    var lineOf: [String: Int] = [:]
    let lines = text.split(omittingEmptySubsequences: false) { $0.isNewline }
    for (index, line) in lines.enumerated() {
      func wrong(_ message: String) -> CommandError {
        .usage("\(path):\(index + 1): \(message)", hint: "See 'bindersim help job'.")
      }
      let content = trimmed(line.prefix { $0 != "#" })
      guard !content.isEmpty else { continue }
      guard let equals = content.firstIndex(of: "=") else {
        throw wrong("'\(content)' is no 'key = value'")
      }
      let name = trimmed(content[..<equals])
      let value = trimmed(content[content.index(after: equals)...])
      guard let key = keys.first(where: { $0.name == name }) else {
        let near = Nearest.match(name, among: keys.map(\.name))
        throw wrong("unknown key '\(name)'" + (near.map { "; did you mean \($0)?" } ?? ""))
      }
      if let earlier = lineOf[name] { throw wrong("\(name): given before, in line \(earlier)") }
      lineOf[name] = index + 1
      guard key.set(value, &draft) else {
        throw wrong("\(name): '\(value)' is not accepted; expected \(key.syntax)")
      }
    }
    guard (2...64).contains(draft.senders + draft.receivers) else {
      throw .usage(
        "\(path): senders, receivers: together at least 2 and at most 64",
        hint: "See 'bindersim help job'.")
    }
    return Workload(draft)
  }

  private static func trimmed(_ text: Substring) -> String {
    let head = text.drop { $0.isWhitespace }
    return String(head.reversed().drop { $0.isWhitespace }.reversed())
  }
}

extension Workload {
  init(_ draft: JobFile.Draft) {
    self.init(
      name: draft.name, summary: "as its file says",
      syncWeight: 100 - draft.onewayPercent, onewayWeight: draft.onewayPercent,
      requests: SizeDistribution(draft.sizes),
      oneways: SizeDistribution(draft.onewaySizes ?? draft.sizes),
      replies: SizeDistribution(draft.replySizes),
      holdTimes: HoldTimes(
        heldPerMille: draft.heldPercent * 10, isStrict: draft.isSlow, limit: draft.holdLimit,
        p50: draft.hold[0], p90: draft.hold[1], p99: draft.hold[2]),
      arrivalsPerSecond: draft.arrivals, onewayWindow: draft.window == 0 ? nil : draft.window,
      burst: draft.burst, leakPerMille: draft.leakPercent * 10,
      servers: draft.receivers == 0 ? nil : draft.receivers,
      processes: draft.senders + draft.receivers, threads: draft.threads)
  }
}
