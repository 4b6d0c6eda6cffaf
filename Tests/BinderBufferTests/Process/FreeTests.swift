import PageAlloc
import Testing

@testable import BinderBuffer

/// Freeing: what is one's own goes, everything else stays as it is.
@Suite struct FreeTests {
  /// Freeing `offset` fails for `reason` and changes nothing.
  private func expectRefused(
    _ world: World, _ offset: Int, _ reason: BinderError.NotFreeable,
    _ location: SourceLocation = #_sourceLocation
  ) {
    let before = world.server.countsWithoutFailures
    let buffers = world.server.buffers()
    let error = failure { try world.server.free(at: offset) }
    #expect(
      error == .invalidArgument(.noSuchBuffer(pid: 1, offset: offset, reason)),
      sourceLocation: location)
    #expect(error?.errno == .invalidArgument, sourceLocation: location)
    #expect(world.server.countsWithoutFailures == before, sourceLocation: location)
    #expect(world.server.buffers() == buffers, sourceLocation: location)
  }

  /// Twelve buffers take the Rust policy from its array to its tree.
  @Test(arguments: PlacementPolicy.allCases, [1, 12])
  func whatIsNoBuffer(policy: PlacementPolicy, count: Int) throws {
    let world = try World(policy)
    let offsets = try (0..<count).map { _ in try world.keep(104) }
    let end = count * 104
    for offset in [
      1, 4, 8, 96, 103, end, end + 8, (64 << 10) - 8, 64 << 10, 4 << 20, 1 << 32, Int.max,
      Int.max & ~7, -1, -8, Int.min,
    ] {
      expectRefused(world, offset, .notABuffer)
    }
    for offset in offsets { try world.server.free(at: offset) }
    try world.expectNothingHeld()
  }

  @Test(arguments: PlacementPolicy.allCases, [1, 12])
  func freeingTwice(policy: PlacementPolicy, count: Int) throws {
    let world = try World(policy)
    let offsets = try (0..<count).map { _ in try world.keep(100) }
    for offset in offsets {
      try world.server.free(at: offset)
      expectRefused(world, offset, .notABuffer)
    }
    try world.expectNothingHeld()
  }

  @Test(arguments: PlacementPolicy.allCases)
  func whatIsNotTheReceiversYet(policy: PlacementPolicy) throws {
    let world = try World(policy)
    let filling = try world.client.allocate(dataSize: 10, oneway: false, for: world.node)
    expectRefused(world, filling.offset, .beingFilled)
    let queued = try world.send([1])
    let waiting = try world.send([2])
    expectRefused(world, queued.offset, .notDelivered)
    expectRefused(world, waiting.offset, .notDelivered)
    let delivery = try world.server.take()
    #expect(delivery.offset == queued.offset)
    expectRefused(world, queued.offset, .ownedByDelivery)
    let kept = delivery.keep()
    try world.server.free(at: kept)
    expectRefused(world, kept, .notABuffer)
    try world.server.take().free()
    drop(filling)

    // A reply that nobody has taken: the server calls the client.
    let call = try world.server.ask([], world.client.makeNode())
    let request = try world.client.take()
    let reply = try world.client.reply(to: request, [UInt8(1)])
    expectRefused(world, reply.offset, .notDelivered)
    try world.server.free(at: try world.server.takeArrivedReply(call).keep())
    request.free()
    #expect(world.server.statistics.failures[.invalidArgument] == 6)
    try world.expectNothingHeld()
  }

  @Test func anotherProcesssBuffer() throws {
    let world = try World()
    let offset = try world.keep(100)
    #expect(failure { try world.client.free(at: offset) }?.kind == .invalidArgument)
    #expect(world.server.statistics.bufferCount == 1)
    try world.server.free(at: offset)
    try world.expectNothingHeld()
  }

  @Test func droppingFrees() throws {
    let world = try World()
    try world.send([1, 2, 3])
    do { _ = try world.server.take() }
    try world.expectNothingHeld()
    do {
      let allocation = try world.client.allocate(dataSize: 9000, oneway: true, for: world.node)
      #expect(world.server.statistics.bufferCount == 1)
      #expect(world.server.statistics.pagesInUse == 3)
      #expect(world.server.buffers().map(\.state) == [.beingFilled])
      _ = consume allocation
    }
    #expect(try world.server.isDrained)
    try world.expectNothingHeld()
  }

  @Test func counts() throws {
    let world = try World()
    let first = try world.keep(5000)
    let second = try world.keep(100)
    let counts = world.server.statistics
    #expect(counts.bufferCount == 2 && counts.peakBuffers == 2)
    #expect(counts.bytesInUse == 5104 && counts.peakBytes == 5104)
    #expect(counts.freeBytes == (64 << 10) - 5104)
    #expect(counts.pagesInUse == 2 && counts.pagesFree == 14 && counts.pageHighWatermark == 2)
    #expect(counts.freeOnewaySpace == (32 << 10) - 5104)
    #expect(counts.received == 2)
    try world.server.free(at: first)
    try world.server.free(at: second)
    let after = world.server.statistics
    #expect(after.peakBuffers == 2 && after.peakBytes == 5104)
    #expect(after.lowestFreeOnewaySpace == (32 << 10) - 5104)
    #expect(after.pagesAvailable == 2 && after.peakPagesInUse == 2)
    #expect(after.fragmentation == 0)
    try world.expectNothingHeld()
  }
}
