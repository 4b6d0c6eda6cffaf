import PageAlloc
import Testing

@testable import BinderBuffer

/// Calls: one reply each, an end in every case.
@Suite struct CallTests {
  private func call(_ world: World) throws -> TestCall {
    try world.send([1], oneway: false).call!
  }

  private func expectEnded(
    _ world: World, _ call: TestCall, _ location: SourceLocation = #_sourceLocation
  ) {
    #expect(call.hasEnded, sourceLocation: location)
  }

  @Test func aReplyIsTakenOnce() throws {
    let world = try World()
    let call = try call(world)
    #expect(world.client.statistics.outstandingCalls == 1)
    if try call.take() != nil { Issue.record("a reply before its time") }
    let delivery = try world.server.take()
    let receipt = try world.server.reply(to: delivery, [7])
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
    try world.server.reply(to: delivery)
    let twice = failure { try world.server.reply(to: delivery) }
    #expect(twice == .invalidArgument(.notACall(debugID: delivery.debugID)))
    let reply = try world.client.takeArrivedReply(call)
    let toReply = failure { try world.client.reply(to: reply) }
    #expect(toReply == .invalidArgument(.notACall(debugID: reply.debugID)))
    reply.free()
    delivery.free()
    try world.send([1])
    let oneway = try world.server.take()
    let toOneway = failure { try world.server.reply(to: oneway) }
    #expect(toOneway == .invalidArgument(.notACall(debugID: oneway.debugID)))
    oneway.free()
    try world.expectNothingHeld()
  }

  /// Two calls at the same offset of two regions: each delivery answers its own.
  @Test func onlyTheReceiverAnswers() throws {
    let world = try World()
    let call = try call(world)
    let other = try world.server.ask([], world.client.makeNode())
    let delivery = try world.server.take()
    let atSameOffset = try world.client.take()
    #expect(delivery.offset == 0 && atSameOffset.offset == 0)
    try delivery.reply([1])
    try atSameOffset.reply([2])
    #expect(try world.client.takeArrivedReply(call).data == [1])
    #expect(try world.server.takeArrivedReply(other).data == [2])
    try world.expectNothingHeld()
  }

  /// A reply frees the buffer that it answers; a kept buffer is answered where it is, once.
  @Test func repliesConsume() throws {
    let world = try World()
    let first = try call(world)
    try world.server.take().reply([7])
    #expect(world.server.statistics.bufferCount == 0)
    #expect(try world.client.takeArrivedReply(first).data == [7])

    let second = try call(world)
    let offset = try world.server.take().keep()
    let again = try world.server.take(at: offset)
    #expect(again.data == [1] && again.needsReply)
    #expect(again.keep() == offset)
    try withTransaction([8], oneway: false) { _ = try world.server.reply($0, toBufferAt: offset) }
    let twice = failure {
      try withTransaction([9], oneway: false) {
        _ = try world.server.reply($0, toBufferAt: offset)
      }
    }
    #expect(twice?.kind == .invalidArgument)
    #expect(try world.client.takeArrivedReply(second).data == [8])
    #expect(failure { _ = try world.server.take(at: offset + 8) }?.kind == .invalidArgument)
    try world.server.free(at: offset)
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
      let error = failure { _ = try call.take() }
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
    let error = failure { try world.server.reply(to: delivery) }
    #expect(error == .noSpace(pid: 2, requested: 8, free: 0, largestFree: 0))
    #expect(world.client.statistics.failures == FailureCounts([.noSpace: 1]))
    #expect(failure { _ = try call.take() } == .failedReply(pid: 1))
    let twice = failure { try world.server.reply(to: delivery) }
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
    case .replied: try world.server.reply(to: delivery!, [UInt8(1)])
    case .failed: delivery = nil
    case .calleeExited: world.server.exit()
    }
    call.abandon()
    expectEnded(world, call)
    if when == .queued { delivery = try world.server.take() }
    if when == .queued || when == .delivered {
      #expect(world.client.statistics.outstandingCalls == 0, "its maker has seen the end")
      // It cannot know, and the reply goes unseen.
      try world.server.reply(to: delivery!, [UInt8](repeating: 1, count: 5000))
    }
    delivery = nil
    #expect(world.client.statistics.bufferCount == 0)
    try world.expectNothingHeld()
  }

  @Test func abandonedAndNeverAnswered() throws {
    let world = try World()
    let call = try call(world)
    call.abandon()
    try world.server.take().free()
    expectEnded(world, call)
    try world.expectNothingHeld()
  }

  /// Entries are used again, and each call gets its own reply.
  @Test func entriesAreUsedAgain() throws {
    let world = try World()
    for _ in 0..<5 {
      let calls = try (0..<3).map { try world.client.ask([UInt8($0)], world.node) }
      for _ in calls {
        let delivery = try world.server.take()
        let data = delivery.data
        try delivery.reply(data)
      }
      for (index, call) in calls.enumerated().shuffled() {
        #expect(try world.client.takeArrivedReply(call).data == [UInt8(index)])
      }
      #expect(world.client.core.locked { $0.inbox.calls.heldEnds.any } == 0)
    }
    try world.expectNothingHeld()
  }

  @Test func oneselfMayBeCalled() throws {
    let world = try World()
    let call = try world.server.ask([UInt8(5)], world.node)
    let delivery = try world.server.take()
    try world.server.reply(to: delivery, delivery.data)
    delivery.free()
    #expect(try world.server.takeArrivedReply(call).data == [5])
    // And die with the call pending.
    let last = try world.server.ask([], world.node)
    #expect(!world.server.core.isUnheld)
    world.server.exit()
    #expect(world.server.statistics.outstandingCalls == 0)
    last.abandon()
    #expect(world.server.core.isUnheld)
    world.context.reclaim()
    #expect(world.budget.pagesInUse == 0)
  }
}

extension ProcessCore {
  /// Nothing keeps the core or its region any more but references.
  var isUnheld: Bool { locked { !$0.inbox.isHeld && !$0.isRetained } }
}
