import PageAlloc
import Synchronization
import Testing

@testable import BinderBuffer

/// Threads that wait are woken by what they wait for, and by the end of it. They would wait for ever:
/// a lost wake-up is seen after ten seconds.
@Suite(.timeLimit(.minutes(15))) struct BlockingTests {
  /// What a thread waited for.
  enum Outcome: Equatable {
    case data([UInt8])
    case nothing
    case failed(BinderError)
  }

  fileprivate static func outcome(_ wait: () throws(BinderError) -> Delivery?) -> Outcome {
    do throws(BinderError) {
      guard let delivery = try wait() else { return .nothing }
      return .data(delivery.data)
    } catch {
      return .failed(error)
    }
  }

  /// What `wait` comes to when `wake` runs while it blocks.
  private func outcome(
    blockedOn process: BinderProcess,
    of wait: @escaping @Sendable () throws(BinderError) -> Delivery?,
    wokenBy wake: () throws -> Void
  ) throws -> Outcome {
    let (result, isDone) = (ThreadResult<Outcome>(), SharedCount(0))
    let thread = TestThread {
      result.value = Self.outcome(wait)
      isDone.value.store(1, ordering: .releasing)
    }
    waitUntil { process.core.waiterCount == 1 }
    try wake()
    guard waitUntil({ isDone.value.load(ordering: .acquiring) == 1 }) else {
      // The thread sleeps on; it is left behind.
      return .nothing
    }
    thread.join()
    return result.value!
  }

  @Test func receivingIsWokenBySending() throws {
    let world = try World()
    let server = world.server
    let found = try outcome(
      blockedOn: server,
      of: { () throws(BinderError) in try server.receive(timeout: .seconds(Int64.max)) },
      wokenBy: { try world.send([1, 2]) })
    #expect(found == .data([1, 2]))
    try world.expectNothingHeld()
  }

  @Test func receivingIsWokenByAFreeThatLetsTheNextOnewayIn() throws {
    let world = try World()
    let server = world.server
    try world.send([1])
    try world.send([2])
    let first = Handoff(try server.take())
    let found = try outcome(
      blockedOn: server,
      of: { () throws(BinderError) in try server.receive(timeout: .seconds(Int64.max)) },
      wokenBy: { first.open()!.free() })
    #expect(found == .data([2]))
    try world.expectNothingHeld()
  }

  @Test func receivingIsWokenByExit() throws {
    let world = try World()
    let server = world.server
    let found = try outcome(
      blockedOn: server,
      of: { () throws(BinderError) in try server.receive(timeout: .seconds(Int64.max)) },
      wokenBy: { server.exit() })
    #expect(found == .failed(.dead(pid: 1, .receiverExited)))
    try world.expectNothingHeld()
  }

  enum End: CaseIterable { case reply, free, calleeExits, callerExits }

  @Test(arguments: End.allCases)
  func awaitingAReply(end: End) throws {
    let world = try World()
    let client = world.client
    let call = try world.send([1], oneway: false).call!
    let delivery = Handoff(try world.server.take())
    let found = try outcome(
      blockedOn: client,
      of: { () throws(BinderError) in try call.await(.seconds(Int64.max)) },
      wokenBy: {
        switch end {
        case .reply:
          let delivery = delivery.open()!
          try world.server.reply(to: delivery, [UInt8(8)])
        case .free: delivery.open()!.free()
        case .calleeExits: world.server.exit()
        case .callerExits: client.exit()
        }
      })
    let expected: Outcome =
      switch end {
      case .reply: .data([8])
      case .free: .failed(.failedReply(pid: 1))
      case .calleeExits: .failed(.dead(pid: 1, .receiverExited))
      case .callerExits: .failed(.dead(pid: 2, .receiverExited))
      }
    #expect(found == expected)
    _ = delivery.open()
    try world.expectNothingHeld()
  }

  /// Two threads await replies of different processes: each goes on with its own, whichever came first.
  @Test(arguments: [[0, 1], [1, 0]], [End.reply, .free, .calleeExits])
  func aReplyEndsItsOwnWait(order: [Int], end: End) throws {
    let world = try World()
    let client = world.client
    let other = try world.context.makeProcess(pid: 3, regionLength: 64 << 10)
    let servers = [world.server, other]
    let calls = try servers.map { try client.ask([1], $0.makeNode()) }
    let deliveries = try servers.map { Handoff(try $0.take()) }
    let sleepers = calls.map { call in
      Sleeper(in: client) { () throws(BinderError) in try call.await(.seconds(Int64.max)) }
    }
    for index in order {
      let expected: Outcome
      switch end {
      case .reply:
        try servers[index].reply(to: deliveries[index].open()!, [UInt8(index)])
        expected = .data([UInt8(index)])
      case .free:
        deliveries[index].open()!.free()
        expected = .failed(.failedReply(pid: servers[index].pid))
      case .calleeExits, .callerExits:
        servers[index].exit()
        expected = .failed(.dead(pid: servers[index].pid, .receiverExited))
      }
      #expect(sleepers[index].outcome() == expected)
    }
    for delivery in deliveries { _ = delivery.open() }
    try world.expectNothingHeld()
  }

  /// The end of a process ends the waits of all its threads: for what comes in, and for replies.
  @Test func exitEndsEveryWait() throws {
    let world = try World()
    let (client, server) = (world.client, world.server)
    let calls = try (0..<2).map { _ in try client.ask([1], server.makeNode()) }
    let receivers = (0..<2).map { _ in
      Sleeper(in: client) { () throws(BinderError) in
        try client.receive(timeout: .seconds(Int64.max))
      }
    }
    let callers = calls.map { call in
      Sleeper(in: client) { () throws(BinderError) in try call.await(.seconds(Int64.max)) }
    }
    client.exit()
    for sleeper in receivers + callers {
      #expect(sleeper.outcome() == .failed(.dead(pid: 2, .receiverExited)))
    }
  }

  /// Each of several receivers gets one of as many transactions.
  @Test func oneWakeUpForEach() throws {
    let world = try World()
    let server = world.server
    let results = (0..<4).map { _ in ThreadResult<Outcome>() }
    let threads = results.map { result in
      TestThread {
        result.value = Self.outcome { () throws(BinderError) in
          try server.receive(timeout: .seconds(60))
        }
      }
    }
    waitUntil { server.core.waiterCount == 4 }
    for number in 0..<4 { try world.send([UInt8(number)], to: server.makeNode()) }
    for thread in threads { thread.join() }
    let data = results.compactMap { result -> UInt8? in
      if case .data(let bytes)? = result.value { bytes[0] } else { nil }
    }
    #expect(data.sorted() == [0, 1, 2, 3])
    try world.expectNothingHeld()
  }

  @Test(arguments: [
    Duration.zero, .milliseconds(1), .nanoseconds(1), .seconds(-1), .nanoseconds(-1),
    .seconds(Int64.min),
  ])
  func timeouts(timeout: Duration) throws {
    let world = try World()
    let (server, client) = (world.server, world.client)
    #expect(
      Self.outcome { () throws(BinderError) in try server.receive(timeout: timeout) } == .nothing)
    let call = try world.send([1], oneway: false).call!
    #expect(
      Self.outcome { () throws(BinderError) in try call.await(timeout) }
        == .nothing)
    // What is there already comes, however short the timeout.
    #expect(
      Self.outcome { () throws(BinderError) in try server.receive(timeout: timeout) } == .data([1]))
    #expect(
      Self.outcome { () throws(BinderError) in try call.await(timeout) }
        == .failed(.failedReply(pid: 1)))
    try world.expectNothingHeld()
  }
}

/// A thread that sleeps for something of a process.
private final class Sleeper: Sendable {
  private let result = ThreadResult<BlockingTests.Outcome>()
  private let isDone = SharedCount(0)
  private let thread: TestThread

  /// Returns when it sleeps.
  init(
    in process: BinderProcess, _ wait: @escaping @Sendable () throws(BinderError) -> Delivery?
  ) {
    let (result, isDone, before) = (result, isDone, process.core.waiterCount)
    thread = TestThread {
      result.value = BlockingTests.outcome(wait)
      isDone.value.store(1, ordering: .releasing)
    }
    waitUntil { process.core.waiterCount > before }
  }

  /// What it waited for; nil, and an issue, when it sleeps on. Then it is left behind.
  func outcome() -> BlockingTests.Outcome? {
    guard waitUntil({ isDone.value.load(ordering: .acquiring) == 1 }) else { return nil }
    thread.join()
    return result.value
  }
}

/// A result that a thread leaves behind.
final class ThreadResult<Value>: @unchecked Sendable {
  var value: Value?
}

extension ProcessCore {
  var waiterCount: Int { locked { $0.waiters[.arrival] + $0.waiters[.reply] } }
}
