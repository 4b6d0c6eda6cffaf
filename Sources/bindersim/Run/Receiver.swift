internal import BinderBuffer
internal import Synchronization

/// One thread that receives, checks, answers, and frees at once or after a while.
struct Receiver: ~Copyable {
  private struct HeldBuffer {
    let offset: Int
    let id: UInt32
  }

  private static let idle: UInt64 = 20_000_000

  let simulation: Simulation
  let member: Int
  let thread: Int32
  let process: BinderProcess
  let senders: [SenderState]
  /// Raised when nothing more will be sent.
  let stop: StopFlag
  private var outbox: Outbox
  /// By the time when they are to be freed.
  private var held = EventQueue<HeldBuffer>()
  private var tally = Tally()

  init(
    _ simulation: Simulation, member: Int, thread: Int32, senders: [SenderState], stop: StopFlag
  ) {
    self.simulation = simulation
    self.member = member
    self.thread = thread
    process = simulation.members[member].process
    self.senders = senders
    self.stop = stop
    outbox = Outbox(for: simulation.options.workload)
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
          if held.count == 0 { return tally }
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
    simulation.noteReceived(delivery.debugID, by: member, thread: thread, at: received)
    tally.inspect(delivery, of: message, pid: process.pid)
    tally.record(.read, from: received, to: MonotonicClock.now())
    let (id, caller, needsReply) = (delivery.debugID, delivery.senderPID, delivery.needsReply)
    let offset = delivery.keep()
    if needsReply { answer(offset, message, from: caller) }
    dispose(offset, id, message)
  }

  private mutating func answer(_ offset: Int, _ message: Message, from pid: Int32) {
    let transaction = outbox.transaction(for: message, isReply: true)
    let caller = simulation.member(ofPID: pid)
    let start = MonotonicClock.now()
    do throws(BinderError) {
      let receipt = try process.reply(transaction, toBufferAt: offset)
      let end = MonotonicClock.now()
      tally.record(.send, from: start, to: end)
      tally.count(receipt, of: message, isReply: true)
      simulation.noteSent(
        answer(message, to: caller), receipt, thread: thread, from: start, to: end)
    } catch {
      // The call has failed, which the caller is told.
      tally.count(error)
      simulation.noteFailure(answer(message, to: caller), error, thread: thread, at: start)
    }
  }

  private func answer(_ message: Message, to caller: Int) -> SentBuffer {
    simulation.buffer(
      message, isReply: true, from: member, to: caller,
      awaitedBy: senders[SenderState.index(ofSenderOf: message.id)].thread)
  }

  private mutating func dispose(_ offset: Int, _ id: UInt32, _ message: Message) {
    if message.isLeaked {
      tally.leaks.append(Leak(member: member, offset: offset))
      return
    }
    let holdTimes = simulation.options.workload.holdTimes
    if holdTimes.isStrict {
      while held.count == holdTimes.limit { waitForNextDue() }
    }
    let buffer = HeldBuffer(offset: offset, id: id)
    if message.isHeld, held.count < holdTimes.limit {
      held.add(buffer, at: MonotonicClock.now() + message.hold)
    } else {
      free(buffer)
    }
  }

  private mutating func free(_ buffer: HeldBuffer) {
    let start = MonotonicClock.now()
    do throws(BinderError) {
      try process.free(at: buffer.offset)
      noteFreed(buffer.id, since: start)
    } catch {
      tally.count(error)
    }
  }

  private mutating func noteFreed(_ id: UInt32, since start: UInt64) {
    let end = MonotonicClock.now()
    tally.record(.free, from: start, to: end)
    simulation.noteFreed(id, by: member, thread: thread, from: start, to: end)
  }

  private mutating func waitForNextDue() {
    MonotonicClock.sleep(nanoseconds: timeToNextDue(atMost: Self.idle))
    freeHeld(dueBy: stop.isRaised ? .max : MonotonicClock.now())
  }

  private func timeToNextDue(atMost limit: UInt64) -> UInt64 {
    guard let due = held.nextTime else { return limit }
    let now = MonotonicClock.now()
    return due > now ? min(limit, due - now) : 0
  }

  private mutating func freeHeld(dueBy time: UInt64) {
    while let due = held.nextTime, due <= time, let (_, buffer) = held.next() { free(buffer) }
  }
}
