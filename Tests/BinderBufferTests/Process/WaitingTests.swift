import Glibc
import PageAlloc
import Testing

@testable import BinderBuffer

/// Waiting without a thread: in event loops and in tasks.
@Suite(.timeLimit(.minutes(15))) struct WaitingTests {
  /// An event loop: descriptors by number, closed at the end.
  private final class Loop {
    private var entries: [pollfd] = []

    func add(_ descriptor: CInt) {
      entries.append(pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0))
    }

    /// The numbers of those that are readable now.
    func ready() -> [Int] {
      _ = poll(&entries, nfds_t(entries.count), 0)
      return entries.indices.filter { entries[$0].revents & Int16(POLLIN) != 0 }
    }

    deinit { for entry in entries { close(entry.fd) } }
  }

  private func isReadable(_ descriptor: CInt) -> Bool {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&entry, 1, 0) == 1 && entry.revents & Int16(POLLIN) != 0
  }

  @Test func theDescriptorIsReadableWhileSomethingCanBeReceived() throws {
    let world = try World()
    let arrivals = try world.server.arrivalDescriptor()
    defer { close(arrivals) }
    #expect(!isReadable(arrivals))
    try world.send([1], to: world.server.makeNode())
    try world.send([2], to: world.server.makeNode())
    #expect(isReadable(arrivals))
    #expect(try world.server.receive()?.data == [1])
    #expect(isReadable(arrivals), "there is another")
    #expect(try world.server.receive()?.data == [2])
    #expect(try world.server.receive() == nil)
    #expect(!isReadable(arrivals))
    // What came before the descriptor was made is told too.
    try world.send([3])
    let later = try world.server.arrivalDescriptor()
    defer { close(later) }
    #expect(isReadable(later) && isReadable(arrivals))
    #expect(fcntl(later, F_GETFD) & FD_CLOEXEC != 0 && later > 2)
    #expect(try world.server.receive()?.data == [3])
    #expect(try world.server.receive() == nil)
    #expect(!isReadable(later) && !isReadable(arrivals))
    try world.expectNothingHeld()
  }

  /// The next oneway transaction of a node comes with the free of the one before.
  @Test func aFreeThatLetsTheNextGoIsAnArrival() throws {
    let world = try World()
    let arrivals = try world.server.arrivalDescriptor()
    defer { close(arrivals) }
    try world.send([1])
    try world.send([2])
    let first = try world.server.take()
    #expect(try world.server.receive() == nil)
    #expect(!isReadable(arrivals))
    first.free()
    #expect(isReadable(arrivals))
    #expect(try world.server.receive()?.data == [2])
  }

  @Test func theEndIsReadable() throws {
    let world = try World()
    let arrivals = try world.server.arrivalDescriptor()
    defer { close(arrivals) }
    world.server.exit()
    #expect(isReadable(arrivals))
    #expect(throws: BinderError.dead(pid: 1, .receiverExited)) { try world.server.receive() }
    #expect(isReadable(arrivals), "for good")
    #expect(throws: BinderError.dead(pid: 1, .receiverExited)) {
      try world.server.arrivalDescriptor()
    }
    let bare = try world.context.makeProcess(pid: 3)
    #expect(throws: BinderError.dead(pid: 3, .noRegion)) { try bare.arrivalDescriptor() }
  }

  /// A caller that closes its descriptor leaves the others theirs.
  @Test func descriptorsAreTheCallersOwn() throws {
    let world = try World()
    let first = try world.server.arrivalDescriptor()
    close(first)
    let second = try world.server.arrivalDescriptor()
    defer { close(second) }
    try world.send([1])
    #expect(isReadable(second))
  }

  /// One thread serves two hundred processes: each request is answered, none is waited for.
  @Test func oneLoopServesManyProcesses() throws {
    let context = Context()
    let client = try context.makeProcess(pid: 1000, regionLength: 64 << 10)
    let servers = try (1...200).map {
      try context.makeProcess(pid: Int32($0), regionLength: 16 << 10)
    }
    let nodes = servers.map { $0.makeNode() }
    let loop = Loop()
    for server in servers { loop.add(try server.arrivalDescriptor()) }
    #expect(loop.ready() == [])
    for round in 0..<20 {
      let asked = stride(from: round, to: 200, by: 7).map { $0 }
      for number in asked { _ = try client.send([UInt8(round)], to: nodes[number]) }
      #expect(loop.ready() == asked)
      var served: [Int] = []
      for number in loop.ready() {
        while let delivery = try servers[number].receive() {
          #expect(delivery.data == [UInt8(round)])
          served.append(number)
        }
      }
      #expect(served == asked)
      #expect(loop.ready() == [])
    }
  }

  @Test func aThreadAndALoopMayWaitForTheSame() throws {
    let world = try World()
    let arrivals = try world.server.arrivalDescriptor()
    defer { close(arrivals) }
    let server = world.server
    let result = ThreadResult<[UInt8]>()
    let thread = TestThread {
      result.value = (try? server.receive(timeout: .seconds(600)))??.data
    }
    // The descriptor counts as one that waits, the thread as the other.
    waitUntil { server.core.waiterCount == 2 }
    try world.send([7])
    thread.join()
    #expect(result.value == [7])
    #expect(try server.receive() == nil)
    #expect(!isReadable(arrivals))
  }

  // MARK: tasks

  @Test func deliveriesComeInOrderUntilTheProcessExits() async throws {
    let world = try World()
    let (server, client, node) = (world.server, world.client, world.node)
    let received = Task {
      var codes: [UInt32] = []
      for try await received in server.deliveries {
        guard let delivery = received.take() else { continue }
        codes.append(delivery.code)
        if delivery.needsReply { try delivery.reply([1]) }
      }
      return codes
    }
    for code in 0..<100 as Range<UInt32> { try client.send([1], code: code, to: node) }
    for code in 100..<110 as Range<UInt32> {
      guard
        case .replied(let reply) = try client.call([2], code: code, to: node).awaitReply(
          timeout: .seconds(600))
      else {
        Issue.record("no reply")
        break
      }
      #expect(reply.data == [1])
    }
    // Calls overtake; the oneway ones keep their order.
    while server.statistics.pendingTransactions > 0 { await Task.yield() }
    server.exit()
    let codes = try await received.value
    #expect(codes.filter { $0 < 100 } == Array(0..<100))
    #expect(codes.filter { $0 >= 100 } == Array(100..<110))
  }

  /// Far more tasks wait than there are threads for them, and each goes on when it is its turn.
  @Test func waitingTasksTakeNoThread() async throws {
    let context = Context()
    let client = try context.makeProcess(pid: 1000, regionLength: 64 << 10)
    let servers = try (1...300).map {
      try context.makeProcess(pid: Int32($0), regionLength: 8 << 10)
    }
    let total = try await withThrowingTaskGroup(of: Int.self) { group in
      for server in servers {
        group.addTask {
          guard let delivery = try await server.nextDelivery() else { return 0 }
          return Int(delivery.code)
        }
      }
      for (number, server) in servers.enumerated().reversed() {
        while !server.core.hasWatch { await Task.yield() }
        try client.send([1], code: UInt32(number), to: server.makeNode())
      }
      return try await group.reduce(0, +)
    }
    #expect(total == (0..<300).reduce(0, +))
    // Nobody waits any more, and nobody pays for it.
    #expect(servers.allSatisfy { $0.core.waiterCount == 0 && !$0.core.hasWatch })
  }

  @Test func cancellingEndsTheWait() async throws {
    let world = try World()
    let server = world.server
    let task = Task { try await server.nextDelivery() == nil }
    while !server.core.hasWatch { await Task.yield() }
    task.cancel()
    #expect(try await task.value)
    #expect(!server.core.hasWatch && server.core.waiterCount == 0)
    // A task that was cancelled before takes nothing.
    try world.send([5])
    let other = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      return try await server.nextDelivery() == nil
    }
    #expect(try await other.value)
    #expect(try server.receive()?.data == [5])
  }

  /// An arrival that woke a task which is cancelled just then is not lost to the others.
  @Test func anArrivalIsPassedOnByACancelledTask() async throws {
    for _ in 0..<200 {
      let world = try World()
      let (server, node) = (world.server, world.node)
      let first = Task { try await data(of: server) }
      let second = Task { try await data(of: server) }
      while server.core.taskCount < 2 { await Task.yield() }
      async let cancelled: Void = first.cancel()
      try world.client.send([9], to: node)
      await cancelled
      if try await first.value == nil {
        #expect(try await second.value == [9])
      } else {
        server.exit()
        #expect(try await second.value == nil)
      }
    }
  }

  /// The runtime cancels under a lock of the task, which resuming takes too: no order of the two may
  /// block. Cancelled from another thread while arrivals come.
  @Test func cancellingAndArrivingAtOnceNeverBlock() async throws {
    let world = try World()
    let (server, client) = (world.server, world.client)
    let nodes = (0..<4).map { _ in server.makeNode() }
    var sent = 0
    var received = 0
    for round in 0..<500 {
      let waiting = (0..<4).map { _ in Task { try await data(of: server) != nil } }
      let canceller = TestThread { for task in waiting { task.cancel() } }
      if round % 2 == 0 {
        for node in nodes { try client.send([1], to: node) }
        sent += 4
      }
      for task in waiting where try await task.value { received += 1 }
      canceller.join()
      while let delivery = try server.receive() {
        delivery.free()
        received += 1
      }
    }
    #expect(received == sent)
    #expect(!server.core.hasWatch && server.core.waiterCount == 0)
    try world.expectNothingHeld()
  }

  private func data(of server: BinderProcess) async throws -> [UInt8]? {
    guard let delivery = try await server.nextDelivery() else { return nil }
    return delivery.data
  }

  @Test func aProcessWithoutARegionThrows() async throws {
    let bare = try Context().makeProcess(pid: 3)
    await #expect(throws: BinderError.dead(pid: 3, .noRegion)) {
      for try await _ in bare.deliveries {}
    }
  }

  /// What nobody takes out of an element is freed with it.
  @Test func untakenDeliveriesAreFreed() async throws {
    let world = try World()
    try world.send([1])
    var iterator = world.server.deliveries.makeAsyncIterator()
    var received = try await iterator.next()
    #expect(world.server.statistics.bufferCount == 1)
    #expect(received != nil)
    received = nil
    try world.expectNothingHeld()
  }
}

extension ProcessCore {
  /// Whether somebody waits for arrivals without a thread.
  fileprivate var hasWatch: Bool { locked { $0.watch != nil } }
  /// How many tasks do.
  fileprivate var taskCount: Int { locked { $0.watch?.taskCount ?? 0 } }
}
