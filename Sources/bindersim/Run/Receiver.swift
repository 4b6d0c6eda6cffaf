internal import BinderBuffer
internal import Synchronization

/// One thread that receives, checks, answers, and frees at once or after a while.
struct Receiver: ~Copyable {
  /// As many buffers at most as the busiest process of the captures had.
  private static let holdLimit = 16
  private static let idle: UInt64 = 20_000_000

  let simulation: Simulation
  let process: Process
  let senders: [SenderState]
  /// Raised when nothing more will be sent.
  let stop: StopFlag
  private var outbox: Outbox
  private var held: [(offset: Int, due: UInt64)] = []
  private var tally = Tally()

  init(_ simulation: Simulation, member: Int, senders: [SenderState], stop: StopFlag) {
    self.simulation = simulation
    process = simulation.members[member].process
    self.senders = senders
    self.stop = stop
    outbox = Outbox(for: simulation.options.workload)
    held.reserveCapacity(Self.holdLimit)
  }

  consuming func run() -> Tally {
    while true {
      freeHeld(dueBy: MonotonicClock.now())
      // Read before receiving: what was sent before it was raised is received below.
      let isLast = stop.isRaised
      do throws(BinderError) {
        let timeout = isLast ? 0 : timeToNextDue(atMost: Self.idle)
        if let delivery = try process.receive(timeout: .nanoseconds(timeout)) {
          handle(delivery)
        } else if isLast {
          // To free a oneway buffer may deliver the next one.
          if held.isEmpty { return tally }
          freeHeld(dueBy: .max)
        }
      } catch {
        tally.count(error)
        return tally
      }
    }
  }

  private mutating func handle(_ delivery: consuming Delivery) {
    let received = MonotonicClock.now()
    let message = Inspection.message(of: delivery, in: simulation.options)
    // A corrupted number names a sender that may not exist.
    let index = SenderState.index(ofSenderOf: message.id)
    if index < senders.count {
      let sender = senders[index]
      if message.isOneway { sender.waiting.wrappingSubtract(1, ordering: .relaxed) }
      if let sent = sender.sendTime(of: message.id, now: received) {
        tally.record(.delivery, from: sent, to: received)
      }
    }
    tally.inspect(delivery, of: message, pid: process.pid)
    tally.record(.read, from: received, to: MonotonicClock.now())
    if delivery.needsReply { answer(delivery, message) }
    dispose(delivery, message)
  }

  private mutating func answer(_ delivery: borrowing Delivery, _ message: Message) {
    let transaction = outbox.transaction(for: message, isReply: true)
    let start = MonotonicClock.now()
    do throws(BinderError) {
      let receipt = try process.reply(to: delivery, transaction)
      tally.record(.send, from: start, to: MonotonicClock.now())
      tally.count(receipt, of: message, isReply: true)
    } catch {
      // The buffer is freed without an answer, which the caller is told.
      tally.count(error)
    }
  }

  private mutating func dispose(_ delivery: consuming Delivery, _ message: Message) {
    let isStrict = simulation.options.workload.holdTimes.isStrict
    if isStrict {
      while held.count == Self.holdLimit { waitForNextDue() }
    }
    if message.isHeld, held.count < Self.holdLimit {
      held.append((delivery.keep(), MonotonicClock.now() + message.hold))
    } else {
      let start = MonotonicClock.now()
      delivery.free()
      tally.record(.free, from: start, to: MonotonicClock.now())
    }
  }

  private mutating func waitForNextDue() {
    MonotonicClock.sleep(nanoseconds: timeToNextDue(atMost: Self.idle))
    freeHeld(dueBy: stop.isRaised ? .max : MonotonicClock.now())
  }

  private func timeToNextDue(atMost limit: UInt64) -> UInt64 {
    guard let due = held.map(\.due).min() else { return limit }
    let now = MonotonicClock.now()
    return due > now ? min(limit, due - now) : 0
  }

  private mutating func freeHeld(dueBy time: UInt64) {
    for index in held.indices.reversed() where held[index].due <= time {
      let start = MonotonicClock.now()
      do throws(BinderError) {
        try process.free(at: held[index].offset)
        tally.record(.free, from: start, to: MonotonicClock.now())
      } catch {
        tally.count(error)
      }
      held.remove(at: index)
    }
  }
}
