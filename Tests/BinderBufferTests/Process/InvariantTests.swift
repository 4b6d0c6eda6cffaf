import Testing

@testable import BinderBuffer
@testable import PageAlloc

/// The shared invariants hold, and each kind of contradiction is seen.
@Suite struct InvariantTests {
  private let budget = PageBudget(pages: 64)
  private let context: Context
  private let server: BinderProcess
  private let client: BinderProcess
  private let node: Node

  init() throws {
    context = Context(budget: budget)
    server = try context.makeProcess(pid: 1, regionLength: 16 << 12)
    client = try context.makeProcess(pid: 2, regionLength: 16 << 12)
    node = server.makeNode()
  }

  private func send(oneway: Bool, bytes: Int = 100) throws -> TestReceipt {
    let message = [UInt8](repeating: 7, count: bytes)
    return try UserSlice.withTrusted(message.span.bytes) { data in
      try client.transmit(Transaction(flags: oneway ? .oneway : [], data: data), to: node)
    }
  }

  @Test func theyHoldInEveryStateOfABuffer() throws {
    func check() throws {
      try server.checkInvariants()
      try client.checkInvariants()
      try context.checkInvariants()
    }
    try check()
    let call = try #require(try send(oneway: false).call)
    for _ in 0..<3 { _ = try send(oneway: true, bytes: 5000) }
    try check()
    let filling = try client.allocate(dataSize: 40, oneway: true, for: node)
    try check()
    let request = try arrived(server.receive())
    try server.reply(to: request, Transaction())
    try check()
    let kept = try arrived(server.receive()).keep()
    try check()
    let reply = try arrived(call.take())
    try check()
    context.reclaim()
    reply.free()
    try server.free(at: kept)
    try check()
    server.exit()
    try check()
    request.free()
    try check()
    _ = consume filling
    try check()
    #expect(client.statistics.bufferCount == 0)
  }

  @Test func aWrongSumIsSeen() throws {
    _ = try send(oneway: true)
    server.core.locked { $0.inbox.space.value.bytesInUse += 8 }
    #expect {
      try server.checkInvariants()
    } throws: {
      let violation = $0 as? InvariantViolation
      return violation?.invariant == "bytes in use = bytes of live buffers"
        && violation?.expected == "104" && violation?.found == "112"
    }
    server.core.locked { $0.inbox.space.value.bytesInUse -= 8 }
  }

  @Test func anIdleNodeWithABufferUnderWayIsSeen() throws {
    _ = try send(oneway: true)
    server.core.locked { $0.inbox.nodes[0].isBusy = false }
    #expect(throws: InvariantViolation.self) { try server.checkInvariants() }
    server.core.locked { $0.inbox.nodes[0].isBusy = true }
    try server.checkInvariants()
  }

  @Test func aLostPinIsSeen() throws {
    let delivery = try client.allocate(dataSize: 8, oneway: true, for: node)
    server.core.locked { $0.inbox.heldBuffers += 1 }
    #expect(throws: InvariantViolation.self) { try server.checkInvariants() }
    server.core.locked { $0.inbox.heldBuffers -= 1 }
    _ = consume delivery
    try server.checkInvariants()
  }

  @Test func aFrameThatNoRegionHasIsSeen() throws {
    _ = try send(oneway: true)
    let arena = try PageArena(pageCount: 1, budget: budget)
    let page: Page = try arena.allocate()
    #expect {
      try context.checkInvariants()
    } throws: {
      ($0 as? InvariantViolation)?.invariant == "budget = frames"
    }
    _ = consume page
    try context.checkInvariants()
  }

  @Test func aRegionThatTheShrinkerLostIsSeen() throws {
    context.shrinker.unregister(server.core)
    #expect(throws: InvariantViolation.self) { try context.checkInvariants() }
    context.shrinker.register(server.core)
    try context.checkInvariants()
  }
}

/// What the deterministic simulation found.
@Suite struct SimulationFindingTests {
  /// An injected copy fault left the reader half way on.
  @Test func aCopyThatFailsLeavesTheReaderWhereItWas() throws {
    let context = Context(faults: .nth(1, points: [.userCopy]))
    let server = try context.makeProcess(pid: 1, regionLength: 4096)
    let client = try context.makeProcess(pid: 2)
    let node = server.makeNode()
    let message = Array("sixteen bytes ..".utf8)
    try unsafe message.withUnsafeBytes { bytes in
      var reader = unsafe UserSlice(unsafeTrusted: bytes).reader()
      var buffer = try client.allocate(dataSize: 16, oneway: true, for: node)
      #expect(throws: BinderError.badSource(.injected(.userCopy))) {
        try buffer.copy(from: &reader, length: 16)
      }
      #expect(reader.count == 16)
      try buffer.copy(from: &reader, length: 16)
      _ = try client.send(buffer, to: node)
    }
    let delivery = try arrived(server.receive())
    delivery.withData { data in
      #expect(data.array == message)
    }
  }

  /// Pages that went idle after their process's death stayed charged until its last delivery went.
  @Test func aDeadProcessKeepsOnlyWhatIsHeld() throws {
    let budget = PageBudget(pages: 16)
    let context = Context(budget: budget)
    let server = try context.makeProcess(pid: 1, regionLength: 16 << 12)
    let client = try context.makeProcess(pid: 2)
    let nodes = [server.makeNode(), server.makeNode()]
    for node in nodes {
      try client.send([UInt8](repeating: 1, count: 3 << 12), to: node)
    }
    let first = try arrived(server.receive())
    let second = try arrived(server.receive())
    server.exit()
    #expect(budget.pagesInUse == 6)
    first.free()
    #expect(budget.pagesInUse == 3)
    second.free()
    #expect(budget.pagesInUse == 0)
  }

  /// A request that no reclaim can satisfy took the region's own idle pages all the same.
  @Test func whatExceedsTheWholeBudgetDisturbsNobody() throws {
    let budget = PageBudget(pages: 4)
    let context = Context(budget: budget)
    let server = try context.makeProcess(pid: 1, regionLength: 16 << 12)
    let client = try context.makeProcess(pid: 2)
    let node = server.makeNode()
    try client.send([UInt8](repeating: 1, count: 5000), to: node)
    try arrived(server.receive()).free()
    #expect(server.statistics.pagesAvailable == 2)
    #expect {
      try client.send([UInt8](repeating: 1, count: 7 << 12), to: node)
    } throws: {
      ($0 as? BinderError)?.kind == .noMemory
    }
    #expect(server.statistics.pagesAvailable == 2)
  }
}

private struct NothingArrived: Error {}

private func arrived(_ delivery: consuming Delivery?) throws -> Delivery {
  guard let delivery = consume delivery else { throw NothingArrived() }
  return delivery
}
