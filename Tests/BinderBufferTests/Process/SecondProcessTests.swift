import CTestPeer
import Glibc
import PageAlloc
import Testing

@testable import BinderBuffer

/// Real second processes: one reads its region in place, one is copied from.
@Suite struct SecondProcessTests {
  @Test(arguments: [RegionSharing.exportable, .exportableSealed])
  func readsADeliveredBufferInPlaceAndCannotWrite(sharing: RegionSharing) throws {
    let world = try World(sharing: sharing)
    let descriptor = try world.server.readOnlyDescriptor()
    defer { close(descriptor) }
    // It maps the region before anything is sent.
    var receiver = peer()
    defer { peer_end(&receiver) }
    #expect(peer_start_mapping(&receiver, descriptor, 64 << 10) == 0)

    let front = try world.keep(3000)
    let payload = (0..<9000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ 1) }
    try world.send(payload)
    let delivery = try world.server.take()
    var found = [UInt8](repeating: 0, count: payload.count)
    #expect(peer_read(&receiver, delivery.offset, &found, found.count) == 0)
    #expect(found == payload)

    var attempts = peer_attempts()
    #expect(
      peer_attempt(
        descriptor, 64 << 10, delivery.offset, payload, payload.count, uid_t.max, &attempts)
        == 0)
    #expect(attempts.map_read_only == 0)
    #expect(attempts.read_in_place == 0)
    #expect(attempts.map_writable == EACCES)
    #expect(attempts.raise_protection == EACCES)
    #expect(attempts.write == EBADF)
    #expect(attempts.punch_hole != 0 && attempts.truncate != 0 && attempts.add_seal != 0)
    if sharing == .exportableSealed, attempts.reopen_writable == 0 {
      // Even the same user, who can open the file again.
      #expect(attempts.reopened_map_writable == EPERM)
      #expect(attempts.reopened_write == EPERM)
    }
    let (data, offset) = (delivery.data, delivery.offset)
    #expect(data == payload, "nothing has changed")

    // Freed and used again, it is the same memory.
    delivery.free()
    try world.send([1, 2, 3])
    let next = try world.server.take()
    #expect(next.offset == offset)
    #expect(peer_read(&receiver, offset, &found, 3) == 0)
    #expect(Array(found[0..<3]) == [1, 2, 3])
    next.free()
    try world.server.free(at: front)
  }

  /// A reader of reclaimed pages finds zeros and brings pages back, which can be seen and which
  /// the next buffer takes over.
  @Test func readingReclaimedPages() throws {
    let world = try World(sharing: .exportable)
    let descriptor = try world.server.readOnlyDescriptor()
    defer { close(descriptor) }
    var receiver = peer()
    defer { peer_end(&receiver) }
    #expect(peer_start_mapping(&receiver, descriptor, 64 << 10) == 0)
    try world.send([UInt8](repeating: 0xAB, count: 8192))
    try world.server.take().free()
    #expect(world.context.reclaim() == 2)
    let arena = world.server.core.locked { $0.inbox.memory! }
    #expect(try arena.residentPageCount() == 0)
    var found = [UInt8](repeating: 1, count: 8192)
    #expect(peer_read(&receiver, 0, &found, found.count) == 0)
    #expect(found == [UInt8](repeating: 0, count: 8192))
    #expect(try arena.residentPageCount() == 2, "strays")
    #expect(world.server.framedPages().isEmpty && world.budget.pagesInUse == 0)
    try world.send([UInt8](repeating: 0xCD, count: 8192))
    #expect(peer_read(&receiver, 0, &found, found.count) == 0)
    #expect(found == [UInt8](repeating: 0xCD, count: 8192))
    #expect(try arena.residentPageCount() == 2)
    try world.server.take().free()
    try world.expectNothingHeld()
    #expect(try arena.residentPageCount() == 0)
  }

  @Test func anInProcessRegionIsNotHandedOut() throws {
    let world = try World()
    let error = failure { _ = try world.server.readOnlyDescriptor() }
    #expect(error?.errno == .invalidArgument)
  }

  /// Bytes go from the memory of one process into the region that another has mapped.
  @Test func copiesStraightFromAnotherProcess() throws {
    let world = try World(length: 1 << 20, sharing: .exportable)
    let descriptor = try world.server.readOnlyDescriptor()
    defer { close(descriptor) }
    var (sender, receiver) = (peer(), peer())
    defer {
      peer_end(&sender)
      peer_end(&receiver)
    }
    let payload = (0..<200_001).map { UInt8(truncatingIfNeeded: $0 &* 13 &+ $0 >> 8) }
    #expect(peer_start_holding(&sender, payload, payload.count) == 0)
    #expect(peer_start_mapping(&receiver, descriptor, 1 << 20) == 0)
    let slice = UserSlice(
      address: sender.address, length: payload.count, in: try UserProcess(pid: sender.pid))
    let receipt = try world.client.transmit(Transaction(data: slice), to: world.node)
    // What the sender does afterwards does not show.
    #expect(peer_fill(&sender, 0, 0xFF, payload.count) == 0)
    let delivery = try world.server.take()
    #expect(delivery.data == payload)
    var found = [UInt8](repeating: 0, count: payload.count)
    #expect(peer_read(&receiver, receipt.offset, &found, found.count) == 0)
    #expect(found == payload)
    #expect(world.server.statistics.bytesCopied == payload.count)

    // The reply goes back from the same process, changed by now.
    try world.server.reply(to: delivery, Transaction(data: slice))
    delivery.free()
    let reply = try world.client.takeArrivedReply(receipt.call!)
    #expect(reply.data == [UInt8](repeating: 0xFF, count: payload.count))
    reply.free()
    try world.expectNothingHeld()
  }
}
