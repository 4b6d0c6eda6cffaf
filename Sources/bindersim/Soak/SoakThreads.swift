internal import BinderBuffer
internal import PageAlloc

/// Memory in which messages of any workload are assembled.
@safe final class SoakOutbox {
  private final class Holder {
    var outbox: Outbox
    init(_ workload: Workload) { outbox = Outbox(for: workload) }
  }

  private let holders = Workload.all.map { Holder($0) }

  func transaction(for message: Message, isReply: Bool) -> Transaction {
    holders[Int(message.id) % holders.count].outbox.transaction(for: message, isReply: isReply)
  }
}

/// Sends messages of all workloads to all places, and completes its calls.
struct SoakSender: ~Copyable {
  private static let patience = Duration.milliseconds(200)

  let world: SoakWorld
  let index: Int
  let stop: StopFlag
  private var random: SplitMix64
  private let outbox = SoakOutbox()
  private var tally = Tally()

  init(_ world: SoakWorld, index: Int, round: Int, stop: StopFlag) {
    self.world = world
    self.index = index
    self.stop = stop
    random = SplitMix64(seed: SplitMix64.mix(world.seed &+ UInt64(round)) ^ UInt64(index))
  }

  consuming func run() -> Tally {
    while !stop.isRaised {
      do throws(BinderError) {
        try sendOne()
      } catch {
        tally.count(error)
        // The receiver has no room or is dying, which is expected.
        MonotonicClock.sleep(nanoseconds: 20_000)
      }
    }
    return tally
  }

  private mutating func sendOne() throws(BinderError) {
    let sender = world[random.next(below: SoakWorld.places)].process
    let nodes = world[random.next(below: SoakWorld.places)].nodes
    let node = nodes[random.next(below: nodes.count)]
    let message = world.message(UInt32(truncatingIfNeeded: random.next()))
    let transaction = outbox.transaction(for: message, isReply: false)
    if random.next(below: 16) == 0 { return try abandonOne(sender, node, transaction) }
    var sent = try sender.transmit(transaction, to: node)
    tally.count(sent.receipt, of: message, isReply: false)
    guard let call = sent.call.take() else { return }
    if random.next(below: 32) == 0 { return call.abandon() }
    guard case .replied(let reply) = try call.awaitReply(timeout: Self.patience) else {
      tally.timeouts += 1
      return
    }
    tally.inspect(reply, of: message, pid: sender.pid)
    reply.free()
  }

  /// Fills half a buffer, then abandons it.
  private func abandonOne(
    _ sender: BinderProcess, _ node: Node, _ transaction: Transaction
  ) throws(BinderError) {
    var allocation = try sender.allocateOneway(dataSize: transaction.data.length, for: node)
    var reader = transaction.data.reader()
    try allocation.copy(from: &reader, length: transaction.data.length / 2)
    _ = consume allocation
  }
}

/// Receives at one place, whichever process is there, checks every byte, replies and frees.
struct SoakReceiver: ~Copyable {
  private static let mostHeld = 24

  let world: SoakWorld
  let place: Int
  let stop: StopFlag
  private var random: SplitMix64
  private let outbox = SoakOutbox()
  private var held: [(process: BinderProcess, offset: Int)] = []
  private var tally = Tally()

  init(_ world: SoakWorld, place: Int, round: Int, stop: StopFlag) {
    self.world = world
    self.place = place
    self.stop = stop
    random = SplitMix64(seed: SplitMix64.mix(world.seed ^ UInt64(round)) ^ UInt64(place + 1000))
  }

  consuming func run() -> Tally {
    while true {
      // Read before receiving, so that everything sent before it was set is received below.
      let isLast = stop.isRaised
      let process = world[place].process
      do throws(BinderError) {
        if let delivery = try process.receive(timeout: isLast ? .zero : .milliseconds(2)) {
          handle(delivery, process)
        } else if isLast {
          if held.isEmpty { return tally }
          // Freeing a oneway buffer may deliver the next one.
          while let last = held.popLast() { free(last) }
        } else if !held.isEmpty {
          // A caller may be waiting for exactly this one.
          free(held.removeFirst())
        }
      } catch {
        tally.count(error)
      }
    }
  }

  private mutating func handle(_ delivery: consuming Delivery, _ process: BinderProcess) {
    let message = world.message(delivery.code)
    tally.inspect(delivery, of: message, pid: process.pid)
    let isIgnored = delivery.needsReply && random.next(below: 32) == 0
    let isAnswered = delivery.needsReply && !isIgnored
    let isKept = !isIgnored && random.next(below: 3) == 0
    let answer = outbox.transaction(for: message, isReply: true)
    do throws(BinderError) {
      if isKept {
        let offset = delivery.keep()
        held.append((process, offset))
        guard isAnswered else { return }
        tally.count(
          try process.reply(answer, toBufferAt: offset), of: message, isReply: true)
      } else if isAnswered {
        tally.count(try delivery.reply(answer), of: message, isReply: true)
      } else {
        delivery.free()
      }
    } catch {
      tally.count(error)
    }
    if held.count > Self.mostHeld {
      free(held.remove(at: random.next(below: held.count)))
    }
  }

  private mutating func free(_ kept: (process: BinderProcess, offset: Int)) {
    do throws(BinderError) {
      try kept.process.free(at: kept.offset)
    } catch {
      // Dead processes have nothing to free.
      if error.kind != .dead {
        world.report(
          InvariantViolation(
            "a kept buffer can be freed", expected: "success", found: "\(error)"))
      }
    }
  }
}

/// Reclaims pages, changes the budget, kills processes and checks the invariants while all run.
struct SoakDisruption: ~Copyable {
  let world: SoakWorld
  let stop: StopFlag
  private var random: SplitMix64
  private(set) var deaths = 0

  init(_ world: SoakWorld, round: Int, stop: StopFlag) {
    self.world = world
    self.stop = stop
    random = SplitMix64(seed: SplitMix64.mix(world.seed) &+ UInt64(round))
  }

  consuming func run() -> Int {
    while !stop.isRaised {
      switch random.next(below: 16) {
      case 0:
        do throws(BinderError) {
          try world.replace(random.next(below: SoakWorld.places), &random)
          deaths += 1
        } catch {
          world.report(
            InvariantViolation(
              "a new process can be made", expected: "success", found: "\(error)"))
        }
      case 1..<4: world.context.reclaim()
      case 4..<8: world.context.reclaim(random.next(below: 64))
      case 8..<10:
        world.budget.limit = SoakWorld.budgetPages / 2 + random.next(below: SoakWorld.budgetPages)
      default:
        do throws(InvariantViolation) {
          try world[random.next(below: SoakWorld.places)].process.checkInvariants()
        } catch {
          world.report(error)
        }
      }
      MonotonicClock.sleep(nanoseconds: UInt64(random.next(below: 2_000_000)))
    }
    return deaths
  }
}
