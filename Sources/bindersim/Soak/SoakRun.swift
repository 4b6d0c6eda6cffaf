internal import BinderBuffer

/// Rounds of real threads, each followed by a rest in which everything is checked and measured.
struct SoakRun: ~Copyable {
  struct Options: Sendable {
    var duration = Duration.seconds(60)
    var seed: UInt64 = 1
    var policy: PlacementPolicy?
    var terminal = Terminal.output
    /// What happens at the end of each round, for a test that leaks.
    var afterRound: @Sendable () -> Void = {}
  }

  private static let senders = 3
  private static let longestRound: UInt64 = 400_000_000
  /// Rounds of a short soak: enough to get warm and to be judged.
  private static let fewestRounds = 20

  private let options: Options
  private let world: SoakWorld
  private let write: (String) throws(CommandError) -> Void
  private var tally = Tally()
  private var deaths = 0
  private var round = 0
  private var trend = SoakTrend()

  init(
    _ options: Options, write: @escaping (String) throws(CommandError) -> Void
  ) throws(CommandError) {
    self.options = options
    self.write = write
    do throws(BinderError) {
      world = try SoakWorld(seed: options.seed, policy: options.policy)
    } catch {
      throw .failure("cannot make the processes: \(error)")
    }
  }

  static let columns = [
    Table.Column("seconds", "since the beginning"),
    Table.Column("transactions", "sent so far"),
    Table.Column("memory", "resident memory of the program"),
    Table.Column("descriptors", "open files, those of exported regions left out"),
    Table.Column("mappings", "mappings of the program"),
    Table.Column("deaths", "processes that died and were replaced"),
  ]
  private static let header =
    " seconds  transactions        memory  descriptors  mappings  deaths\n"

  consuming func run() throws(CommandError) -> ExitStatus {
    let start = MonotonicClock.now()
    let end = start + options.duration.nanoseconds
    let interval = max(1_000_000_000, options.duration.nanoseconds / 20)
    let roundTime = min(
      Self.longestRound, options.duration.nanoseconds / UInt64(Self.fewestRounds))
    var nextLine = start
    try write(Self.header)
    // On a busy machine rounds take longer; those that are judged are played nevertheless.
    while MonotonicClock.now() < end || trend.judged < SoakTrend.fewestJudged,
      !Interrupt.wasRequested
    {
      try playRound(until: MonotonicClock.now() + roundTime)
      options.afterRound()
      var sample = SoakSample()
      if let wrong = findWrong(&sample, start) {
        try write(line(sample))
        try write(
          options.terminal.red(lines: "round \(round), seed \(options.seed): \(wrong)\n"))
        return .failure
      }
      let now = MonotonicClock.now()
      if now >= nextLine || now >= end {
        try write(line(sample))
        nextLine = now + interval
      }
    }
    try write(
      """
      \(Format.grouped(tally.received)) deliveries and \(Format.bytes(tally.checkedBytes)) as \
      sent; \(Format.grouped(world.context.pagesReclaimed)) pages reclaimed; memory, descriptors \
      and mappings flat over \(Format.grouped(trend.judged)) rounds, after \(SoakTrend.warmUp) \
      to get warm

      """)
    return .success
  }

  private mutating func playRound(until end: UInt64) throws(CommandError) {
    round += 1
    let (world, round) = (world, round)
    let (stopSending, stopReceiving) = (StopFlag(), StopFlag())
    var receivers: [WorkerThread<Tally>] = []
    var senders: [WorkerThread<Tally>] = []
    var isComplete = true
    for place in 0..<SoakWorld.places {
      let thread = WorkerThread {
        SoakReceiver(world, place: place, round: round, stop: stopReceiving).run()
      }
      if let thread { receivers.append(thread) } else { isComplete = false }
    }
    for index in 0..<Self.senders {
      let thread = WorkerThread {
        SoakSender(world, index: index, round: round, stop: stopSending).run()
      }
      if let thread { senders.append(thread) } else { isComplete = false }
    }
    let disruption = WorkerThread { SoakDisruption(world, round: round, stop: stopSending).run() }
    while isComplete, MonotonicClock.now() < end, !Interrupt.wasRequested,
      world.firstViolation == nil
    {
      MonotonicClock.sleep(nanoseconds: 10_000_000)
    }
    stopSending.raise()
    for thread in senders { tally.merge(thread.join()) }
    deaths += disruption?.join() ?? 0
    // No process dies any more: those that remain receive what is queued.
    stopReceiving.raise()
    for thread in receivers { tally.merge(thread.join()) }
    guard isComplete, disruption != nil else { throw .failure("the system refuses a thread") }
  }

  private mutating func findWrong(_ sample: inout SoakSample, _ start: UInt64) -> String? {
    var wrong: String?
    do throws(InvariantViolation) {
      try world.checkAtRest()
    } catch {
      wrong = "\(error)"
    }
    sample.time = Int((MonotonicClock.now() - start) / 1_000_000_000)
    sample.transactions = tally.sync + tally.oneway + tally.replies
    sample.measure()
    sample.descriptors -= world.exportedCount
    if let corruption = tally.corruptions.first { wrong = wrong ?? "\(corruption)" }
    if sample.regionMappings != 2 * SoakWorld.places {
      wrong =
        wrong
        ?? "\(sample.regionMappings) mappings of regions, expected two for each of the "
        + "\(SoakWorld.places) processes"
    }
    return wrong ?? trend.growth(in: sample)
  }

  private func line(_ sample: SoakSample) -> String {
    func right(_ text: String, _ width: Int) -> String {
      String(repeating: " ", count: max(0, width - text.count)) + text
    }
    return right("\(sample.time)", 8) + right(Format.grouped(sample.transactions), 14)
      + right(Format.bytes(sample.resident), 14) + right("\(sample.descriptors)", 13)
      + right("\(sample.mappings)", 10) + right(Format.grouped(deaths), 8) + "\n"
  }
}
