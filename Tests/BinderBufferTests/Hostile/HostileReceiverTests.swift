import CTestPeer
import Glibc
import PageAlloc
import Testing

@testable import BinderBuffer

/// Receivers in processes of their own that try to get more than to read.
@Suite struct HostileReceiverTests {
  @Test(arguments: [RegionSharing.exportable, .exportableSealed])
  func canDoNothingButRead(sharing: RegionSharing) throws {
    let world = try World(sharing: sharing)
    let descriptor = try world.server.readOnlyDescriptor()
    defer { close(descriptor) }
    let kept = try world.keep(5000)
    let payload = (0..<9000).map { UInt8(truncatingIfNeeded: $0 &* 11 &+ 5) }
    let receipt = try world.send(payload)
    let before = world.server.statistics

    var attempts = peer_attempts()
    #expect(
      peer_attempt(
        descriptor, 64 << 10, receipt.offset, payload, payload.count, uid_t.max, &attempts) == 0)
    #expect(attempts.read_in_place == 0, "what it may do")
    let refused = [
      attempts.map_writable, attempts.raise_protection, attempts.write_through_proc,
      attempts.write_as_debugger, attempts.remove_mapped, attempts.write, attempts.punch_hole,
      attempts.truncate, attempts.grow, attempts.add_seal, attempts.reopened_shrink,
    ]
    #expect(refused.allSatisfy { $0 != 0 }, "\(attempts)")

    #expect(world.server.statistics == before)
    try world.context.checkInvariants()
    let delivery = try world.server.take()
    let data = delivery.data
    #expect(data == payload, "nothing has changed")
    delivery.free()
    try world.server.free(at: kept)
    try expectNoFrames(world)
  }

  /// A receiver that reads all pages all the time, also those that are reclaimed under it: it gets
  /// zeros, brings pages back that nobody counts, and no transaction sees a trace of that.
  @Test func readsPagesWhileTheyAreReclaimed() throws {
    let world = try World(length: 256 << 10, sharing: .exportable)
    let descriptor = try world.server.readOnlyDescriptor()
    defer { close(descriptor) }
    var receiver = peer()
    #expect(peer_start_mapping(&receiver, descriptor, 256 << 10) == 0)
    defer { peer_end(&receiver) }
    #expect(peer_begin(&receiver, peer_sweeps, 0, 256 << 10) == 0)
    for round in 1...200 {
      let payload = [UInt8](repeating: UInt8(truncatingIfNeeded: round), count: 20_000)
      try world.send(payload)
      let delivery = try world.server.take()
      let data = delivery.data
      #expect(data == payload)
      delivery.free()
      #expect(world.context.reclaim() == 5)
      #expect(world.budget.pagesInUse == 0 && world.server.framedPages().isEmpty)
      try world.context.checkInvariants()
      // Fresh frames are zero, whoever has read the page meanwhile.
      let fresh = try world.client.allocate(dataSize: 20_000, oneway: true, for: world.node)
      _ = try world.client.send(fresh, to: world.node)
      let empty = try world.server.take()
      let bytes = empty.data
      #expect(bytes.allSatisfy { $0 == 0 })
    }
    #expect(peer_rest(&receiver) == 0)
    try expectNoFrames(world)
  }

  /// What a receiver brings in by reading is given back once there are not enough idle pages; before,
  /// nobody looks for it.
  @Test func strayPagesAreGivenBack() throws {
    let world = try World(sharing: .exportable)
    let memory = world.server.core.locked { $0.inbox.memory! }
    let descriptor = try world.server.readOnlyDescriptor()
    defer { close(descriptor) }
    var receiver = peer()
    #expect(peer_start_mapping(&receiver, descriptor, 64 << 10) == 0)
    defer { peer_end(&receiver) }
    var found = [UInt8](repeating: 1, count: 64 << 10)
    #expect(peer_read(&receiver, 0, &found, found.count) == 0)
    #expect(found.allSatisfy { $0 == 0 })
    #expect(try memory.residentPageCount() == 16)
    try world.send([UInt8](repeating: 1, count: 8192))
    try world.server.take().free()
    #expect(world.context.reclaim(2) == 2)
    #expect(try memory.residentPageCount() == 14)
    #expect(world.context.reclaim(1) == 0)
    #expect(try memory.residentPageCount() == 0)
    try expectNoFrames(world)
  }

  /// A privileged receiver marks the file as one that never changes: memory goes back nevertheless.
  @Test func marksTheFileAsImmutable() throws {
    let world = try World(sharing: .exportable)
    let descriptor = try world.server.readOnlyDescriptor()
    defer { close(descriptor) }
    try world.send([UInt8](repeating: 1, count: 20_000))
    try world.server.take().free()
    // FS_IOC_SETFLAGS, FS_IMMUTABLE_FL
    var flags: CInt = 0x10
    guard ioctl(descriptor, 0x4008_6602, &flags) == 0 else {
      print("skipped: this user or this kernel cannot mark a memory file as immutable")
      return
    }
    #expect(world.context.reclaim() == 5)
    let memory = world.server.core.locked { $0.inbox.memory! }
    #expect(try memory.residentPageCount() == 0)
    try expectNoFrames(world)
  }

  /// A receiver that is killed while it reads: the region and its accounts are the engine's.
  @Test func isKilledWhileItReads() throws {
    let world = try World(sharing: .exportable)
    let descriptor = try world.server.readOnlyDescriptor()
    defer { close(descriptor) }
    for _ in 0..<4 {
      var receiver = peer()
      #expect(peer_start_mapping(&receiver, descriptor, 64 << 10) == 0)
      #expect(peer_begin(&receiver, peer_sweeps, 0, 64 << 10) == 0)
      try world.send([UInt8](repeating: 9, count: 30_000))
      #expect(peer_kill(&receiver) == 0)
      let delivery = try world.server.take()
      let data = delivery.data
      #expect(data == [UInt8](repeating: 9, count: 30_000))
      delivery.free()
      peer_end(&receiver)
      try world.context.checkInvariants()
    }
    try expectNoFrames(world)
  }

  /// Nothing is held, and what is resident in spite of it are strays that can be seen.
  private func expectNoFrames(_ world: World) throws {
    let memory = world.server.core.locked { $0.inbox.memory! }
    guard memory.returnsMemory else { return }
    try world.expectNothingHeld()
    #expect(world.server.framedPages().isEmpty && world.budget.pagesInUse == 0)
  }
}
