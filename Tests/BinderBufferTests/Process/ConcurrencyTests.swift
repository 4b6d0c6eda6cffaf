import PageAlloc
import Synchronization
import Testing

@testable import BinderBuffer

/// Threads that send, receive, answer and free in processes that they share, while pages are
/// reclaimed and processes die. Every payload arrives as it was sent, oneway ones in order, and at
/// the end nothing is held.
@Suite struct ConcurrencyTests {
  /// What all threads share.
  private final class Stage: Sendable {
    let budget = PageBudget(pages: 60)
    let context: Context
    let processes: [BinderProcess]
    let nodes: [[Node]]
    let isDone = Atomic<Bool>(false)
    let delivered = Atomic<Int>(0)
    let damaged = Atomic<Int>(0)
    let unexpected = Atomic<Int>(0)

    init(_ policies: [PlacementPolicy]) throws {
      context = Context(budget: budget)
      var processes: [BinderProcess] = []
      for (index, policy) in policies.enumerated() {
        processes.append(
          try context.makeProcess(pid: Int32(index + 1), regionLength: 128 << 10, policy: policy))
      }
      self.processes = processes
      nodes = processes.map { process in (0..<3).map { _ in process.makeNode() } }
    }
  }

  /// A payload says its own length and seed, and the rest follows from them.
  private static func payload(_ random: inout SplitMix64) -> [UInt8] {
    let size =
      random.next(upperBound: UInt64(8)) == 0
      ? Int.random(in: 8...20_000, using: &random) : Int.random(in: 8...300, using: &random)
    let seed = UInt32(truncatingIfNeeded: random.next())
    return [UInt8](unsafeUninitializedCapacity: size) { bytes, count in
      let bytes = UnsafeMutableRawBufferPointer(bytes)
      bytes.storeBytes(of: UInt32(size), as: UInt32.self)
      bytes.storeBytes(of: seed, toByteOffset: 4, as: UInt32.self)
      for index in 8..<size { bytes[index] = expected(seed, index) }
      count = size
    }
  }

  private static func expected(_ seed: UInt32, _ index: Int) -> UInt8 {
    UInt8(truncatingIfNeeded: (seed &+ UInt32(index)) &* 0x9e37_79b1 >> 24)
  }

  private static func isIntact(_ delivery: borrowing Delivery) -> Bool {
    delivery.withData { span in
      span.withUnsafeBytes { bytes in
        guard bytes.count >= 8, bytes.load(as: UInt32.self) == bytes.count else { return false }
        let seed = bytes.load(fromByteOffset: 4, as: UInt32.self)
        return (8..<bytes.count).allSatisfy { bytes[$0] == expected(seed, $0) }
      }
    }
  }

  /// One thread's part: sends to anybody, receives for `own`, answers, frees now or later.
  private static func act(_ stage: Stage, own: Int, seed: UInt64, steps: Int) {
    var random = SplitMix64(state: seed)
    let process = stage.processes[own]
    var calls: [TestCall] = []
    var kept: [Int] = []

    func expecting(_ kinds: Set<FailureKind>, _ step: () throws(BinderError) -> Void) {
      do throws(BinderError) {
        try step()
      } catch {
        if !kinds.contains(error.kind) { stage.unexpected.add(1, ordering: .relaxed) }
      }
    }
    func check(_ delivery: borrowing Delivery) {
      stage.delivered.add(1, ordering: .relaxed)
      if !isIntact(delivery) { stage.damaged.add(1, ordering: .relaxed) }
    }
    func handle(_ delivery: consuming Delivery) {
      check(delivery)
      if delivery.needsReply, random.next(upperBound: UInt64(8)) != 0 {
        expecting([.noSpace, .noMemory, .dead]) { () throws(BinderError) in
          try process.reply(to: delivery, payload(&random))
        }
      }
      if kept.count < 6, random.next(upperBound: UInt64(3)) == 0 { kept.append(delivery.keep()) }
    }

    for _ in 0..<steps {
      switch random.next(upperBound: UInt64(10)) {
      case 0...3:
        let target = Int(random.next(upperBound: UInt64(stage.nodes.count)))
        let node = stage.nodes[target].randomElement(using: &random)!
        let oneway = calls.count > 4 || Bool.random(using: &random)
        expecting([.noSpace, .noOnewaySpace, .noMemory, .dead]) { () throws(BinderError) in
          let bytes = payload(&random)
          if oneway {
            try process.send(bytes, to: node)
          } else {
            calls.append(try process.ask(bytes, node))
          }
        }
      case 4...7:
        expecting([]) { () throws(BinderError) in
          if let delivery = try process.receive() { handle(delivery) }
        }
      case 8:
        guard !kept.isEmpty else { break }
        let offset = kept.remove(at: Int(random.next(upperBound: UInt64(kept.count))))
        expecting([]) { () throws(BinderError) in try process.free(at: offset) }
      default:
        guard !calls.isEmpty else { break }
        let place = Int(random.next(upperBound: UInt64(calls.count)))
        let call = calls[place]
        if random.next(upperBound: UInt64(10)) == 0 {
          calls.remove(at: place)
          call.abandon()
        } else {
          var isOpen = false
          expecting([.failedReply, .dead]) { () throws(BinderError) in
            guard let reply = try call.take() else {
              isOpen = !call.hasEnded
              return
            }
            check(reply)
          }
          if !isOpen { calls.remove(at: place) }
        }
      }
    }
    for offset in kept {
      expecting([]) { () throws(BinderError) in try process.free(at: offset) }
    }
    for call in calls { call.abandon() }
  }

  /// Processes that live briefly, and die with deliveries held, calls open both ways, buffers in
  /// their queues and half filled.
  private static func liveAndDie(_ stage: Stage, seed: UInt64, lives: Int) {
    var random = SplitMix64(state: seed)
    for life in 0..<lives {
      do {
        let mortal = try stage.context.makeProcess(
          pid: Int32(1000 + Int(seed) * 1000 + life), regionLength: 64 << 10)
        let friend = stage.processes.randomElement(using: &random)!
        let node = mortal.makeNode()
        let data = payload(&random)
        for _ in 0..<3 { try friend.send(data, to: node) }
        let asked = try friend.ask(data, node)
        defer {
          // Wherever this ends, the friend's call does too.
          mortal.exit()
          asked.abandon()
        }
        let call = try? mortal.ask(
          payload(&random),
          stage.nodes.randomElement(using: &random)!.randomElement(using: &random)!)
        let filling = try friend.allocate(dataSize: 5000, oneway: false, for: node)
        if let delivery = try mortal.receive() {
          if !isIntact(delivery) { stage.damaged.add(1, ordering: .relaxed) }
          if Bool.random(using: &random) { mortal.exit() }
          if !isIntact(delivery) { stage.damaged.add(1, ordering: .relaxed) }
        }
        mortal.exit()
        _ = sendFailure(friend, filling, to: node)
        do throws(BinderError) {
          if try asked.take() != nil { stage.unexpected.add(1, ordering: .relaxed) }
        } catch {
          if error != .dead(pid: mortal.pid, .receiverExited) { throw error }
        }
        _ = call
      } catch let error as BinderError {
        if ![.noMemory, .noSpace, .noOnewaySpace].contains(error.kind) {
          stage.unexpected.add(1, ordering: .relaxed)
        }
      } catch {
        stage.unexpected.add(1, ordering: .relaxed)
      }
    }
  }

  @Test(arguments: 1...2)
  func everythingAtOnce(seed: UInt64) throws {
    var stage: Stage? = try Stage([.rust, .c, .c61])
    let budget = stage!.budget
    try run(stage!, seed)
    stage = nil
    #expect(budget.pagesInUse == 0)
  }

  private func run(_ stage: Stage, _ seed: UInt64) throws {
    let workers = 6
    let left = SharedCount(workers + 1)
    onThreads(workers + 2) { index in
      switch index {
      case 0..<workers:
        Self.act(stage, own: index % 3, seed: seed &* 100 &+ UInt64(index), steps: 1500)
        left.value.subtract(1, ordering: .relaxed)
      case workers:
        Self.liveAndDie(stage, seed: seed, lives: 40)
        left.value.subtract(1, ordering: .relaxed)
      default:
        while left.value.load(ordering: .relaxed) > 0 {
          stage.context.reclaim(16)
          waitABit()
        }
      }
    }
    // What nobody took.
    for process in stage.processes {
      while let delivery = try process.receive() {
        #expect(Self.isIntact(delivery) == true)
        delivery.free()
      }
    }
    #expect(stage.damaged.load(ordering: .relaxed) == 0)
    #expect(stage.unexpected.load(ordering: .relaxed) == 0)
    #expect(stage.delivered.load(ordering: .relaxed) > 500)
    for process in stage.processes {
      let counts = process.statistics
      #expect(counts.bufferCount == 0 && counts.bytesInUse == 0 && counts.pagesInUse == 0)
      #expect(counts.freeBytes == counts.regionLength)
      #expect(counts.freeOnewaySpace == counts.regionLength / 2)
      #expect(counts.pendingTransactions == 0 && counts.outstandingCalls == 0)
      #expect(process.core.isUnheld)
      #expect(process.core.violation == nil)
    }
    stage.context.reclaim()
    #expect(stage.budget.pagesInUse == 0)
  }

  /// One sender, one receiver, both blocking: order is kept, and no wake-up is lost.
  @Test func pingPong() throws {
    let world = try World()
    let (server, client, node) = (world.server, world.client, world.node)
    let rounds = 1000
    onThreads(2) { index in
      do {
        for round in 0..<rounds {
          if index == 0 {
            guard let delivery = try server.receive(timeout: .seconds(60)) else { return }
            let data = delivery.data
            try server.reply(to: delivery, data)
          } else {
            let data = [UInt8(truncatingIfNeeded: round), UInt8(truncatingIfNeeded: round >> 8)]
            let call = try client.ask(data, node)
            guard let reply = try call.await(.seconds(60)) else {
              Issue.record("no reply in round \(round)")
              return
            }
            #expect(reply.data == data)
          }
        }
      } catch {
        Issue.record("\(error)")
      }
    }
    #expect(server.statistics.received == rounds)
    try world.expectNothingHeld()
  }

  /// Oneway transactions of several senders to one node: each sender's arrive in its order, one
  /// at a time.
  @Test func onewayOrderAmongThreads() throws {
    let world = try World()
    let (server, client, node) = (world.server, world.client, world.node)
    let (senders, each) = (3, 400)
    let held = SharedCount(0)
    let disorder = SharedCount(0)
    let received = SharedCount(0)
    onThreads(senders + 2) { index in
      if index < senders {
        for number in 0..<each {
          let data = [UInt8(index), UInt8(truncatingIfNeeded: number), UInt8(number >> 8)]
          while (try? client.send(data, to: node)) == nil {
            waitABit()
          }
        }
      } else {
        var last = [Int](repeating: -1, count: senders)
        while received.value.load(ordering: .relaxed) < senders * each {
          guard let delivery = try? server.receive(timeout: .milliseconds(10)) else { continue }
          received.value.add(1, ordering: .relaxed)
          if held.value.add(1, ordering: .relaxed).newValue != 1 {
            disorder.value.add(1, ordering: .relaxed)
          }
          let data = delivery.data
          let number = Int(data[1]) | Int(data[2]) << 8
          // Two receivers share the numbers, so each sees an ascending part of them.
          if number <= last[Int(data[0])] { disorder.value.add(1, ordering: .relaxed) }
          last[Int(data[0])] = number
          held.value.subtract(1, ordering: .relaxed)
          delivery.free()
        }
      }
    }
    #expect(disorder.value.load(ordering: .relaxed) == 0)
    #expect(server.statistics.received == senders * each)
    try world.expectNothingHeld()
  }
}

extension ProcessCore {
  /// What the process's parts disagree about.
  var violation: String? {
    do throws(InvariantViolation) {
      try checkInvariants()
      return nil
    } catch {
      return error.description
    }
  }
}
