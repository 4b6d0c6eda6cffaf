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
  private var random: SplitMix64
  private var outbox: Outbox
  private var tally = Tally()

  init(_ simulation: Simulation, member: Int, state: SenderState, quota: Int, stop: StopFlag) {
    self.simulation = simulation
    self.member = member
    self.state = state
    self.quota = quota
    self.stop = stop
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
    let node = simulation.target(of: member, &random).node
    let transaction = outbox.transaction(for: message, isReply: false)
    if message.isOneway { state.waiting.wrappingAdd(1, ordering: .relaxed) }
    let start = MonotonicClock.now()
    state.note(id, sentAt: start)
    do throws(BinderError) {
      let receipt = try process.send(transaction, to: node)
      tally.record(.send, from: start, to: MonotonicClock.now())
      tally.count(receipt, of: message, isReply: false)
      if let call = receipt.call { try awaitReply(to: message, call, sentAt: start) }
    } catch {
      tally.count(error)
      if message.isOneway { state.waiting.wrappingSubtract(1, ordering: .relaxed) }
      MonotonicClock.sleep(nanoseconds: Self.pause)
    }
  }

  private mutating func awaitReply(
    to message: Message, _ call: CallID, sentAt start: UInt64
  ) throws(BinderError) {
    let process = simulation.members[member].process
    guard let reply = try process.awaitReply(call, timeout: Self.replyTimeout) else {
      tally.timeouts += 1
      return
    }
    let received = MonotonicClock.now()
    tally.record(.roundTrip, from: start, to: received)
    tally.inspect(reply, of: message, pid: process.pid)
    let read = MonotonicClock.now()
    tally.record(.read, from: received, to: read)
    reply.free()
    tally.record(.free, from: read, to: MonotonicClock.now())
  }
}

/// Asks threads to come to an end.
final class StopFlag: Sendable {
  private let flag = Atomic<Bool>(false)

  var isRaised: Bool { flag.load(ordering: .relaxed) }

  func raise() { flag.store(true, ordering: .relaxed) }
}
