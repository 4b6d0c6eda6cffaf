import BinderBuffer
import Testing

/// Every sequence of a few operations on a region of a few units, from several beginnings.
struct ExhaustiveRangeTests {
  /// What the region holds before the sequence.
  enum Beginning: CaseIterable {
    case empty
    /// Ten buffers of one unit each: full, and past the Rust driver's array.
    case full
    /// The same with every other one freed.
    case combed
    /// Eight buffers: one more makes the Rust driver leave its array.
    case eight

    func apply(_ both: inout RangeComparison) throws {
      switch self {
      case .empty: break
      case .full, .combed:
        for i in 0..<10 { try both.reserve(8, oneway: i % 3 == 0) }
        // Where oneway buffers are charged a header, not all ten of them fit.
        if self == .combed { for i in 0..<both.live.count / 2 { try both.free(at: i) } }
      case .eight:
        for _ in 0..<8 { try both.reserve(8) }
      }
    }
  }

  enum Step {
    case reserve(Int, oneway: Bool)
    case free(Int)
  }

  private static let isLong = RangeRecordingTests.environment("BINDERBUFFER_LONG") != nil

  @Test(
    arguments: isLong ? PlacementPolicy.allCases : PlacementPolicy.newest, Beginning.allCases)
  func everySequence(policy: PlacementPolicy, beginning: Beginning) throws {
    var sequences = 0
    // Older kernels' sets place as the newest do; they differ in what oneway buffers are charged.
    let depth = !Self.isLong ? 3 : PlacementPolicy.newest.contains(policy) ? 5 : 4
    try extend([], policy, beginning, depth: depth, &sequences)
    #expect(sequences > 100)
  }

  /// Runs a sequence from the start and then every continuation of it.
  private func extend(
    _ steps: [Step], _ policy: PlacementPolicy, _ beginning: Beginning, depth: Int,
    _ sequences: inout Int
  ) throws {
    let live = try run(steps, policy, beginning)
    sequences += 1
    guard depth > 0 else { return }
    var next: [Step] = [
      .reserve(8, oneway: false), .reserve(16, oneway: false), .reserve(24, oneway: false),
      .reserve(40, oneway: false), .reserve(8, oneway: true), .reserve(24, oneway: true),
    ]
    for index in 0..<min(live, 6) { next.append(.free(index)) }
    for step in next {
      try extend(steps + [step], policy, beginning, depth: depth - 1, &sequences)
    }
  }

  /// Gives how many buffers live at the end.
  private func run(
    _ steps: [Step], _ policy: PlacementPolicy, _ beginning: Beginning
  ) throws -> Int {
    var both = try RangeComparison(length: 80, policy: policy)
    try beginning.apply(&both)
    for step in steps {
      switch step {
      case .reserve(let size, let oneway): try both.reserve(size, oneway: oneway)
      case .free(let index): try both.free(at: index)
      }
    }
    // The invariants' own check looks at every bin: too slow for every sequence.
    try both.check(invariants: steps.count % 3 == 0 && both.operations % 4 == 0)
    return both.live.count
  }
}
