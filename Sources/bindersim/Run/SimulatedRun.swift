internal import BinderBuffer

/// A run on one thread in simulated time: requests arrive at the workload's rate, and buffers are
/// held for its hold times. The seed alone decides what happens.
struct SimulatedRun: ~Copyable {
  private enum Event {
    /// Requests from one process to another, this many in a row.
    case burst(of: Int)
    case send(from: Int, to: Int)
    case receive(member: Int)
    case takeReply(PendingCall, HeldCall)
    case free(member: Int, offset: Int, id: UInt32)
  }

  private struct PendingCall {
    let message: Message
    let member: Int
    let thread: Int
    let sentAt: UInt64
  }

  /// Bounds of the time, in nanoseconds, that a thread takes to wake up.
  private static let wakeUp = 20_000...200_000
  /// And between the messages of a burst.
  private static let burstGap = 1000...40_000

  private let simulation: Simulation
  private var events = EventQueue<Event>()
  private var random: SplitMix64
  private var outbox: Outbox
  private var tally = Tally()
  private var checksum = Checksum()
  /// Requests that were sent, and those that are sure to be.
  private var sequence = 0
  private var planned = 0
  private var now: UInt64 = 0
  /// By number of the message: who sent it when.
  private var underWay: [UInt32: PendingCall] = [:]
  /// By member: threads that await a reply.
  private var callers: [ThreadNumbers]

  init(_ simulation: Simulation) {
    self.simulation = simulation
    random = SplitMix64(seed: simulation.options.seed)
    outbox = Outbox(for: simulation.options.workload)
    callers = [ThreadNumbers](repeating: ThreadNumbers(), count: simulation.members.count)
    addBurst(at: 0)
  }

  /// Runs to the end.
  consuming func run() -> RunReport {
    perform(until: .max)
    return RunReport(
      simulation, tally, elapsed: now, checksum: checksum.hexadecimal,
      wasInterrupted: Interrupt.wasRequested)
  }

  /// Runs up to that moment and leaves everything as it is then.
  consuming func run(until moment: UInt64) -> Tally {
    perform(until: moment)
    return tally
  }

  private mutating func perform(until end: UInt64) {
    let start = MonotonicClock.now()
    var progress = Progress()
    while let time = events.nextTime, time <= end, let (_, event) = events.next() {
      now = time
      checksum.add(Int(time))
      simulation.recorder?.advance(to: time)
      perform(event)
      progress.show { line(since: start) }
    }
  }

  private mutating func perform(_ event: Event) {
    do throws(BinderError) {
      switch event {
      case .burst(let count): begin(count)
      case .send(let member, let target): try send(from: member, to: target)
      case .receive(let member): try receive(member)
      case .takeReply(let pending, let call): try takeReply(pending, call)
      case .free(let member, let offset, let id): try free(member, offset, id)
      }
    } catch {
      count(error)
    }
  }

  private mutating func count(_ error: BinderError) {
    tally.count(error)
    checksum.add(-1 - error.kind.rawValue)
  }

  // MARK: Arrivals

  private mutating func begin(_ count: Int) {
    let senders = simulation.senders
    let member = senders.lowerBound + random.next(below: senders.count)
    let target = simulation.target(of: member, &random)
    var time = now
    for _ in 0..<count {
      events.add(.send(from: member, to: target), at: time)
      time += UInt64(random.next(in: Self.burstGap))
    }
    let options = simulation.options
    let mean = options.workload.burst * 1_000_000_000 / options.workload.arrivalsPerSecond
    addBurst(at: now + UInt64(random.next(in: 0...2 * mean)))
  }

  private mutating func addBurst(at time: UInt64) {
    let options = simulation.options
    var count = random.next(in: 1...2 * options.workload.burst - 1)
    if let limit = options.transactions { count = min(count, limit - planned) }
    if let end = options.duration, time >= end.nanoseconds { return }
    guard count > 0, !Interrupt.wasRequested else { return }
    planned += count
    events.add(.burst(of: count), at: time)
  }

  // MARK: Steps of a transaction

  private mutating func send(from member: Int, to target: Int) throws(BinderError) {
    let options = simulation.options
    let node = simulation.node(of: target, &random)
    let message = options.workload.message(UInt32(truncatingIfNeeded: sequence), seed: options.seed)
    sequence += 1
    let caller = message.isOneway ? 0 : callers[member].take()
    let pending = PendingCall(message: message, member: member, thread: caller, sentAt: now)
    let buffer = simulation.buffer(
      message, isReply: false, from: member, to: target, node: node)
    let thread = Simulation.thread(member, caller)
    let transaction = outbox.transaction(for: message, isReply: false)
    var sent: SentTransaction
    do throws(BinderError) {
      sent = try simulation.members[member].process.transmit(transaction, to: node)
    } catch {
      if !message.isOneway { callers[member].giveBack(caller) }
      simulation.noteFailure(buffer, error, thread: thread, at: now)
      throw error
    }
    note(sent.receipt, buffer, message, thread: thread)
    underWay[message.id] = pending
    wake(.receive(member: target))
    if let call = sent.call.take() { wake(.takeReply(pending, HeldCall(call))) }
  }

  private mutating func note(
    _ receipt: Receipt, _ buffer: SentBuffer, _ message: Message, thread: Int32
  ) {
    tally.count(receipt, of: message, isReply: buffer.kind == .reply)
    simulation.noteSent(buffer, receipt, thread: thread, from: now, to: now)
    checksum.add(receipt.offset)
    checksum.add(receipt.size)
    checksum.add(receipt.isSpam ? 1 : 0)
  }

  private mutating func receive(_ member: Int) throws(BinderError) {
    let process = simulation.members[member].process
    guard let delivery = try process.receive() else { return }
    checksum.add(delivery.offset)
    let message = Inspection.message(of: delivery, in: simulation.options)
    let thread = Simulation.looper(member)
    simulation.noteReceived(delivery.debugID, by: member, thread: thread, at: now)
    tally.inspect(delivery, of: message, pid: process.pid)
    let (id, needsReply) = (delivery.debugID, delivery.needsReply)
    let offset = delivery.keep()
    if let pending = underWay.removeValue(forKey: message.id) {
      tally.record(.delivery, from: pending.sentAt, to: now)
      if needsReply { answer(offset, pending, from: member, thread) }
    }
    if message.isLeaked {
      tally.leaks.append(Leak(member: member, offset: offset))
    } else {
      events.add(.free(member: member, offset: offset, id: id), at: now + message.hold)
    }
  }

  private mutating func answer(
    _ offset: Int, _ pending: PendingCall, from member: Int, _ thread: Int32
  ) {
    let process = simulation.members[member].process
    let buffer = simulation.buffer(
      pending.message, isReply: true, from: member, to: pending.member,
      awaitedBy: Simulation.thread(pending.member, pending.thread))
    let transaction = outbox.transaction(for: pending.message, isReply: true)
    do throws(BinderError) {
      let receipt = try process.reply(transaction, toBufferAt: offset)
      note(receipt, buffer, pending.message, thread: thread)
    } catch {
      // The call has failed, which the caller is told.
      simulation.noteFailure(buffer, error, thread: thread, at: now)
      count(error)
    }
  }

  private mutating func takeReply(_ pending: PendingCall, _ held: HeldCall) throws(BinderError) {
    let process = simulation.members[pending.member].process
    guard let call = held.call.take() else { return }
    do throws(BinderError) {
      guard let reply = try call.takeReply(elseTo: &held.call) else {
        return wake(.takeReply(pending, held))
      }
      callers[pending.member].giveBack(pending.thread)
      checksum.add(reply.offset)
      let (id, thread) = (reply.debugID, Simulation.thread(pending.member, pending.thread))
      simulation.noteReceived(id, by: pending.member, thread: thread, at: now)
      tally.record(.roundTrip, from: pending.sentAt, to: now)
      tally.inspect(reply, of: pending.message, pid: process.pid)
      reply.free()
      simulation.noteFreed(id, by: pending.member, thread: thread, from: now, to: now)
    } catch {
      callers[pending.member].giveBack(pending.thread)
      throw error
    }
  }

  private mutating func free(_ member: Int, _ offset: Int, _ id: UInt32) throws(BinderError) {
    checksum.add(offset)
    try simulation.members[member].process.free(at: offset)
    simulation.noteFreed(
      id, by: member, thread: Simulation.looper(member), from: now, to: now)
    // It may have been the oneway buffer that the next of its node waits for.
    wake(.receive(member: member))
  }

  private mutating func wake(_ event: Event) {
    events.add(event, at: now + UInt64(random.next(in: Self.wakeUp)))
  }

  private func line(since start: UInt64) -> String {
    let options = simulation.options
    let elapsed = MonotonicClock.now() - start
    let (done, total) =
      options.transactions.map { (sequence, $0) }
      ?? (Int(clamping: now), options.duration.map { Int(clamping: $0.nanoseconds) })
    return "\(Format.time(nanoseconds: now)) simulated, "
      + Format.progress(sequence, "requests", in: elapsed, done: done, of: total)
  }
}

/// The lowest numbers that are not taken.
private struct ThreadNumbers {
  private var free: [Int] = []
  private var next = 0

  mutating func take() -> Int {
    if let number = free.popLast() { return number }
    next += 1
    return next - 1
  }

  mutating func giveBack(_ number: Int) { free.append(number) }
}
