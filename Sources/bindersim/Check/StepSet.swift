/// Which steps of a run are taken: written as `0-41,137,139`, ascending.
struct StepSet: Equatable, Sendable {
  private(set) var ranges: [ClosedRange<Int>]

  init(_ ranges: [ClosedRange<Int>]) { self.ranges = ranges }

  /// Ascending numbers.
  init(steps: [Int]) {
    ranges = []
    for step in steps {
      if let last = ranges.last, last.upperBound + 1 == step {
        ranges[ranges.count - 1] = last.lowerBound...step
      } else {
        ranges.append(step...step)
      }
    }
  }

  /// Nil unless `text` is such a list.
  init?(_ text: String) {
    ranges = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let ends = part.split(separator: "-", omittingEmptySubsequences: false)
      guard ends.count <= 2, let first = Int(ends[0]), let last = Int(ends[ends.count - 1]),
        first <= last, first > ranges.last?.upperBound ?? -1
      else { return nil }
      ranges.append(first...last)
    }
  }

  var steps: [Int] { ranges.flatMap { $0 } }
  var count: Int { ranges.reduce(0) { $0 + $1.count } }
  /// Above every step.
  var end: Int { (ranges.last?.upperBound ?? -1) + 1 }
}

extension StepSet: CustomStringConvertible {
  var description: String {
    ranges.map {
      $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)"
    }.joined(separator: ",")
  }
}
