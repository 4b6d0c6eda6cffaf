import CTestPeer
import PageAlloc
import Testing

@testable import BinderBuffer

/// Which regions a process may have, and what it can do without one.
@Suite struct RegionTests {
  @Test(arguments: [0, 1, 4095, 4097, -4096, Int.min, Int.max, (4 << 20) + 1])
  func lengthsThatAreNoPages(length: Int) throws {
    let context = Context()
    let expected = BinderError.invalidArgument(.regionLength(length))
    #expect(failure { _ = try context.makeProcess(pid: 1, regionLength: length) } == expected)
    // The pid is free again, and the process that failed to map one can have a region.
    let process = try context.makeProcess(pid: 1)
    #expect(failure { try process.mapRegion(length: length) } == expected)
    try process.mapRegion(length: 4096)
    #expect(process.statistics.regionLength == 4096)
  }

  @Test(arguments: [4 << 20, (4 << 20) + 4096, 1 << 40])
  func longRegionsUse4MiB(length: Int) throws {
    let process = try Context().makeProcess(pid: 1, regionLength: length)
    #expect(process.statistics.regionLength == 4 << 20)
    #expect(process.statistics.pagesFree == 1024)
    #expect(process.statistics.freeOnewaySpace == 2 << 20)
  }

  @Test func aSecondRegionIsBusy() throws {
    let world = try World()
    let before = world.server.statistics
    let error = failure { try world.server.mapRegion(length: 4096, policy: .c) }
    #expect(error == .busy(pid: 1, .region))
    #expect(error?.errno == .resourceBusy)
    #expect(world.server.statistics == before)
  }

  @Test func pidsArePositiveAndUnique() throws {
    let context = Context()
    for pid in [Int32(0), -1, .min] {
      #expect(failure { _ = try context.makeProcess(pid: pid) } == .invalidArgument(.pid(pid)))
    }
    let first = try context.makeProcess(pid: 5)
    #expect(failure { _ = try context.makeProcess(pid: 5) } == .busy(pid: 5, .pid))
    first.exit()
    let second = try context.makeProcess(pid: 5)
    #expect(first.hasExited && !second.hasExited)
    // In another context it is another process.
    _ = try Context().makeProcess(pid: 5)
  }

  @Test func withoutARegionOneMaySendOnewayOnly() throws {
    let world = try World()
    let bare = try world.context.makeProcess(pid: 3)
    let noRegion = BinderError.dead(pid: 3, .noRegion)
    let data: [UInt8] = [1, 2]

    // Nothing can be sent to it, nor received.
    let error = failure { try world.send(data, to: bare.makeNode()) }
    #expect(error == noRegion)
    #expect(error?.errno == .noSuchProcess)
    #expect(failure { _ = try bare.receive() } == noRegion)
    #expect(failure { _ = try bare.receive(timeout: .seconds(60)) } == noRegion)
    #expect(failure { try bare.free(at: 0) } == noRegion)
    #expect(failure { _ = try bare.readOnlyDescriptor() } == noRegion)
    // It cannot get a reply.
    #expect(failure { _ = try bare.call(data, to: world.node) } == noRegion)
    #expect(try world.server.isDrained)

    try bare.send(data, to: world.node)
    let delivery = try world.server.take()
    #expect(delivery.data == data)
    #expect(delivery.senderPID == 3)
    delivery.free()
    try world.expectNothingHeld()
    #expect(bare.statistics.policy == nil)
    #expect(bare.statistics.failures == FailureCounts([.dead: 2]), "one send, one free")
  }

  @Test func otherContexts() throws {
    let world = try World()
    let stranger = try Context().makeProcess(pid: 9, regionLength: 4096)
    #expect(
      failure { try stranger.send([], to: world.node) }
        == .invalidArgument(.otherContext(pid: 1)))
    #expect(try world.server.isDrained)
    try world.expectNothingHeld()
  }

  @Test func mappingFailuresLeaveNothing() throws {
    var failed = 0
    for n in 1... {
      let faults = FaultInjector.nth(n)
      let context = Context(faults: faults)
      let process = try context.makeProcess(pid: 1)
      let error = failure { try process.mapRegion(length: 1 << 20) }
      guard faults.injected > 0 else { break }
      failed += 1
      #expect(error?.kind == .noMemory)
      #expect(process.statistics.regionLength == 0)
      try process.mapRegion(length: 1 << 20)
    }
    #expect(failed == 3, "the memory file and two views")
  }
}
