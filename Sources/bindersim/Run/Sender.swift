internal import BinderBuffer
internal import Synchronization

/// One thread that sends requests to other processes and awaits the replies to its calls.
struct Sender: ~Copyable {
  private static let replyTimeout = Duration.seconds(10)
  /// How long a sender rests that was refused, or that has too many oneway messages waiting.
  private static let pause: UInt64 = 50_000

  let simulation: Simulation
  let member: Int
  let state: SenderState
  let quota: Int
  let stop: StopFlag
  private let thread: Int32
  private var random: SplitMix64
  private var outbox: Outbox
  private var tally = Tally()

  init(_ simulation: Simulation, state: SenderState, quota: Int, stop: StopFlag) {
    self.simulation = simulation
    member = state.member
    self.state = state
    self.quota = quota
    self.stop = stop
    thread = state.thread
    random = SplitMix64(seed: simulation.options.seed ^ SplitMix64.mix(UInt64(state.index)))
    outbox = Outbox(for: simulation.options.workload)
  }

  consuming func run() -> Tally {
    for sequence in 0..<quota {
      waitForWindow()
      guard !stop.isRaised else { break }
      sendOne(state.id(sequence))
      state.sent.wrappingAdd(1, ordering: .relaxed)
    }
    return tally
  }

  private func waitForWindow() {
    guard let window = simulation.options.workload.onewayWindow else { return }
    while state.waiting.load(ordering: .relaxed) >= window, !stop.isRaised {
      MonotonicClock.sleep(nanoseconds: Self.pause)
    }
  }

  private mutating func sendOne(_ id: UInt32) {
    let options = simulation.options
    let process = simulation.members[member].process
    let message = options.workload.message(id, seed: options.seed)
    let target = simulation.target(of: member, &random)
    let node = simulation.node(of: target, &random)
    let transaction = outbox.transaction(for: message, isReply: false)
    if message.isOneway { state.waiting.wrappingAdd(1, ordering: .relaxed) }
    let start = MonotonicClock.now()
    state.note(id, sentAt: start)
    do throws(BinderError) {
      var sent = try process.transmit(transaction, to: node)
      let receipt = sent.receipt
      let end = MonotonicClock.now()
      tally.record(.send, from: start, to: end)
      tally.count(receipt, of: message, isReply: false)
      simulation.noteSent(
        simulation.buffer(message, isReply: false, from: member, to: target, node: node), receipt,
        thread: thread, from: start, to: end)
      if let call = sent.call.take() { try awaitReply(to: message, call, sentAt: start) }
    } catch {
      tally.count(error)
      simulation.noteFailure(
        simulation.buffer(message, isReply: false, from: member, to: target, node: node), error,
        thread: thread, at: start)
      if message.isOneway { state.waiting.wrappingSubtract(1, ordering: .relaxed) }
      MonotonicClock.sleep(nanoseconds: Self.pause)
    }
  }

  private mutating func awaitReply(
    to message: Message, _ call: consuming Call, sentAt start: UInt64
  ) throws(BinderError) {
    let process = simulation.members[member].process
    guard case .replied(let reply) = try call.awaitReply(timeout: Self.replyTimeout) else {
      tally.timeouts += 1
      return
    }
    let received = MonotonicClock.now()
    tally.record(.roundTrip, from: start, to: received)
    tally.inspect(reply, of: message, pid: process.pid)
    let read = MonotonicClock.now()
    tally.record(.read, from: received, to: read)
    let id = reply.debugID
    simulation.noteReceived(id, by: member, thread: thread, at: received)
    reply.free()
    let freed = MonotonicClock.now()
    tally.record(.free, from: read, to: freed)
    simulation.noteFreed(id, by: member, thread: thread, from: read, to: freed)
  }
}

/// Asks threads to come to an end.
final class StopFlag: Sendable {
  private let flag = Atomic<Bool>(false)

  var isRaised: Bool { flag.load(ordering: .relaxed) }

  func raise() { flag.store(true, ordering: .relaxed) }
}
