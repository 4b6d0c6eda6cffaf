internal import BinderBuffer

/// A run on one thread in simulated time: requests arrive at the workload's rate, and buffers are
/// held for its hold times. The seed alone decides what happens.
struct SimulatedRun: ~Copyable {
  private enum Event {
    case send
    case receive(member: Int)
    case takeReply(member: Int, CallID, Message)
    case free(member: Int, offset: Int)
  }

  /// Bounds of the time, in nanoseconds, that a thread takes to wake up.
  private static let wakeUp = 20_000...200_000

  private let simulation: Simulation
  private var events = EventQueue<Event>()
  private var random: SplitMix64
  private var outbox: Outbox
  private var tally = Tally()
  private var checksum = Checksum()
  private var sequence = 0
  private var now: UInt64 = 0

  init(_ simulation: Simulation) {
    self.simulation = simulation
    random = SplitMix64(seed: simulation.options.seed)
    outbox = Outbox(for: simulation.options.workload)
  }

  consuming func run() -> RunReport {
    let start = MonotonicClock.now()
    var progress = Progress()
    events.add(.send, at: 0)
    while let (time, event) = events.next() {
      now = time
      checksum.add(Int(time))
      perform(event)
      progress.show { line(since: start) }
    }
    return RunReport(
      simulation, tally, elapsed: now, checksum: checksum.hexadecimal,
      wasInterrupted: Interrupt.wasRequested)
  }

  private mutating func perform(_ event: Event) {
    do throws(BinderError) {
      switch event {
      case .send:
        scheduleNextSend()
        try send()
      case .receive(let member):
        try receive(member)
      case .takeReply(let member, let call, let message):
        try takeReply(member, call, message)
      case .free(let member, let offset):
        checksum.add(offset)
        try simulation.members[member].process.free(at: offset)
        // It may have been the oneway buffer that the next of its node waits for.
        wake(.receive(member: member))
      }
    } catch {
      tally.count(error)
      checksum.add(-1 - error.kind.rawValue)
    }
  }

  private mutating func scheduleNextSend() {
    let options = simulation.options
    let mean = 1_000_000_000 / options.workload.arrivalsPerSecond
    let next = now + UInt64(random.next(in: 0...2 * mean))
    if let limit = options.transactions, sequence + 1 >= limit { return }
    if let end = options.duration, next >= end.nanoseconds { return }
    if Interrupt.wasRequested { return }
    events.add(.send, at: next)
  }

  private mutating func send() throws(BinderError) {
    let options = simulation.options
    let member = random.next(below: simulation.members.count)
    let target = simulation.target(of: member, &random)
    let message = options.workload.message(UInt32(truncatingIfNeeded: sequence), seed: options.seed)
    sequence += 1
    let transaction = outbox.transaction(for: message, isReply: false)
    let receipt = try simulation.members[member].process.send(transaction, to: target.node)
    note(receipt, message, isReply: false)
    wake(.receive(member: target.member))
    if let call = receipt.call { wake(.takeReply(member: member, call, message)) }
  }

  private mutating func receive(_ member: Int) throws(BinderError) {
    let process = simulation.members[member].process
    guard let delivery = try process.receive() else { return }
    checksum.add(delivery.offset)
    let message = Inspection.message(of: delivery, in: simulation.options)
    tally.inspect(delivery, of: message, pid: process.pid)
    if delivery.needsReply {
      let transaction = outbox.transaction(for: message, isReply: true)
      let receipt = try process.reply(to: delivery, transaction)
      note(receipt, message, isReply: true)
    }
    events.add(.free(member: member, offset: delivery.keep()), at: now + message.hold)
  }

  private mutating func takeReply(
    _ member: Int, _ call: CallID, _ message: Message
  ) throws(BinderError) {
    let process = simulation.members[member].process
    guard let reply = try process.takeReply(call) else {
      wake(.takeReply(member: member, call, message))
      return
    }
    checksum.add(reply.offset)
    tally.inspect(reply, of: message, pid: process.pid)
    reply.free()
  }

  private mutating func note(_ receipt: Receipt, _ message: Message, isReply: Bool) {
    tally.count(receipt, of: message, isReply: isReply)
    checksum.add(receipt.offset)
    checksum.add(receipt.size)
    checksum.add(receipt.isSpam ? 1 : 0)
  }

  private mutating func wake(_ event: Event) {
    events.add(event, at: now + UInt64(random.next(in: Self.wakeUp)))
  }

  private func line(since start: UInt64) -> String {
    "\(Format.time(nanoseconds: now)) simulated, \(Format.grouped(sequence)) requests, "
      + "\(Format.grouped(Format.rate(sequence, in: MonotonicClock.now() - start)))/s"
  }
}
