/// Which messages other settings would have refused: the answer to "would 2 MiB have helped?".
enum WhatIf {
  /// The same messages under one or more settings; the first is the one that the report shows.
  case tried([Attempt])
  /// Why no other setting was tried.
  case untried(String)

  struct Attempt {
    let policy: String
    /// Bytes of each process's region.
    let regionLength: Int
    let refused: Int
  }

  /// The next longer region worth trying, in bytes; nil when it is already the longest possible.
  static func longer(than region: Int) -> Int? {
    [2 << 20, EngineOptions.largestRegion].first { $0 > region }
  }

  var sentence: String {
    switch self {
    case .untried(let reason): reason
    case .tried(let attempts) where attempts.allSatisfy { $0.refused == 0 }:
      "Not needed: nothing was refused."
    case .tried(let attempts): Self.verdict(attempts) + Self.figures(attempts)
    }
  }

  /// The result of the first setting's policy in its longest region.
  private static func verdict(_ attempts: [Attempt]) -> String {
    let first = attempts[0]
    let longest = attempts.filter { $0.policy == first.policy }
      .max { $0.regionLength < $1.regionLength }
    guard let longest, longest.regionLength > first.regionLength else { return "" }
    if longest.refused == 0 { return first.refused == 0 ? "Not needed. " : "Yes. " }
    return longest.refused < first.refused ? "In part. " : "No. "
  }

  private static func figures(_ attempts: [Attempt]) -> String {
    var policies: [String] = []
    for attempt in attempts where !policies.contains(attempt.policy) {
      policies.append(attempt.policy)
    }
    let parts = policies.map { policy in
      "by \(policy) "
        + attempts.filter { $0.policy == policy }.map {
          "\(Format.grouped($0.refused)) with \(Axis.shortBytes($0.regionLength))"
        }.joined(separator: ", ")
    }
    return "Refused were " + parts.joined(separator: "; ") + "."
  }
}
