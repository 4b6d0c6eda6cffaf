/// Names a shrinker that is registered with a `PageBudget`.
public struct ShrinkerRegistration: Hashable, Sendable {
  fileprivate let id: UInt64
}

/// The shrinkers of a budget, in the order in which they were registered.
struct ShrinkerTable {
  private var entries: [(id: UInt64, shrink: @Sendable (Int) -> Int)] = []
  private var lastID: UInt64 = 0

  var all: [@Sendable (Int) -> Int] { entries.map(\.shrink) }

  mutating func add(_ shrink: @escaping @Sendable (Int) -> Int) -> ShrinkerRegistration {
    lastID += 1
    entries.append((lastID, shrink))
    return ShrinkerRegistration(id: lastID)
  }

  mutating func remove(_ registration: ShrinkerRegistration) {
    entries.removeAll { $0.id == registration.id }
  }
}
