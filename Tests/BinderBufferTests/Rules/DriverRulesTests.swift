import Testing

@testable import BinderBuffer
@testable import bindersim

/// What differs between drivers, against figures of theirs and against the model.
struct DriverRulesTests {
  private static let isLong = RangeRecordingTests.environment("BINDERBUFFER_LONG") != nil

  /// How many oneway buffers an app's region holds until one is refused: one sender, none freed.
  @Test(arguments: [
    (DriverRules.OnewayHeader.charged96, [(8, 5001), (88, 2827), (128, 2322), (1024, 464)]),
    (.charged104, [(8, 4644), (88, 2709), (128, 2242), (1024, 461)]),
    (.required104, [(128, 4063)]),
    (.none, [(8, 65_024), (88, 5911), (128, 4064), (1024, 508)]),
  ])
  func untilRefused(header: DriverRules.OnewayHeader, counts: [(size: Int, count: Int)]) throws {
    let byHand = PlacementPolicy.newest.map { policy in
      var policy = policy
      policy.rules.onewayHeader = header
      return policy
    }
    for policy in byHand + PlacementPolicy.allCases.filter({ $0.rules.onewayHeader == header }) {
      for (size, count) in counts {
        var ranges = try RangeAllocator<Void>(length: 1_040_384, policy: policy)
        var held = 0
        var heldBytes = 0
        while let taken = try? ranges.reserve(size, oneway: true, sender: 1) {
          held += 1
          heldBytes += taken.size
        }
        #expect(held == count, "\(policy), \(size) bytes")
        #expect(heldBytes == count * size)
        #expect(ranges.freeOnewaySpace < size + 104)
        try ranges.checkInvariants()
      }
    }
  }

  /// The cost comes back with the buffer.
  @Test(arguments: PlacementPolicy.allCases)
  func onewaySpaceComesBack(policy: PlacementPolicy) throws {
    for count in [3, 40] {
      var ranges = try RangeAllocator<Void>(length: 65_536, policy: policy)
      for _ in 0..<count { _ = try ranges.allocate(88, oneway: true, metadata: ()) }
      let charged = [.charged96: 96, .charged104: 104][policy.rules.onewayHeader] ?? 0
      #expect(ranges.freeOnewaySpace == 32_768 - count * (88 + charged))
      for i in 0..<count { _ = try ranges.free(i * 88) }
      #expect(ranges.freeOnewaySpace == 32_768)
    }
  }

  /// A oneway of no bytes takes 8, which some drivers forget.
  @Test(arguments: PlacementPolicy.allCases, DriverRules.EmptyOneway.allCases)
  func emptyOneways(policy: PlacementPolicy, rule: DriverRules.EmptyOneway) throws {
    var policy = policy
    policy.rules.emptyOneway = rule
    for count in [3, 40] {
      var ranges = try RangeAllocator<Void>(length: 65_536, policy: policy)
      for size in [0, 1] {
        for _ in 0..<count { _ = try ranges.allocate(size, oneway: true, metadata: ()) }
        for i in 0..<count { _ = try ranges.free(i * 8) }
        try ranges.checkInvariants()
      }
      #expect(ranges.freeOnewaySpace == 32_768 - (rule == .leaks ? count * 8 : 0))
    }
  }

  /// The same for messages without any byte, which are sent, received and freed.
  @Test(arguments: DriverRules.EmptyOneway.allCases)
  func emptyMessages(rule: DriverRules.EmptyOneway) throws {
    var policy = PlacementPolicy.c515
    policy.rules.emptyOneway = rule
    let world = try World(policy)
    for data in [[], [1]] as [[UInt8]] {
      for _ in 0..<3 {
        try world.send(data)
        try world.server.take().free()
      }
    }
    #expect(world.server.statistics.freeOnewaySpace == 32_768 - (rule == .leaks ? 24 : 0))
    try world.context.checkInvariants()
    // Calls are not accounted.
    try world.send([], oneway: false)
    try world.server.take().free()
    #expect(world.server.statistics.freeOnewaySpace == 32_768 - (rule == .leaks ? 24 : 0))
  }

  /// Against the model until nothing more fits, for every set.
  @Test(arguments: PlacementPolicy.allCases, [8, 88, 128, 1000])
  func everySetUntilRefused(policy: PlacementPolicy, size: Int) throws {
    var both = try RangeComparison(length: 65_536, policy: policy)
    let most = 65_536 / 2 / size
    for _ in 0...most { try both.reserve(size, oneway: true, sender: 1) }
    try both.check()
    #expect(both.live.count <= most)
  }

  /// What is said about one sender's 200 buffers of 64 bytes in a region of 32 KiB, one by one.
  @Test(arguments: [
    ("none", 0, 0), ("log", 0, 26), ("latch", 1, 25), ("rust-before", 26, 0), ("rust-after", 26, 0),
  ])
  func findings(rule: String, reported: Int, logged: Int) throws {
    for var policy in PlacementPolicy.newest {
      try policy.rules.set("spam", to: rule)
      policy.rules.owner = .early
      var ranges = try RangeAllocator<Void>(length: 16_384, policy: policy)
      // From the 103rd on, less than a tenth of the region is left.
      let found = try (0..<128).map { _ in
        try ranges.reserve(64, oneway: true, sender: 7).spam
      }
      #expect(found.count { $0 == .reported } == reported, "\(policy)")
      #expect(found.count { $0 == .logged } == logged, "\(policy)")
    }
  }

  /// The header counts in the quarter of the region that makes a sender suspect.
  @Test func theHeaderCountsAsSpam() throws {
    for (header, expected) in [(DriverRules.OnewayHeader.none, false), (.charged104, true)] {
      var policy = PlacementPolicy.c61
      policy.rules.onewayHeader = header
      var ranges = try RangeAllocator<Void>(length: 16_384, policy: policy)
      // 22 buffers: 1,408 bytes, or 3,696 with their headers; one more is 3,864. A quarter is 4,096.
      for _ in 0..<22 { _ = try ranges.reserve(64, oneway: true, sender: 1) }
      // Another sender takes what leaves less than a tenth.
      let rest = ranges.freeOnewaySpace - 1024
      _ = try ranges.reserve(rest - (header == .none ? 0 : 104), oneway: true, sender: 2)
      for _ in 0..<2 { _ = try ranges.reserve(64, oneway: true, sender: 1) }
      #expect(try ranges.reserve(64, oneway: true, sender: 1).isSpam == expected)
    }
  }

  /// Every set, and every rule by itself, answers as the model does.
  @Test(arguments: RangeShape.all.filter { ["flood", "senders", "few"].contains($0.name) })
  func everyRuleAgreesWithTheModel(shape: RangeShape) throws {
    for search in PlacementPolicy.newest {
      for rule in DriverRules.all {
        for value in rule.values {
          var policy = search
          try policy.rules.set(rule.name, to: value)
          try agree(policy, shape)
          // With owner=late only latch and log tell for whom a buffer counts.
          policy.rules.spam = .latch
          try agree(policy, shape)
        }
      }
    }
  }

  private func agree(_ policy: PlacementPolicy, _ shape: RangeShape) throws {
    var random = Random(seed: 31)
    var both = try RangeComparison(length: shape.length, policy: policy)
    let steps = Self.isLong ? 400 : 150
    for step in 0..<steps {
      let goal = step * 3 / steps % 2 == 0 ? 2 * shape.live : shape.live
      if random.below(100) < (both.live.count < goal ? 75 : 25) || both.live.isEmpty {
        let size = random.below(6) == 0 ? 0 : shape.size(&random)
        try both.reserve(
          size, oneway: random.below(100) < 90, sender: Int32(random.below(shape.senders)))
      } else {
        try both.free(at: random.below(both.live.count))
      }
      if step % 40 == 0 { try both.check() }
    }
  }

  // MARK: names

  @Test func namesRoundTrip() throws {
    for policy in PlacementPolicy.allCases {
      let read = try #require(PlacementPolicy(name: policy.name))
      #expect(read == policy && read.name == policy.name)
    }
    #expect(Set(PlacementPolicy.allCases.map(\.name)).count == PlacementPolicy.allCases.count)
    var byHand = PlacementPolicy.c
    byHand.rules.onewayHeader = .charged104
    try byHand.rules.set("spam", to: "log")
    #expect(byHand.name == "c+oneway-header=104+spam=log")
    #expect(PlacementPolicy(name: byHand.name) == byHand)
    for name in ["", "d", "c+", "c+spam", "c+spam=", "c+spam=log=log", "c+colour=red", "+spam=log"]
    {
      #expect(PlacementPolicy(name: name) == nil, "\(name)")
    }
  }

  @Test func unknownRules() {
    var rules = PlacementPolicy.c.rules
    #expect(throws: RuleError.unknownRule("colour")) { try rules.set("colour", to: "red") }
    #expect(
      throws: RuleError.unknownValue(
        "97", rule: "oneway-header", known: ["0", "96", "104", "hybrid"])
    ) { try rules.set("oneway-header", to: "97") }
    #expect(rules == PlacementPolicy.c.rules)
  }
}
