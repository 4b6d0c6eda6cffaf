internal import BinderBuffer
internal import CLinuxShims
internal import Glibc
internal import Synchronization

/// A host at work: from the first program's start until the last has ended.
final class HostSession {
  let table: HostTable
  private var pools: [WorkerPool] = []
  private var processes: [HostedProcess] = []
  private let control: ControlSocket?
  private var program: Launched?
  private var programStatus: CInt?
  private var killTime: UInt64?
  private let isServiceManager: Bool
  private var manager: Launched?
  private var managerPool: WorkerPool?

  private var sweepTime: UInt64 = 0
  private static let sweepPause: UInt64 = 250_000_000
  /// How long programs may take to end after Ctrl-C before they are killed.
  private static let grace: UInt64 = 3_000_000_000

  init(_ options: HostOptions) throws(CommandError) {
    let watcher = bb_watch_new()
    let wakeup = bb_wakeup_new()
    guard watcher >= 0, wakeup >= 0 else {
      throw .failure("cannot watch files: \(SystemError.message(-min(watcher, wakeup)))")
    }
    table = HostTable(
      options: options.driver, regionLimit: options.region, limits: options.limits,
      securityContext: options.securityContext, watcher: OwnedDescriptor(watcher),
      wakeup: OwnedDescriptor(wakeup), recording: options.recording)
    isServiceManager = options.isServiceManager
    control = try options.name.map { (name) throws(CommandError) in
      try ControlSocket(listeningAs: name)
    }
    // Orphans of programs become ours: they can be looked into, and ended, like the others.
    _ = bb_become_subreaper()
    DescriptorLimit.raise()
  }

  /// Runs a program and all that it starts; returns its exit status as a shell has it.
  func run(_ arguments: [String]) throws(CommandError) -> CInt {
    HostSignals.catchSignals()
    if isServiceManager { try startManager() }
    let launched = try Launched(arguments)
    program = launched
    try host(launched.listener)
    loop()
    // What it left running when it was ended.
    return programStatus ?? 0
  }

  /// A program of our own, hosted like the others, which ends with the last of them.
  private func startManager() throws(CommandError) {
    let launched = try Launched(["/proc/self/exe", "host", "--manage"])
    manager = launched
    try host(launched.listener)
    managerPool = pools.popLast()
    while !table.hasManager {
      reap()
      guard manager != nil else { throw .failure("the service manager did not start") }
      MonotonicClock.sleep(nanoseconds: 1_000_000)
    }
  }

  private func host(_ listener: OwnedDescriptor) throws(CommandError) {
    _ = bb_call_wake_synchronously(listener.raw)
    let pool = WorkerPool(listener: listener, table: table)
    guard pool.start() else { throw .failure("cannot start threads") }
    pools.append(pool)
  }

  // MARK: the main loop

  private func loop() {
    while !(programStatus != nil && pools.isEmpty) {
      let fixed = [table.wakeup.raw, table.watcher.raw, control?.descriptor ?? -1]
      var looks = fixed.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
      let hosted = pools
      looks += hosted.map { pollfd(fd: $0.listener.raw, events: 0, revents: 0) }
      let watched = processes
      looks += watched.map { pollfd(fd: $0.pidfd.raw, events: Int16(POLLIN), revents: 0) }
      _ = unsafe Glibc.poll(&looks, nfds_t(looks.count), 250)
      reap()
      passSignals()
      if MonotonicClock.now() >= sweepTime {
        sweepTime = MonotonicClock.now() + Self.sweepPause
        table.giveUpInterrupted()
      }
      if looks[0].revents != 0 { takeWakeup() }
      if looks[1].revents != 0 { takeCloses() }
      if looks[2].revents != 0 { answerControl() }
      let firstProcess = fixed.count + hosted.count
      var gone: [HostedProcess] = []
      for (index, process) in watched.enumerated()
      where looks[firstProcess + index].revents != 0 {
        gone.append(process)
      }
      if !gone.isEmpty {
        // Their last closes come first.
        takeCloses()
        for process in gone { table.exited(process) }
        processes.removeAll { process in gone.contains { $0 === process } }
      }
      for (index, pool) in hosted.enumerated()
      where looks[fixed.count + index].revents & Int16(POLLHUP) != 0 {
        pool.end()
      }
      pools.removeAll { $0.isHungUp }
    }
    takeCloses()
    if let manager { kill(manager.child, SIGKILL) }
  }

  private func takeWakeup() {
    var count: UInt64 = 0
    _ = unsafe read(table.wakeup.raw, &count, 8)
    processes += table.takeNewProcesses()
    for note in table.takeNotes() { StandardError.write("bindersim: host: \(note)\n") }
  }

  private func takeCloses() {
    unsafe withUnsafeTemporaryAllocation(of: CInt.self, capacity: 64) { watches in
      while true {
        let count = unsafe bb_watch_read(table.watcher.raw, watches.baseAddress!, 64)
        guard count > 0 else { return }
        for index in 0..<Int(count) { unsafe table.closed(watch: watches[index]) }
      }
    }
  }

  /// Takes in the exit status of the program and of orphans that became ours.
  private func reap() {
    var status: CInt = 0
    // Not the stops of threads that workers have stopped.
    while case let pid = unsafe bb_reap(&status), pid > 0 {
      if pid == manager?.child { manager = nil }
      guard pid == program?.child else { continue }
      programStatus = status & 0x7f == 0 ? status >> 8 & 0xff : 128 + status & 0x7f
    }
  }

  // MARK: ending

  private func passSignals() {
    if let number = HostSignals.take() {
      program?.signal(number)
      if killTime == nil { killTime = MonotonicClock.now() + Self.grace }
    }
    guard let killTime, MonotonicClock.now() >= killTime else { return }
    // Orphans become ours one after the other, as their parents go.
    for child in Children.pids() { kill(child, SIGKILL) }
  }

  private func answerControl() {
    guard let control else { return }
    switch control.accept() {
    case .listener(let listener, let reply):
      do throws(CommandError) {
        try host(listener)
        reply.send("ok\n")
      } catch {
        reply.send("cannot start threads\n")
      }
    case .state(let reply): reply.send(stateText())
    case nil: break
    }
  }

  /// The opens that there are now.
  private func stateText() -> String { table.currentReport.text }
}

/// SIGINT, SIGTERM and SIGHUP to the host: the first is passed on to the programs, the second ends
/// the host at once.
enum HostSignals {
  static func catchSignals() {
    latest.store(0, ordering: .relaxed)
    for number in [SIGINT, SIGTERM, SIGHUP] {
      // The handler does nothing but an atomic store and a call of signal(2).
      _ = signal(number) { number in
        latest.store(number, ordering: .relaxed)
        signal(number, SIG_DFL)
      }
    }
    // So that a wait ends when a child does.
    _ = signal(SIGCHLD) { _ in }
    signal(SIGPIPE, SIG_IGN)
  }

  static func take() -> CInt? {
    let number = latest.exchange(0, ordering: .relaxed)
    return number == 0 ? nil : number
  }
}

private let latest = Atomic<CInt>(0)
