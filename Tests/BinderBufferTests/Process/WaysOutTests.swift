import CTestPeer
import Glibc
import PageAlloc
import Synchronization
import Testing

@testable import BinderBuffer

/// Bytes sent with *clear on free* are zero in the receiver's mapping, whichever way they go.
@Suite struct ClearOnFreeTests {
  enum Way: CaseIterable {
    case freed, exitQueued, exitDelivered, exitWithAnotherHeld, exitKept, dropped, copyFailed
    case badTail, badObject, abandonedReply, stepsDropped, stepsFailed
  }

  @Test(
    .timeLimit(.minutes(15)), arguments: [RegionSharing.exportable, .exportableSealed], Way.allCases
  )
  func everyWayLeavesZeros(sharing: RegionSharing, way: Way) throws {
    let length = 64 << 10
    let faults = way == .copyFailed ? FaultInjector.nth(1, points: [.userCopy]) : nil
    let context = Context(faults: faults)
    var server: BinderProcess? = try context.makeProcess(
      pid: 1, regionLength: length, sharing: sharing)
    let client = try context.makeProcess(pid: 2, regionLength: length)
    let node = server!.makeNode()
    let descriptor = try server!.readOnlyDescriptor()
    let map = mmap(nil, length, PROT_READ, MAP_SHARED, descriptor, 0)!
    close(descriptor)
    defer { munmap(map, length) }
    let secret = [UInt8](repeating: 0x53, count: 6000)
    func send() throws { try client.send(secret, flags: .clearOnFree, to: node) }
    func transaction(
      offsets: [UInt64] = [], securityContext: UserSlice = .empty
    ) throws {
      try secret.withUnsafeBytes { data in
        try offsets.withUnsafeBytes { offsets in
          _ = try client.send(
            Transaction(
              flags: .clearOnFree, data: UserSlice(unsafeTrusted: data),
              offsets: UserSlice(unsafeTrusted: offsets), securityContext: securityContext),
            to: node)
        }
      }
    }
    switch way {
    case .freed:
      try send()
      #expect(contains(map, 0x53, length), "it was there")
      try server!.take().free()
    case .exitQueued:
      try send()
      server!.exit()
    case .exitDelivered:
      try send()
      let delivery = try server!.take()
      server!.exit()
      delivery.free()
    case .exitWithAnotherHeld:
      try send()
      try send()
      let delivery = try server!.take()
      server!.exit()
      delivery.free()
    case .exitKept:
      try send()
      _ = try server!.take().keep()
      server!.exit()
    case .dropped:
      try send()
      server = nil
    case .copyFailed: #expect(failure(send)?.kind == .badSource)
    case .badTail:
      let bad = TestMemory(pages: 1)
      bad.hide(page: 0)
      let error = failure { try transaction(securityContext: bad.slice(0, 64)) }
      #expect(error?.kind == .badSource)
    case .badObject:
      #expect(failure { try transaction(offsets: [0]) }?.kind == .invalidArgument)
    case .abandonedReply:
      let call = try server!.ask([1], client.makeNode())
      let request = try client.take()
      let slice = secret.withUnsafeBytes { UserSlice(unsafeTrusted: $0) }
      try request.reply(Transaction(flags: .clearOnFree, data: slice))
      call.abandon()
    case .stepsDropped:
      var buffer = try client.allocateOneway(dataSize: 6000, flags: .clearOnFree, for: node)
      try buffer.write(secret)
    case .stepsFailed:
      var buffer = try client.allocateCall(
        dataSize: 6000, offsetsSize: 8, flags: .clearOnFree, for: node)
      try buffer.write(secret)
      do throws(BinderError) {
        _ = try buffer.call()
        Issue.record("something that is no object was sent")
      } catch {
        #expect(error.kind == .invalidArgument)
      }
    }
    #expect(!contains(map, 0x53, length))
  }

  private func contains(_ map: UnsafeMutableRawPointer, _ byte: UInt8, _ length: Int) -> Bool {
    UnsafeRawBufferPointer(start: map, count: length).contains(byte)
  }
}

/// What a process tells, and what its end does.
@Suite struct EndTests {
  /// A thread that comes second finds all done when its `exit` returns: the pid is free.
  @Test(.timeLimit(.minutes(15))) func aSecondExitWaitsForTheFirst() throws {
    let world = try World()
    let server = world.server
    server.core.locked { _ = $0.inbox.die() }
    let second = SharedCount(0)
    let thread = TestThread {
      server.exit()
      second.value.store(1, ordering: .relaxed)
    }
    // The first is in the middle of it: the second waits.
    waitUntil { server.core.locked { $0.waiters[.end] } == 1 }
    #expect(second.value.load(ordering: .relaxed) == 0)
    server.core.locked { state in
      state.hasEnded = true
      server.core.wake(.end, all: true, state)
    }
    thread.join()
    #expect(second.value.load(ordering: .relaxed) == 1)
    world.context.remove(server.core)
  }

  /// What arrives while the timeout passes is delivered, not left for the next wait.
  @Test(.timeLimit(.minutes(15))) func aLateArrivalIsDelivered() throws {
    let world = try World()
    let server = world.server
    let found = SharedCount(-1)
    let thread = TestThread {
      let delivery = try? server.receive(timeout: .milliseconds(50))
      found.value.store(delivery?.dataSize ?? 0, ordering: .relaxed)
    }
    waitUntil { server.core.waiterCount == 1 }
    var buffer = try world.client.allocate(dataSize: 3, oneway: true, for: world.node)
    try buffer.write([1, 2, 3])
    // Committed with nobody woken, under a lock that is held until the timeout has passed.
    let record = MessageRecord(
      at: buffer.offset, buffer.layout, debugID: buffer.debugID, senderPID: 2, code: 0,
      flags: .oneway, node: world.node.id, caller: nil)
    server.core.locked { state in
      usleep(200_000)
      _ = try? state.inbox.commit(record, bytesCopied: 3)
    }
    buffer.handOver()
    thread.join()
    #expect(found.value.load(ordering: .relaxed) == 3)
  }

  @Test func anInProcessRegionHasNoDescriptor() throws {
    let world = try World()
    let error = failure { _ = try world.server.readOnlyDescriptor() }
    #expect(error == .invalidArgument(.notExportable(pid: 1)))
    #expect(error?.errno == .invalidArgument)
  }

  /// Who receives sees that more will come when a buffer is freed.
  @Test func waitingTransactionsAreCounted() throws {
    let world = try World()
    for number in 1...3 { try world.send([UInt8(number)]) }
    let first = try world.server.take()
    #expect(try world.server.receive() == nil)
    var counts = world.server.statistics
    #expect(counts.queuedTransactions == 0 && counts.waitingTransactions == 2)
    first.free()
    counts = world.server.statistics
    #expect(counts.queuedTransactions == 1 && counts.waitingTransactions == 1)
    #expect(counts.pendingTransactions == 2)
  }

  /// The numbers of buffers begin again behind the last; nothing stops.
  @Test func numbersOfBuffersWrap() throws {
    let world = try World()
    world.context.debugIDs.store(.max - 127, ordering: .relaxed)
    var ids: Set<UInt32> = []
    for _ in 0..<300 {
      try world.send([1])
      ids.insert(try world.server.take().debugID)
    }
    #expect(ids.count == 300)
    #expect(ids.contains(.max))
  }
}

/// Buffers filled in steps.
@Suite struct AllocationTests {
  /// A `ptr` object's address becomes the place of its bytes in the region, whatever it was.
  @Test func addressesBecomePlaces() throws {
    let world = try World()
    var object = [UInt8](repeating: 0, count: 40)
    object.withUnsafeMutableBytes { bytes in
      bytes.storeBytes(of: 0x7074_2a85, as: UInt32.self)
      bytes.storeBytes(of: 0xdead, toByteOffset: 8, as: UInt64.self)
      bytes.storeBytes(of: 5, toByteOffset: 16, as: UInt64.self)
    }
    var buffer = try world.client.allocateCall(
      dataSize: 40, offsetsSize: 8, extraSize: 8, for: world.node)
    try buffer.write(object)
    try buffer.fillZero(at: 40, length: 8)
    try buffer.write([1, 2, 3, 4, 5], at: 48)
    let call = try buffer.call(code: 9)
    let delivery = try world.server.take()
    #expect(delivery.code == 9)
    #expect(delivery.integer(at: 8, as: UInt64.self) == UInt64(delivery.offset + 48))
    #expect(delivery.integer(at: 36, as: UInt64.self) == nil)
    #expect(delivery.integer(at: -1, as: UInt8.self) == nil)
    #expect(delivery.extra.prefix(5) == [1, 2, 3, 4, 5])
    try delivery.reply([7])
    #expect(try call.awaitReply().data == [7])
    try world.expectNothingHeld()
  }
}
