/// The events themselves, for exports; only the first ones when there are very many.
struct EventLog: Sendable {
  /// About a hundred bytes each.
  static let capacity = 1_000_000

  private(set) var events: [EngineEvent] = []
  /// The number of events that came when the log was full.
  private(set) var leftOut = 0

  mutating func add(_ event: EngineEvent) {
    if events.count < Self.capacity { events.append(event) } else { leftOut += 1 }
  }

  /// Sorted by time; events of the same time in the order in which they were recorded.
  var inOrder: [EngineEvent] {
    events.indices.sorted { (events[$0].time, $0) < (events[$1].time, $1) }.map { events[$0] }
  }
}
