import PageAlloc
import Testing

@testable import BinderBuffer

/// Oneway transactions to one node are delivered one at a time, in order.
@Suite struct OnewayOrderTests {
  @Test func theNextComesWhenThePreviousIsFreed() throws {
    let world = try World()
    for number in 1...3 { try world.send([UInt8(number)]) }
    #expect(world.server.statistics.bufferCount == 3, "they hold their buffers while they wait")
    #expect(world.server.statistics.pendingTransactions == 3)
    #expect(world.server.buffers().map(\.state) == [.queued, .waiting, .waiting])
    let first = try world.server.take()
    #expect(first.data == [1])
    #expect(try world.server.isDrained)

    // A sync one overtakes them, and its end brings none of them.
    let call = try world.send([9], oneway: false).call!
    let sync = try world.server.take()
    #expect(sync.data == [9])
    try world.server.reply(to: sync)
    sync.free()
    try world.client.takeArrivedReply(call).free()
    #expect(try world.server.isDrained)

    first.free()
    let second = try world.server.take()
    #expect(second.data == [2])
    #expect(try world.server.isDrained)
    // Holding the bare offset is holding it.
    let kept = second.keep()
    #expect(try world.server.isDrained)
    try world.server.free(at: kept)
    let third = try world.server.take()
    #expect(third.data == [3])
    third.free()
    try world.expectNothingHeld()
  }

  @Test func nodesDoNotWaitForEachOther() throws {
    let world = try World()
    let other = world.server.makeNode()
    try world.send([1])
    try world.send([2])
    try world.send([3], to: other)
    let first = try world.server.take()
    let third = try world.server.take()
    #expect(first.data == [1])
    #expect(third.data == [3])
    #expect(third.node == other.id)
    third.free()
    #expect(try world.server.isDrained)
    first.free()
    try world.server.take().free()
    try world.expectNothingHeld()
  }

  /// The order is that of sending, not of reserving, and an allocation that is dropped leaves no
  /// gap.
  @Test func buffersFilledInSteps() throws {
    let world = try World()
    var early = try world.client.allocate(dataSize: 8, oneway: true, for: world.node)
    let never = try world.client.allocate(dataSize: 8, oneway: true, for: world.node)
    try world.send([1])
    try early.fillZero(at: 0, length: 8)
    _ = try world.client.send(early, to: world.node)
    drop(never)
    try world.send([2])
    for expected in [[1], [UInt8](repeating: 0, count: 8), [2]] {
      let delivery = try world.server.take()
      #expect(delivery.data == expected)
      let drained = try world.server.isDrained
      #expect(drained)
      delivery.free()
    }
    try world.expectNothingHeld()
  }

  @Test func waitingOnesOutliveTheirSender() throws {
    let world = try World()
    let mortal = try world.context.makeProcess(pid: 3)
    for number in 1...2 {
      try world.send([UInt8(number)])
      try mortal.send([UInt8(number + 10)], to: world.node)
    }
    mortal.exit()
    for expected: UInt8 in [1, 11, 2, 12] {
      let delivery = try world.server.take()
      #expect(delivery.data == [expected])
    }
    try world.expectNothingHeld()
  }

  /// Random sends, frees and failed sends: each node's order holds, one at a time.
  @Test(arguments: 1...4)
  func randomly(seed: UInt64) throws {
    let world = try World(length: 256 << 10)
    var random = SplitMix64(state: seed)
    let nodes = (0..<5).map { _ in world.server.makeNode() }
    var sent = [UInt8](repeating: 0, count: nodes.count)
    var received = sent
    var held: [Int: Int] = [:]
    for _ in 0..<2000 {
      switch random.next(upperBound: UInt64(6)) {
      case 0...2:
        let node = Int.random(in: nodes.indices, using: &random)
        guard sent[node] &- received[node] < 50 else { break }
        sent[node] &+= 1
        try world.send([UInt8(node), sent[node]], to: nodes[node])
      case 3...4:
        guard let delivery = try world.server.receive() else { break }
        let data = delivery.data
        let node = Int(data[0])
        received[node] &+= 1
        #expect(held[node] == nil && data[1] == received[node])
        held[node] = delivery.keep()
      default:
        guard let (node, offset) = held.randomElement(using: &random) else { break }
        held[node] = nil
        try world.server.free(at: offset)
      }
    }
    for offset in held.values { try world.server.free(at: offset) }
    while let delivery = try world.server.receive() { delivery.free() }
    try world.expectNothingHeld()
  }
}
