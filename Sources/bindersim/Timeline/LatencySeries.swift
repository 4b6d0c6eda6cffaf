/// The times that one kind of step took, with its name.
struct LatencySeries: Sendable {
  /// The name that `--hgrm-step` takes.
  let name: String
  /// In words.
  let title: String
  let histogram: LatencyHistogram

  /// How long buffers of a kind lived.
  static func lifetimes(_ recording: Recording) -> [LatencySeries] {
    MessageKind.allCases.compactMap { kind in
      let histogram = recording.lifetimes[kind.rawValue]
      guard histogram.count > 0 else { return nil }
      return LatencySeries(
        name: lifetimeName(kind), title: "\(kind.name) buffer, from send to free",
        histogram: histogram)
    }
  }

  private static func lifetimeName(_ kind: MessageKind) -> String { kind.name + "Lifetime" }

  static let allNames = Step.allCases.map(\.name) + MessageKind.allCases.map(lifetimeName)

  /// The most informative steps, best first.
  private static let preferred = ["roundTrip", "delivery", "requestLifetime", "onewayLifetime"]

  static func select(
    _ name: String?, from series: [LatencySeries]
  ) throws(CommandError) -> LatencySeries {
    let wanted = name.map { [$0] } ?? preferred
    for name in wanted {
      if let found = series.first(where: { $0.name == name }) { return found }
    }
    let names = series.map(\.name).joined(separator: ", ")
    throw .failure(
      "there are no latencies of \(wanted[0])"
        + (names.isEmpty ? " or any other step" : "; there are those of \(names)"))
  }
}
