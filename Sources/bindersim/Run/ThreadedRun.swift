internal import BinderBuffer
internal import Synchronization

/// A run in real time: threads of all processes send and receive at once.
enum ThreadedRun {
  static func run(_ simulation: Simulation) throws(CommandError) -> RunReport {
    let options = simulation.options
    let stopSending = StopFlag()
    let stopReceiving = StopFlag()
    let isServed = options.workload.servers != nil
    let sendersEach = isServed ? options.threads : options.threads / 2
    let states = (0..<simulation.senders.count * sendersEach).map { index in
      let member = simulation.senders.lowerBound + index / sendersEach
      return SenderState(
        index: index, member: member, thread: Simulation.thread(member, index % sendersEach))
    }
    var receivers: [WorkerThread<Tally>] = []
    var senders: [WorkerThread<Tally>] = []
    var isComplete = true
    let start = MonotonicClock.now()
    simulation.recorder?.advance(to: start)

    for member in 0..<(options.workload.servers ?? options.processes) {
      for index in 0..<(isServed ? options.threads : options.threads - sendersEach) {
        let thread = Simulation.thread(member, options.threads + index)
        isComplete =
          isComplete
          && receivers.start {
            Receiver(
              simulation, member: member, thread: thread, senders: states, stop: stopReceiving
            ).run()
          }
      }
    }
    for state in states {
      isComplete =
        isComplete
        && senders.start {
          Sender(
            simulation, state: state,
            quota: quota(of: state.index, among: states.count, options), stop: stopSending
          ).run()
        }
    }
    if isComplete { watch(simulation, states, start) }
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
  private static func watch(_ simulation: Simulation, _ states: [SenderState], _ start: UInt64) {
    let options = simulation.options
    let end = options.duration.map { start.addingReportingOverflow($0.nanoseconds) }
    var progress = Progress()
    while !Interrupt.wasRequested {
      let now = MonotonicClock.now()
      if let end, !end.overflow, now >= end.partialValue { return }
      simulation.recorder?.advance(to: now)
      let sent = states.reduce(0) { $0 + $1.sent.load(ordering: .relaxed) }
      if let total = options.transactions, sent >= total { return }
      progress.show(now: now) { line(sent, now - start, options) }
      let left = end.map { $0.overflow ? .max : $0.partialValue - now } ?? .max
      MonotonicClock.sleep(nanoseconds: min(left, 10_000_000))
    }
  }

  private static func line(_ sent: Int, _ elapsed: UInt64, _ options: RunOptions) -> String {
    let (done, total) =
      options.transactions.map { (sent, $0) }
      ?? (Int(clamping: elapsed), options.duration.map { Int(clamping: $0.nanoseconds) })
    return "\(Format.time(nanoseconds: elapsed)), "
      + Format.progress(sent, "requests", in: elapsed, done: done, of: total)
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
