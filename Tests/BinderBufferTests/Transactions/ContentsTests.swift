import PageAlloc
import Testing

@testable import BinderBuffer

/// What a receiver finds in its buffers, where the sender wrote and where it did not.
@Suite struct ContentsTests {
  /// Shows what lies in the first bytes of the region: as the unwritten extra of a new buffer.
  private func formerContents(_ world: World, _ size: Int) throws -> [UInt8] {
    let receipt = try world.send([], extraSize: size)
    #expect(receipt.offset == 0)
    return try world.server.take().extra
  }

  @Test(arguments: PlacementPolicy.allCases)
  func allParts(policy: PlacementPolicy) throws {
    let world = try World(policy)
    let data = ObjectTests.message(61, [(8, ObjectTests.Kind.handle.rawValue)])
    let receipt = try world.send(
      data, oneway: false, code: 77, offsets: [8], extraSize: 16, securityContext: [1, 2, 3])
    #expect(receipt.size == 64 + 8 + 16 + 8)
    let delivery = try world.server.take()
    #expect(delivery.data == data)
    #expect(delivery.offsets == [8])
    #expect(delivery.extra == [UInt8](repeating: 0, count: 16))
    #expect(delivery.securityContext == [1, 2, 3])
    #expect(delivery.code == 77)
    #expect(delivery.senderPID == 2)
    #expect(delivery.debugID == receipt.debugID)
    #expect(delivery.offset == receipt.offset)
    let (needsReply, isReply, isOneway) = (
      delivery.needsReply, delivery.isReply, delivery.isOneway
    )
    #expect(needsReply && !isReply && !isOneway)
    #expect(delivery.node == world.node.id)
    try world.server.reply(to: delivery, [UInt8(9)])
    delivery.free()
    let reply = try world.client.takeArrivedReply(receipt.call!)
    #expect(reply.data == [9])
    #expect(reply.isReply == true)
    #expect(reply.node == nil)
    reply.free()
    try world.expectNothingHeld()
  }

  @Test func aReplyCarriesNoSecurityContext() throws {
    let world = try World()
    let call = try world.send([], oneway: false).call!
    let delivery = try world.server.take()
    let error = failure {
      try withTransaction([], oneway: false, securityContext: [1]) {
        _ = try world.server.reply(to: delivery, $0)
      }
    }
    #expect(error == .invalidArgument(.securityContextInReply))
    delivery.free()
    #expect(failure { _ = try call.take() } == .failedReply(pid: 1))
    try world.expectNothingHeld()
  }

  @Test(arguments: PlacementPolicy.allCases)
  func unwrittenBytesHoldFormerContents(policy: PlacementPolicy) throws {
    let world = try World(policy)
    #expect(try formerContents(world, 64) == [UInt8](repeating: 0, count: 64), "a fresh page")
    try world.send([UInt8](repeating: 0xAB, count: 64))
    try world.server.take().free()
    // Three bytes, five of padding, then extra room.
    try world.send([1, 2, 3], extraSize: 56)
    let delivery = try world.server.take()
    #expect(delivery.extra == [UInt8](repeating: 0xAB, count: 56))
    delivery.free()
    let expected = [1, 2, 3] + [UInt8](repeating: 0xAB, count: 61)
    #expect(try formerContents(world, 64) == expected, "padding was not written either")
    // Until the page goes back to the system.
    world.context.reclaim()
    #expect(try formerContents(world, 64) == [UInt8](repeating: 0, count: 64))
    try world.expectNothingHeld()
  }

  /// Every way in which a buffer that is to be cleared can end.
  enum End: CaseIterable {
    case dropped, freedByOffset, copyFailed, objectsInvalid, droppedUnsent, reply,
      replyAbandonedBefore, replyAbandonedAfter, senderExited
  }

  @Test(arguments: PlacementPolicy.allCases, End.allCases)
  func clearOnFreeLeavesZeros(policy: PlacementPolicy, end: End) throws {
    let world = try World(policy)
    let secret = [UInt8](repeating: 0x5E, count: 5000)
    // Replies land in the client's region: there it is looked for.
    let server = world.server
    switch end {
    case .dropped:
      try world.send(secret, flags: .clearOnFree)
      let delivery = try server.take()
      #expect(delivery.flags.contains(.clearOnFree))
      delivery.free()
    case .freedByOffset:
      try world.send(secret, flags: .clearOnFree)
      try server.free(at: try server.take().keep())
    case .copyFailed:
      let memory = TestMemory(pages: 2, fill: 0x5E)
      memory.hide(page: 1)
      #expect(
        failure {
          _ = try world.client.send(
            Transaction(flags: [.oneway, .clearOnFree], data: memory.slice(0, 5000)),
            to: world.node)
        }?.kind == .badSource)
    case .objectsInvalid:
      #expect(
        failure { try world.send(secret, flags: .clearOnFree, offsets: [3]) }?.kind
          == .invalidArgument)
    case .droppedUnsent:
      var allocation = try world.client.allocate(
        dataSize: 5000, offsetsSize: 8, oneway: true, flags: .clearOnFree, for: world.node)
      try allocation.write(secret)
      try allocation.write([3, 0, 0, 0, 0, 0, 0, 0], at: 5000)
      let error = sendFailure(world.client, allocation, to: world.node)
      #expect(error?.kind == .invalidArgument)
    case .senderExited:
      var allocation = try world.client.allocate(
        dataSize: 5000, oneway: true, flags: .clearOnFree, for: world.node)
      try allocation.write(secret)
      world.client.exit()
      let error = sendFailure(world.client, allocation, to: world.node)
      #expect(error == .dead(pid: 2, .senderExited))
    case .reply, .replyAbandonedBefore, .replyAbandonedAfter:
      // The server calls, so that the reply lies in the region that is looked at.
      let call = try server.ask([UInt8(1)], world.client.makeNode())
      let delivery = try world.client.take()
      if end == .replyAbandonedBefore { call.abandon() }
      try withTransaction(secret, oneway: false, flags: .clearOnFree) {
        _ = try world.client.reply(to: delivery, $0)
      }
      if end == .replyAbandonedAfter { call.abandon() }
      if end == .reply { try server.takeArrivedReply(call).free() }
      delivery.free()
    }
    #expect(server.statistics.framesAllocated == 2, "the pages have been in use")
    let sender = world.client.hasExited ? server : world.client
    let receipt = try sender.send(
      Transaction(flags: .oneway, extraSize: 5000), to: world.node)
    #expect(receipt.offset == 0)
    let found = try server.take().extra
    #expect(found == [UInt8](repeating: 0, count: 5000))
    try world.expectNothingHeld()
  }

  /// What another process was sent is nobody else's former contents.
  @Test func regionsShareNoContents() throws {
    let world = try World()
    try world.send([UInt8](repeating: 0xAB, count: 4096))
    try world.server.take().free()
    world.context.reclaim()
    let other = try world.context.makeProcess(pid: 3, regionLength: 4096)
    _ = try world.client.send(
      Transaction(flags: .oneway, extraSize: 2048), to: other.makeNode())
    #expect(try other.take().extra == [UInt8](repeating: 0, count: 2048))
  }
}
