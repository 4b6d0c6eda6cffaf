internal import BinderBuffer
internal import CLinuxShims
internal import Glibc
internal import PageAlloc
internal import Synchronization

/// Who and what is hosted: devices, opens, processes and threads by what identifies them.
final class HostTable: Sendable {
  let devices: [Device]
  /// A program maps at most so many bytes of region.
  let regionLimit: Int
  let limits: HostLimits
  let securityContext: [UInt8]?
  /// Tells of last closes (inotify).
  let watcher: OwnedDescriptor
  /// Nil when nobody asks what happened.
  let recorder: HostRecorder?
  private let generation = Atomic<Int>(0)
  private let managed = Atomic<Bool>(false)

  private enum Watched {
    case descriptor(HostedOpen)
    case region(HostedOpen)
  }

  private struct State {
    var opens: [OpenFileID: HostedOpen] = [:]
    var watches: [CInt: Watched] = [:]
    var processes: [pid_t: HostedProcess] = [:]
    var threads: [pid_t: HostedThread] = [:]
    var mapping: Set<pid_t> = []
    var notes: [String] = []
    var report = HostReport()
    /// Processes whose exit is not watched yet.
    var newProcesses: [HostedProcess] = []
  }
  private let state = Locked(State())
  /// Written to when the main loop has something to look at.
  let wakeup: OwnedDescriptor

  init(
    options: DriverOptions, regionLimit: Int, limits: HostLimits, securityContext: [UInt8]?,
    watcher: OwnedDescriptor, wakeup: OwnedDescriptor, recording: RecordingDepth
  ) {
    recorder = HostRecorder(recording)
    var options = options
    options.reportsBuffers = recorder != nil
    let driver = options
    self.regionLimit = regionLimit
    self.limits = limits
    self.securityContext = securityContext
    self.watcher = watcher
    self.wakeup = wakeup
    devices = DevicePath.names.enumerated().map { Device(name: $1, index: $0, options: driver) }
  }

  // MARK: processes and threads

  /// The thread that makes a call; nil when it is gone.
  func thread(_ call: HostedCall) -> HostedThread? {
    if let known = state.withLock({ $0.threads[call.thread] }) {
      if known.isBelieved(now: MonotonicClock.now()) { return known }
      // Another thread has the number of one that is gone.
      state.withLock { state in
        if state.threads[known.tid] === known { state.threads[known.tid] = nil }
      }
    }
    return makeThread(call)
  }

  private func makeThread(_ call: HostedCall) -> HostedThread? {
    let tid = call.thread
    guard let status = ProcStatus(thread: tid),
      let descriptors = OwnedDescriptor.directory("/proc/\(tid)/fd")
    else { return nil }
    var process = state.withLock { $0.processes[status.process] }
    if process == nil { process = HostedProcess(status.process) }
    // All of the above was of this caller, and not of another that has its number by now.
    guard let process, call.isStillThere else { return nil }
    let thread = HostedThread(tid, of: process, descriptors: descriptors)
    let (kept, isNew) = state.withLock { state in
      let known = state.processes[process.pid]
      if known == nil {
        state.processes[process.pid] = process
        state.newProcesses.append(process)
      }
      let kept =
        known == nil || known === process
        ? thread : HostedThread(tid, of: known!, descriptors: descriptors)
      state.threads[tid] = kept
      return (kept, known == nil)
    }
    if isNew { wakeMainLoop() }
    return kept
  }

  func takeNewProcesses() -> [HostedProcess] {
    state.withLock { state in
      defer { state.newProcesses = [] }
      return state.newProcesses
    }
  }

  /// A process has exited: its numbers may be others' from now on, and its mappings are gone,
  /// though a child may have inherited them.
  func exited(_ process: HostedProcess) {
    let opens = state.withLock { state in
      if state.processes[process.pid] === process { state.processes[process.pid] = nil }
      state.threads = state.threads.filter { $0.value.process !== process }
      return state.opens.values.filter { $0.owner === process }
    }
    for open in opens { unmapped(open) }
  }

  // MARK: opens

  var currentGeneration: Int { generation.load(ordering: .relaxed) }

  func descriptorsChanged() { generation.add(1, ordering: .relaxed) }

  func find(_ identity: OpenFileID) -> HostedOpen? { state.withLock { $0.opens[identity] } }

  /// What a descriptor of a thread is open on, for calls that are rare or mostly of others.
  func open(_ number: CInt, of thread: pid_t) -> HostedOpen? {
    guard state.withLock({ !$0.opens.isEmpty }) else { return nil }
    return OpenFileID(number, of: thread).flatMap(find)
  }

  func open(_ number: CInt, of thread: HostedThread) -> HostedOpen? {
    thread.open(number, generation: currentGeneration, find)
  }

  /// How many opens a process has, and the bytes of their regions.
  func held(by process: HostedProcess) -> (opens: Int, memory: Int) {
    state.withLock { state in
      var held = (opens: 0, memory: 0)
      // Each is there by its own file, and by that of its region.
      for (identity, open) in state.opens where open.owner === process && identity == open.identity
      {
        held.opens += 1
        held.memory += open.regionLength
      }
      return held
    }
  }

  /// Tells the user, once, that a program wanted more than it may hold.
  func noteLimit(_ name: String, _ process: HostedProcess) {
    note("\(process.name) (\(process.pid)) has reached its limit of \(name): see --limit")
  }

  func add(_ open: HostedOpen) {
    state.withLock {
      $0.opens[open.identity] = open
      $0.watches[open.watch] = .descriptor(open)
    }
  }

  func add(region: OpenFileID, watch: CInt, of open: HostedOpen) {
    state.withLock {
      $0.opens[region] = open
      $0.watches[watch] = .region(open)
    }
  }

  /// The last copy of a watched file was closed.
  func closed(watch: CInt) {
    switch state.withLock({ $0.watches[watch] }) {
    case .descriptor(let open):
      guard open.close() else { return }
      descriptorsChanged()
      var work = DeviceWork()
      open.device.step(&work) { try? $0.close(open.process) }
      finish(work, mayWait: false)
    case .region(let open): unmapped(open)
    case nil: break
    }
  }

  private func unmapped(_ open: HostedOpen) {
    // The file that stood aside for the region's goes too.
    _ = open.takeHeld()
    guard open.unmap() else { return }
    var work = DeviceWork()
    open.device.step(&work) { try? $0.unmap(open.process) }
    finish(work, mayWait: false)
  }

  private func ended(_ open: HostedOpen) {
    _ = bb_watch_remove(watcher.raw, open.watch)
    let region = open.regionWatch
    if region >= 0 { _ = bb_watch_remove(watcher.raw, region) }
    state.withLock { state in
      state.report.add(open)
      state.opens[open.identity] = nil
      state.watches[open.watch] = nil
      if let identity = open.regionIdentity { state.opens[identity] = nil }
      if region >= 0 { state.watches[region] = nil }
    }
  }

  // MARK: threads in which the host makes a mapping

  func isMapping(_ thread: pid_t) -> Bool { state.withLock { $0.mapping.contains(thread) } }
  func beginMapping(_ thread: pid_t) { state.withLock { _ = $0.mapping.insert(thread) } }
  func endMapping(_ thread: pid_t) { state.withLock { _ = $0.mapping.remove(thread) } }

  // MARK: what steps have caused

  /// Does what steps of a driver have caused, and what that causes.
  ///
  /// An answer may have to wait for the memory of its program, so nothing that concerns others
  /// comes after it.
  ///
  /// - Parameter mayWait: the first answer is given on this thread.
  func finish(_ work: DeviceWork, mayWait: Bool = true) {
    var work = work
    while !work.isEmpty {
      // Before anybody is woken by it who may cause more.
      if work.hasBufferEvents { for device in devices { recorder?.takeEvents(of: device) } }
      for file in work.closedFiles { close(file.rawValue) }
      for open in work.ended { ended(open) }
      let own = mayWait ? work.answers.first : nil
      for read in work.answers.dropFirst(own == nil ? 0 : 1) { answerElsewhere(read) }
      for open in work.readiness where open !== own?.open { showReadiness(open) }
      guard let own else { return }
      var next = DeviceWork()
      answer(own, isFirst: false, &next)
      if work.readiness.contains(where: { $0 === own.open }) { showReadiness(own.open) }
      work = next
    }
  }

  private func showReadiness(_ open: HostedOpen) {
    open.setReadable(open.device.look { $0.hasWork(open.process) })
  }

  private func answerElsewhere(_ read: WaitingRead) {
    let isStarted = DetachedThread.start { [self] in
      var work = DeviceWork()
      answer(read, isFirst: false, &work)
      showReadiness(read.open)
      finish(work)
    }
    // Without threads one program may have to wait for another; none is forgotten.
    guard !isStarted else { return }
    var work = DeviceWork()
    answer(read, isFirst: false, &work)
    finish(work)
  }

  /// Reads whose callers were taken away by a signal wait no longer.
  func giveUpInterrupted() {
    for device in devices {
      var work = DeviceWork()
      device.giveUpInterrupted(&work)
      finish(work, mayWait: false)
    }
  }

  /// Whether somebody became context manager, of any device.
  var hasManager: Bool { managed.load(ordering: .relaxed) }
  func becameManager() { managed.store(true, ordering: .relaxed) }

  /// What opens did, those that go on too.
  var report: HostReport { state.withLock { Self.adding($0.opens, to: $0.report) } }

  /// What the opens that there are now did so far.
  var currentReport: HostReport { state.withLock { Self.adding($0.opens, to: HostReport()) } }

  private static func adding(
    _ opens: [OpenFileID: HostedOpen], to report: HostReport
  ) -> HostReport {
    var report = report
    // Each is there by its own file, and by that of its region.
    for (identity, open) in opens where identity == open.identity { report.add(open) }
    return report
  }

  // MARK: words for the user

  func note(_ text: String) {
    state.withLock { if $0.notes.count < 64, !$0.notes.contains(text) { $0.notes.append(text) } }
    wakeMainLoop()
  }

  func takeNotes() -> [String] {
    state.withLock { state in
      defer { state.notes = [] }
      return state.notes
    }
  }

  private func wakeMainLoop() {
    var one: UInt64 = 1
    _ = unsafe write(wakeup.raw, &one, 8)
  }
}
