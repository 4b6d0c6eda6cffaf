import PageAlloc
import Testing

@testable import BinderBuffer

/// How many bytes a transaction takes, where its parts lie, and which sizes are refused.
@Suite struct SizeRuleTests {
  @Test func partsFollowEachOtherRoundedUpTo8() throws {
    for data in 0...17 {
      for offsets in stride(from: 0, through: 24, by: 8) {
        for extra in stride(from: 0, through: 16, by: 8) {
          for context in 0...9 {
            let layout = try TransactionLayout(
              data: data, offsets: offsets, extra: extra, securityContext: context)
            let ends = [data, offsets, extra, context].map { ($0 + 7) / 8 * 8 }
            #expect(layout.offsetsStart == ends[0])
            #expect(layout.extraStart == ends[0] + ends[1])
            #expect(layout.securityContextStart == ends[0] + ends[1] + ends[2])
            #expect(layout.size == max(8, ends.reduce(0, +)))
          }
        }
      }
    }
  }

  @Test(arguments: [
    [Int.max, 0, 0, 0], [Int.max - 6, 0, 0, 0], [0, Int.max, 0, 0], [0, 0, Int.max, 0],
    [0, 0, 0, Int.max], [Int.max - 7, 8, 0, 0], [1, 0, Int.max - 7, 0],
    [0, 1 << 62, 1 << 62, 0], [1 << 62, 0, 0, 1 << 62], [Int.max / 2, Int.max / 2, 8, 8],
    [-1, 0, 0, 0], [0, -8, 0, 0], [0, 0, -8, 0], [0, 0, 0, -1], [Int.min, 0, 0, 0],
    [8, 0, Int.min, 8],
  ])
  func sizesThatWrapAreInvalid(_ sizes: [Int]) throws {
    let expected = BinderError.invalidArgument(
      .sizes(data: sizes[0], offsets: sizes[1], extra: sizes[2], securityContext: sizes[3]))
    let world = try World()
    let error = failure {
      _ = try world.client.allocate(
        dataSize: sizes[0], offsetsSize: sizes[1], extraSize: sizes[2],
        securityContextSize: sizes[3], oneway: true, for: world.node)
    }
    #expect(error == expected)
    #expect(error?.errno == .invalidArgument)
    try world.expectNothingHeld()
  }

  /// The same through `send`, with slices that claim such lengths: no source byte is touched.
  @Test func aSliceWithoutEndIsRefusedUnread() throws {
    let world = try World()
    let endless = UserSlice(address: 8, length: -1, in: .untrusted)
    for transaction in [
      Transaction(flags: .oneway, data: endless),
      Transaction(flags: .oneway, offsets: endless),
      Transaction(flags: .oneway, securityContext: endless),
      Transaction(flags: .oneway, extraSize: -8),
    ] {
      let error = failure { _ = try world.client.send(transaction, to: world.node) }
      #expect(error?.errno == .invalidArgument)
    }
    // The longest sum that is a number is still more than a region holds.
    let error = failure {
      _ = try world.client.call(Transaction(extraSize: Int.max - 7), to: world.node)
    }
    #expect(error?.kind == .noSpace)
    #expect(world.server.statistics.framesAllocated == 0)
    try world.expectNothingHeld()
  }

  /// The Rust driver looks before it takes the range; the C driver takes it, touches its pages and
  /// gives it back.
  @Test(arguments: PlacementPolicy.allCases)
  func unitsOf8(policy: PlacementPolicy) throws {
    let world = try World(policy)
    var source = [UInt64](repeating: 0, count: 4)
    let readable = source.withUnsafeMutableBytes {
      UserSlice(address: UInt(bitPattern: $0.baseAddress), length: 4, in: .untrusted)
    }
    let client = world.client
    let attempts: [(BinderError, () throws -> Void)] = [
      (
        .invalidArgument(.offsetsSize(4)),
        { _ = try client.send(Transaction(flags: .oneway, offsets: readable), to: world.node) }
      ),
      (
        .invalidArgument(.extraSize(12)),
        { _ = try client.send(Transaction(extraSize: 12), to: world.node) }
      ),
      (
        .invalidArgument(.offsetsSize(4)),
        {
          _ = try client.allocate(dataSize: 100, offsetsSize: 4, oneway: false, for: world.node)
        }
      ),
      (
        .invalidArgument(.extraSize(1)),
        { _ = try client.allocate(dataSize: 100, extraSize: 1, oneway: true, for: world.node) }
      ),
    ]
    for (expected, attempt) in attempts {
      #expect(failure(attempt) == expected)
      let counts = world.server.statistics
      #expect(counts.bufferCount == 0 && counts.pagesInUse == 0)
      #expect(counts.framesAllocated == (policy.search == .c ? 1 : 0))
    }
    #expect(world.server.statistics.failures == FailureCounts([.invalidArgument: attempts.count]))
    try world.expectNothingHeld()
  }

  /// A reply's sizes follow the same rules, in the caller's region.
  @Test(arguments: PlacementPolicy.allCases)
  func unitsOf8InReplies(policy: PlacementPolicy) throws {
    let world = try World(policy)
    let call = try world.send([1], oneway: false).call!
    let delivery = try world.server.take()
    let error = failure {
      try world.server.reply(to: delivery, Transaction(extraSize: 4))
    }
    #expect(error == .invalidArgument(.extraSize(4)))
    #expect(failure { _ = try call.take() } == .failedReply(pid: 1))
    delivery.free()
    #expect(world.client.statistics.framesAllocated == (policy.search == .c ? 1 : 0))
    try world.expectNothingHeld()
  }

  @Test(arguments: PlacementPolicy.newest)
  func regionEdges(policy: PlacementPolicy) throws {
    let length = 64 << 10
    let world = try World(policy, length: length)

    let tooLong = failure {
      _ = try world.client.allocate(dataSize: length + 1, oneway: false, for: world.node)
    }
    #expect(
      tooLong
        == .noSpace(pid: 1, requested: length + 8, free: length, largestFree: length))
    #expect(tooLong?.errno == .noSpace)

    // The whole region: then nothing fits, not even nothing.
    let whole = try world.client.allocate(dataSize: length, oneway: false, for: world.node)
    #expect(whole.offset == 0)
    #expect(whole.size == length)
    let zero = failure { try world.send([], oneway: false) }
    #expect(zero == .noSpace(pid: 1, requested: 8, free: 0, largestFree: 0))
    drop(whole)

    // Half of it is for oneway transactions.
    let half = failure {
      _ = try world.client.allocate(dataSize: length / 2 + 1, oneway: true, for: world.node)
    }
    #expect(half == .noOnewaySpace(pid: 1, requested: length / 2 + 8, free: length / 2))
    #expect(half?.errno == .noSpace)
    let oneway = try world.client.allocate(dataSize: length / 2, oneway: true, for: world.node)
    #expect(world.server.statistics.freeOnewaySpace == 0)
    let another = failure { try world.send([]) }
    #expect(another == .noOnewaySpace(pid: 1, requested: 8, free: 0))
    // Others have the other half.
    let sync = try world.client.allocate(dataSize: length / 2, oneway: false, for: world.node)
    #expect(sync.offset == length / 2)
    drop(sync)
    drop(oneway)
    #expect(world.server.statistics.failures == FailureCounts([.noSpace: 2, .noOnewaySpace: 2]))
    try world.expectNothingHeld()
  }

  @Test(arguments: PlacementPolicy.allCases)
  func emptyTransactionsHaveAddressesOfTheirOwn(policy: PlacementPolicy) throws {
    let world = try World(policy, length: 4096)
    var offsets = Set<Int>()
    let header = policy.rules.onewayHeader
    let count = (2048 - 8 - header.required) / (8 + header.charged) + 1
    for _ in 0..<count {
      let receipt = try world.send([])
      #expect(receipt.size == 8)
      offsets.insert(receipt.offset)
    }
    #expect(offsets.count == count)
    #expect(failure { try world.send([]) }?.kind == .noOnewaySpace)
    for _ in 0..<count { try world.server.take().free() }
    try world.expectNothingHeld()
  }
}

func drop(_ allocation: consuming ReservedBuffer) {}
