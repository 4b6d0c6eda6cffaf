internal import BinderBuffer
internal import Synchronization

/// A run in real time: threads of all processes send and receive at once.
enum ThreadedRun {
  static func run(_ simulation: Simulation) throws(CommandError) -> RunReport {
    let options = simulation.options
    let stopSending = StopFlag()
    let stopReceiving = StopFlag()
    let sendersEach = options.threads / 2
    let states = (0..<options.processes * sendersEach).map { SenderState(index: $0) }
    var receivers: [WorkerThread<Tally>] = []
    var senders: [WorkerThread<Tally>] = []
    var isComplete = true
    let start = MonotonicClock.now()

    for member in 0..<options.processes {
      for _ in 0..<(options.threads - sendersEach) {
        isComplete =
          isComplete
          && receivers.start {
            Receiver(simulation, member: member, senders: states, stop: stopReceiving).run()
          }
      }
    }
    for state in states {
      isComplete =
        isComplete
        && senders.start {
          Sender(
            simulation, member: state.index / sendersEach, state: state,
            quota: quota(of: state.index, among: states.count, options), stop: stopSending
          ).run()
        }
    }
    if isComplete { watch(states, options, start) }
    stopSending.raise()
    var tally = Tally()
    for thread in senders { tally.merge(thread.join()) }
    let elapsed = MonotonicClock.now() - start
    stopReceiving.raise()
    for thread in receivers { tally.merge(thread.join()) }
    guard isComplete else {
      throw .failure("cannot start a thread; use fewer with --processes and --threads")
    }
    return RunReport(simulation, tally, elapsed: elapsed, wasInterrupted: Interrupt.wasRequested)
  }

  /// The sender's share of the requests.
  private static func quota(of index: Int, among count: Int, _ options: RunOptions) -> Int {
    guard let total = options.transactions else { return .max }
    return total / count + (index < total % count ? 1 : 0)
  }

  /// Returns when the time is over, everything was sent, or the user wants no more.
  private static func watch(_ states: [SenderState], _ options: RunOptions, _ start: UInt64) {
    let end = options.duration.map { start.addingReportingOverflow($0.nanoseconds) }
    var progress = Progress()
    while !Interrupt.wasRequested {
      let now = MonotonicClock.now()
      if let end, !end.overflow, now >= end.partialValue { return }
      let sent = states.reduce(0) { $0 + $1.sent.load(ordering: .relaxed) }
      if let total = options.transactions, sent >= total { return }
      progress.show(now: now) { line(sent, now - start, options) }
      let left = end.map { $0.overflow ? .max : $0.partialValue - now } ?? .max
      MonotonicClock.sleep(nanoseconds: min(left, 10_000_000))
    }
  }

  private static func line(_ sent: Int, _ elapsed: UInt64, _ options: RunOptions) -> String {
    var line = "\(Format.time(nanoseconds: elapsed))"
    if let duration = options.duration {
      line += " of \(Format.time(nanoseconds: duration.nanoseconds))"
    }
    line += ", \(Format.grouped(sent)) requests"
    if let total = options.transactions { line += " of \(Format.grouped(total))" }
    return line + ", \(Format.grouped(Format.rate(sent, in: elapsed)))/s"
  }
}

extension [WorkerThread<Tally>] {
  /// Starts one more; false when the system refuses.
  fileprivate mutating func start(_ body: @escaping @Sendable () -> Tally) -> Bool {
    guard let thread = WorkerThread(body) else { return false }
    append(thread)
    return true
  }
}
