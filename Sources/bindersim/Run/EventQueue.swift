/// Things to happen at moments of simulated time, soonest first; those of one moment in the order
/// in which they were added. A binary heap.
struct EventQueue<Event> {
  private var heap: [(time: UInt64, order: Int, event: Event)] = []
  private var added = 0

  var count: Int { heap.count }

  /// When the soonest is to happen.
  var nextTime: UInt64? { heap.first?.time }

  mutating func add(_ event: Event, at time: UInt64) {
    heap.append((time, added, event))
    added += 1
    var child = heap.count - 1
    while child > 0, isSooner(child, (child - 1) / 2) {
      heap.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  mutating func next() -> (time: UInt64, event: Event)? {
    guard !heap.isEmpty else { return nil }
    heap.swapAt(0, heap.count - 1)
    let first = heap.removeLast()
    var parent = 0
    while true {
      var soonest = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
        if isSooner(child, soonest) { soonest = child }
      }
      guard soonest != parent else { return (first.time, first.event) }
      heap.swapAt(parent, soonest)
      parent = soonest
    }
  }

  private func isSooner(_ a: Int, _ b: Int) -> Bool {
    (heap[a].time, heap[a].order) < (heap[b].time, heap[b].order)
  }
}
