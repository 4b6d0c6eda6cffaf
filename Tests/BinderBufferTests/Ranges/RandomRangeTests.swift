import BinderBuffer
import Testing

/// A seedable generator (SplitMix64).
struct Random: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
  mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
}

/// What a random workload asks for.
struct RangeShape: Sendable, CustomTestStringConvertible {
  let name: String
  let length: Int
  /// Live ranges in the steady state; the walk strays by as many.
  let live: Int
  var onewayPercent = 10
  var senders = 3
  let size: @Sendable (inout Random) -> Int
  var testDescription: String { name }

  static let all = [
    RangeShape(name: "small", length: 16384, live: 60) { $0.below(300) },
    RangeShape(name: "mixed", length: 1 << 16, live: 40) {
      [8, 64, 500, 2000, 8192, 9000][$0.below(6)] + $0.below(64)
    },
    RangeShape(name: "bimodal", length: 1 << 18, live: 60) {
      $0.below(10) < 9 ? 128 : 4096 + $0.below(20000)
    },
    RangeShape(name: "long", length: 4 << 20, live: 60) { 8000 + $0.below(60000) },
    RangeShape(name: "fragments", length: 8192, live: 700) { 1 + $0.below(12) },
    RangeShape(name: "few", length: 4096, live: 8) { 64 + $0.below(500) },
    RangeShape(name: "equal", length: 32768, live: 180, onewayPercent: 50) { _ in 128 },
    RangeShape(name: "flood", length: 32768, live: 100, onewayPercent: 95, senders: 2) {
      64 + $0.below(200)
    },
    RangeShape(name: "senders", length: 32768, live: 200, onewayPercent: 80, senders: 90) {
      8 + $0.below(80)
    },
    RangeShape(name: "full", length: 12000, live: 30) { 8 * (1 + $0.below(120)) },
    RangeShape(name: "odd", length: 4096 + 24, live: 9) { 1 + $0.below(700) },
  ]
}

struct RandomRangeTests {
  /// Answers like the naive model over random workloads of every shape, under every policy.
  @Test(arguments: PlacementPolicy.allCases, RangeShape.all)
  func agreesWithModel(policy: PlacementPolicy, shape: RangeShape) throws {
    let isLong = RangeRecordingTests.environment("BINDERBUFFER_LONG") != nil
    for seed in 1...(isLong ? 10 : 1) {
      try run(policy, shape, seed: UInt64(seed), steps: isLong ? 10000 : 900)
    }
  }

  private func run(
    _ policy: PlacementPolicy, _ shape: RangeShape, seed: UInt64, steps: Int
  ) throws {
    var random = Random(seed: seed)
    var both = try RangeComparison(length: shape.length, policy: policy)
    // The number of live ranges drifts towards a goal that changes; 0 empties the region.
    var goal = shape.live
    for step in 0..<steps {
      if step % 150 == 149 {
        goal = [0, shape.live / 4, shape.live, 2 * shape.live][random.below(4)]
      }
      let grows = random.below(100) < (both.live.count < goal ? 70 : 30)
      if grows || both.live.isEmpty {
        try both.reserve(
          shape.size(&random), oneway: random.below(100) < shape.onewayPercent,
          sender: Int32(random.below(shape.senders)) - 1)
      } else {
        // Mostly random, sometimes the newest or the oldest.
        let index =
          switch random.below(8) {
          case 0: 0
          case 1: both.live.count - 1
          default: random.below(both.live.count)
          }
        try both.free(at: index)
      }
      if step % 23 == 0 { try both.check() }
    }
    while !both.live.isEmpty { try both.free(at: random.below(both.live.count)) }
    try both.check()
  }
}
