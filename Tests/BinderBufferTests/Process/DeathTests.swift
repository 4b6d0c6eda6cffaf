import PageAlloc
import Testing

@testable import BinderBuffer

/// What the death of a process does to those it had to do with.
@Suite struct DeathTests {
  @Test func nothingCanBeDoneWithADeadProcess() throws {
    let world = try World()
    let kept = try world.keep(100)
    world.server.exit()
    world.server.exit()
    let dead = BinderError.dead(pid: 1, .receiverExited)
    for oneway in [true, false] {
      let error = failure { try world.send([1], oneway: oneway) }
      #expect(error == dead)
      #expect(error?.errno == .noSuchProcess)
    }
    #expect(failure { _ = try world.server.receive() } == dead)
    #expect(failure { _ = try world.server.receive(timeout: .seconds(60)) } == dead)
    #expect(failure { try world.server.free(at: kept) } == dead)
    #expect(failure { try world.server.mapRegion(length: 4096) } == dead)
    #expect(failure { _ = try world.server.readOnlyDescriptor() } == dead)
    #expect(world.server.statistics.bufferCount == 0)
    #expect(world.server.statistics.policy == nil)
    #expect(world.server.buffers().isEmpty && world.server.framedPages().isEmpty)
    try world.expectNothingHeld()
  }

  /// One that found nothing before, and has not looked under the lock since, learns of the end too.
  @Test func aPollerLearnsOfTheEnd() throws {
    let world = try World()
    #expect(try world.server.isDrained)
    world.server.exit()
    #expect(failure { _ = try world.server.receive() } == .dead(pid: 1, .receiverExited))
  }

  /// A reply that has arrived goes with its caller; its call may be given up, or asked for, later.
  @Test func anArrivedReplyGoesWithItsCaller() throws {
    let world = try World()
    let givenUp = try world.client.ask([1], world.node)
    let askedFor = try world.client.ask([2], world.node)
    for _ in 0..<2 { try world.server.take().reply([3]) }
    #expect(world.client.statistics.bufferCount == 2)
    world.client.exit()
    givenUp.abandon()
    #expect(failure { _ = try askedFor.take() } == .dead(pid: 2, .receiverExited))
    try world.expectNothingHeld()
  }

  /// A process that dies while its answer is on the way has not answered.
  @Test func aDeadReplierAnswersNothing() throws {
    let world = try World()
    let (server, client) = (world.server.core, world.client.core)
    let call = try world.client.ask([1], world.node)
    let delivery = try world.server.take()
    let caller = try server.takeCaller(ofBufferAt: delivery.offset, isKept: false)
    let answer = try client.reserve(
      TransactionLayout(data: 8, offsets: 0, extra: 0, securityContext: 0), oneway: false,
      sender: 1)
    world.server.exit()
    do throws(BinderError) {
      try client.answer(caller.call, answer, code: 0, flags: [], from: server)
      Issue.record("a dead process answered")
    } catch {
      #expect(error == .dead(pid: 1, .senderExited))
    }
    #expect(try call.take() == nil)
    ProcessCore.fail(caller, .calleeExited(1))
    #expect(failure { _ = try call.take() } == .dead(pid: 1, .receiverExited))
    delivery.free()
    try world.expectNothingHeld()
  }

  @Test func aDeadSenderSendsNothing() throws {
    let world = try World()
    let filling = try world.client.allocate(dataSize: 100, oneway: true, for: world.node)
    let filling2 = try world.client.allocate(dataSize: 100, oneway: false, for: world.node)
    world.client.exit()
    let dead = BinderError.dead(pid: 2, .senderExited)
    #expect(failure { try world.send([1]) } == dead)
    #expect(
      failure { _ = try world.client.allocate(dataSize: 1, oneway: true, for: world.node) }
        == dead)
    // Nor what it was filling when it died.
    #expect(sendFailure(world.client, filling, to: world.node) == dead)
    #expect(sendFailure(world.client, filling2, to: world.node)?.kind == .dead)
    #expect(try world.server.isDrained)
    try world.expectNothingHeld()
  }

  @Test func buffersLiveOnWhenTheirSenderDies() throws {
    let world = try World()
    try world.send([1, 2, 3])
    let call = try world.send([4], oneway: false)
    world.client.exit()
    #expect(failure { _ = try call.call!.take() }?.kind == .dead)
    #expect(try world.server.take().data == [1, 2, 3])
    let delivery = try world.server.take()
    #expect(delivery.data == [4])
    #expect(delivery.senderPID == 2)
    let error = failure { try world.server.reply(to: delivery) }
    #expect(error == .dead(pid: 2, .receiverExited))
    delivery.free()
    #expect(world.client.core.isUnheld)
    try world.expectNothingHeld()
  }

  enum Moment: CaseIterable { case queued, delivered, kept, beingFilled }

  @Test(arguments: Moment.allCases)
  func aReceiverDiesWithACallPending(when: Moment) throws {
    let world = try World()
    let dead = BinderError.dead(pid: 1, .receiverExited)
    if when == .beingFilled {
      var allocation = try world.client.allocate(dataSize: 5000, oneway: false, for: world.node)
      world.server.exit()
      #expect(world.budget.pagesInUse == 2, "its pages stay while it is filled")
      try allocation.fillZero(at: 0, length: 5000)
      #expect(sendFailure(world.client, allocation, to: world.node) == dead)
    } else {
      let call = try world.send([1], oneway: false).call!
      var delivery: Delivery?
      if when != .queued { delivery = try world.server.take() }
      if when == .kept { _ = delivery.take()!.keep() }
      world.server.exit()
      if let open = delivery.take() {
        #expect(open.data == [1])
        let late = failure { try world.server.reply(to: open) }
        #expect(late == dead)
        open.free()
      }
      #expect(failure { _ = try call.take() } == dead)
    }
    #expect(world.server.core.isUnheld)
    try world.expectNothingHeld()
  }

  /// Also one that was held by its bare offset for a while.
  @Test(arguments: [false, true]) func aDeliveryOutlivesItsProcess(wasKept: Bool) throws {
    let world = try World()
    weak var core: ProcessCore?
    var delivery: Delivery?
    do {
      let mortal = try world.context.makeProcess(pid: 3, regionLength: 64 << 10)
      core = mortal.core
      let node = mortal.makeNode()
      for _ in 0..<2 { try world.send([UInt8](repeating: 5, count: 5000), to: node) }
      // Some idle pages too.
      try world.send([UInt8](repeating: 6, count: 9000), to: mortal.makeNode())
      delivery = try mortal.take()
      if wasKept { delivery = try mortal.take(at: delivery.take()!.keep()) }
      try mortal.take().free()
    }
    // The handle is gone; so are the idle pages, and the pid can be used again.
    #expect(core != nil)
    let before = data(of: delivery)
    #expect(before == [UInt8](repeating: 5, count: 5000))
    #expect(world.budget.pagesInUse == 2, "the buffer that is held; the one that waited is gone")
    let namesake = try world.context.makeProcess(pid: 3, regionLength: 4096)
    try world.send([1], to: namesake.makeNode())
    #expect(try namesake.take().data == [1])
    world.context.reclaim()
    let after = data(of: delivery)
    #expect(after == before)
    #expect(world.budget.pagesInUse == 2)
    delivery = nil
    #expect(world.budget.pagesInUse == 0)
    #expect(core == nil)
  }

  @Test func keepingAfterDeathIsFreeing() throws {
    let world = try World()
    weak var core: ProcessCore?
    var delivery: Delivery?
    do {
      let mortal = try world.context.makeProcess(pid: 3, regionLength: 64 << 10)
      core = mortal.core
      try world.send([1], to: mortal.makeNode())
      delivery = try mortal.take()
    }
    _ = delivery.take()!.keep()
    #expect(world.budget.pagesInUse == 0)
    #expect(core == nil)
  }

  @Test func anAllocationOutlivesItsReceiver() throws {
    let world = try World()
    weak var core: ProcessCore?
    var allocation: ReservedBuffer?
    do {
      let mortal = try world.context.makeProcess(pid: 3, regionLength: 64 << 10)
      core = mortal.core
      allocation = try world.client.allocate(
        dataSize: 5000, oneway: true, for: mortal.makeNode())
    }
    try allocation!.write([UInt8(1), 2, 3].span.bytes, at: 4090)
    #expect(world.budget.pagesInUse == 2)
    allocation = nil
    #expect(world.budget.pagesInUse == 0)
    #expect(core == nil)
  }

  /// A call that nobody will take keeps the caller's core, not its region, until it is answered.
  @Test func aCallerDiesFirst() throws {
    let world = try World()
    weak var core: ProcessCore?
    do {
      let mortal = try world.context.makeProcess(pid: 3, regionLength: 64 << 10)
      core = mortal.core
      _ = try mortal.call([], to: world.node)
    }
    #expect(core != nil)
    try world.server.take().free()
    #expect(core == nil)
    try world.expectNothingHeld()
  }

  @Test func everythingGoesWithTheLastReference() throws {
    weak var server: ProcessCore?
    weak var context: Context?
    do {
      let world = try World()
      (server, context) = (world.server.core, world.context)
      try world.send([1], oneway: false)
      try world.send([2])
    }
    #expect(server == nil)
    #expect(context == nil)
  }

  /// The last claims on a process go on two threads at once: its handle, and a delivery of a call
  /// that is never answered, or the answer itself.
  @Test(arguments: [false, true])
  func lastClaimsRace(answers: Bool) throws {
    let world = try World()
    for round in 0..<300 {
      weak var core: ProcessCore?
      weak var caller: ProcessCore?
      do {
        var callee: BinderProcess? = try world.context.makeProcess(
          pid: 100, regionLength: 4096)
        var client: BinderProcess? = try world.context.makeProcess(
          pid: 101, regionLength: 4096)
        (core, caller) = (callee!.core, client!.core)
        let call = try client!.ask([], callee!.makeNode())
        let delivery = Handoff(try callee!.take())
        let (handle, clientHandle) = (Handoff(callee.take()!), Handoff(client.take()!))
        onThreads(3) { thread in
          switch (thread + round) % 3 {
          case 0:
            let delivery = delivery.open()!
            if answers, let callee = handle.open() {
              _ = try? callee.reply(to: delivery)
            }
            delivery.free()
          case 1:
            let client = clientHandle.open()!
            // Whatever comes, something comes.
            if let reply = try? call.await(.seconds(60)) { reply.free() }
          default:
            if !answers { _ = handle.open() }
          }
        }
        _ = handle.open()
      }
      #expect(core == nil && caller == nil)
      #expect(world.budget.pagesInUse == 0)
    }
  }
}

private func data(of delivery: borrowing Delivery?) -> [UInt8]? {
  switch delivery {
  case .some(let delivery): delivery.data
  case .none: nil
  }
}
