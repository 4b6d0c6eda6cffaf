import PageAlloc
import Testing

@testable import BinderBuffer

/// Calls: one reply each, an end in every case.
@Suite struct CallTests {
  private func call(_ world: World) throws -> CallID {
    try world.send([1], oneway: false).call!
  }

  private func expectEnded(
    _ world: World, _ call: CallID, _ location: SourceLocation = #_sourceLocation
  ) {
    let ended = BinderError.invalidArgument(.noSuchCall(pid: 2))
    #expect(failure { _ = try world.client.takeReply(call) } == ended, sourceLocation: location)
    #expect(
      failure { _ = try world.client.awaitReply(call, timeout: .seconds(60)) } == ended,
      sourceLocation: location)
    #expect(failure { try world.client.abandon(call) } == ended, sourceLocation: location)
  }

  @Test func aReplyIsTakenOnce() throws {
    let world = try World()
    let call = try call(world)
    #expect(world.client.statistics.outstandingCalls == 1)
    if try world.client.takeReply(call) != nil { Issue.record("a reply before its time") }
    let delivery = try world.server.take()
    let receipt = try world.server.reply(to: delivery, data: [UInt8(7)].span.bytes)
    #expect(receipt.call == nil)
    #expect(world.client.buffers().map(\.state) == [.replied])
    // Replies do not come by `receive`.
    #expect(try world.client.isDrained)
    let reply = try world.client.takeArrivedReply(call)
    #expect(reply.data == [7])
    #expect(reply.offset == receipt.offset)
    expectEnded(world, call)
    reply.free()
    delivery.free()
    try world.expectNothingHeld()
  }

  @Test func aDeliveryHasOneReply() throws {
    let world = try World()
    let call = try call(world)
    let delivery = try world.server.take()
    try world.server.reply(to: delivery, data: RawSpan())
    let twice = failure { try world.server.reply(to: delivery, data: RawSpan()) }
    #expect(twice == .invalidArgument(.notACall(debugID: delivery.debugID)))
    let reply = try world.client.takeArrivedReply(call)
    let toReply = failure { try world.client.reply(to: reply, data: RawSpan()) }
    #expect(toReply == .invalidArgument(.notACall(debugID: reply.debugID)))
    reply.free()
    delivery.free()
    try world.send([1])
    let oneway = try world.server.take()
    let toOneway = failure { try world.server.reply(to: oneway, data: RawSpan()) }
    #expect(toOneway == .invalidArgument(.notACall(debugID: oneway.debugID)))
    oneway.free()
    try world.expectNothingHeld()
  }

  /// Another process's delivery: nothing changes, and its owner can answer afterwards. The other
  /// process has a call of its own at the same offset.
  @Test func onlyTheReceiverAnswers() throws {
    let world = try World()
    let call = try call(world)
    let other = try world.server.send(data: RawSpan(), to: world.client.makeNode()).call!
    let delivery = try world.server.take()
    let atSameOffset = try world.client.take()
    #expect(delivery.offset == 0 && atSameOffset.offset == 0)
    let error = failure { try world.client.reply(to: delivery, data: RawSpan()) }
    #expect(error == .invalidArgument(.notOwner(pid: 2, debugID: delivery.debugID)))
    try world.server.reply(to: delivery, data: [UInt8(1)].span.bytes)
    try world.client.reply(to: atSameOffset, data: [UInt8(2)].span.bytes)
    #expect(try world.client.takeArrivedReply(call).data == [1])
    #expect(try world.server.takeArrivedReply(other).data == [2])
    delivery.free()
    atSameOffset.free()
    try world.expectNothingHeld()
  }

  @Test func freeingWithoutAReplyFailsTheCall() throws {
    let world = try World()
    for keeps in [false, true] {
      let call = try call(world)
      if keeps {
        try world.server.free(at: try world.server.take().keep())
      } else {
        try world.server.take().free()
      }
      let error = failure { _ = try world.client.takeReply(call) }
      #expect(error == .failedReply(pid: 1))
      #expect(error?.errno == .brokenPipe)
      expectEnded(world, call)
    }
    try world.expectNothingHeld()
  }

  @Test func aReplyThatFailsEndsTheCall() throws {
    let world = try World()
    let room = world.client.makeNode()
    let call = try call(world)
    // The caller's region is full.
    let filler = try world.server.allocate(dataSize: 64 << 10, oneway: false, for: room)
    let delivery = try world.server.take()
    let error = failure { try world.server.reply(to: delivery, data: RawSpan()) }
    #expect(error == .noSpace(pid: 2, requested: 8, free: 0, largestFree: 0))
    #expect(world.client.statistics.failures == [.noSpace: 1])
    #expect(failure { _ = try world.client.takeReply(call) } == .failedReply(pid: 1))
    let twice = failure { try world.server.reply(to: delivery, data: RawSpan()) }
    #expect(twice?.kind == .invalidArgument)
    delivery.free()
    drop(filler)
    try world.expectNothingHeld()
  }

  enum Moment: CaseIterable { case queued, delivered, replied, failed, calleeExited }

  @Test(arguments: Moment.allCases)
  func abandoning(when: Moment) throws {
    let world = try World()
    let call = try call(world)
    var delivery: Delivery? = when == .queued ? nil : try world.server.take()
    switch when {
    case .queued, .delivered: break
    case .replied: try world.server.reply(to: delivery!, data: [UInt8(1)].span.bytes)
    case .failed: delivery = nil
    case .calleeExited: world.server.exit()
    }
    try world.client.abandon(call)
    expectEnded(world, call)
    if when == .queued { delivery = try world.server.take() }
    if when == .queued || when == .delivered {
      #expect(world.client.statistics.outstandingCalls == 1, "the callee still holds it")
      // It cannot know, and the reply goes unseen.
      try world.server.reply(to: delivery!, data: [UInt8](repeating: 1, count: 5000).span.bytes)
    }
    delivery = nil
    #expect(world.client.statistics.bufferCount == 0)
    try world.expectNothingHeld()
  }

  @Test func abandonedAndNeverAnswered() throws {
    let world = try World()
    let call = try call(world)
    try world.client.abandon(call)
    try world.server.take().free()
    expectEnded(world, call)
    try world.expectNothingHeld()
  }

  /// Entries are used again; old names do not reach new calls.
  @Test func oldNamesStayEnded() throws {
    let world = try World()
    var old: [CallID] = []
    for round in 0..<5 {
      let calls = try (0..<3).map { _ in try call(world) }
      #expect(Set(old + calls).count == 3 * (round + 1))
      for call in old { expectEnded(world, call) }
      for _ in calls {
        let delivery = try world.server.take()
        try world.server.reply(to: delivery, data: RawSpan())
      }
      for call in calls.shuffled() { try world.client.takeArrivedReply(call).free() }
      old += calls
    }
    try world.expectNothingHeld()
  }

  @Test func oneselfMayBeCalled() throws {
    let world = try World()
    let call = try world.server.send(data: [UInt8(5)].span.bytes, to: world.node).call!
    let delivery = try world.server.take()
    try world.server.reply(to: delivery, data: delivery.data.span.bytes)
    delivery.free()
    #expect(try world.server.takeArrivedReply(call).data == [5])
    // And die with the call pending.
    _ = try world.server.send(data: RawSpan(), to: world.node)
    #expect(!world.server.core.hasNoPins)
    world.server.exit()
    #expect(world.server.statistics.outstandingCalls == 0)
    #expect(world.server.core.hasNoPins)
    world.context.reclaim()
    #expect(world.budget.pagesInUse == 0)
  }
}

extension ProcessCore {
  /// Nothing keeps the core or its region any more but references.
  var hasNoPins: Bool {
    lock.lock()
    defer { lock.unlock() }
    return state.pointee.regionPins == 0 && state.pointee.callPins == 0
      && !state.pointee.retainedByPins
  }
}
