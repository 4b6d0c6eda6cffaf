internal import BinderBuffer
internal import CLinuxShims
internal import Glibc
internal import PageAlloc

/// One device: a driver under a lock, and the calls that wait in it.
@safe final class Device: @unchecked Sendable {
  let name: String
  let index: Int
  let kernel: DriverKernel
  // INVARIANT: everything below is touched only with `mutex` held.
  fileprivate let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let changed: UnsafeMutablePointer<pthread_cond_t>
  fileprivate var driver: Driver
  /// Reads that wait for work, by the thread of the driver.
  private var waiting: [DriverThreadID: WaitingRead] = [:]
  /// Threads whose call is being handled now; one worker at a time does that.
  private var answering: Set<DriverThreadID> = []
  /// Woken before their read was noted as waiting.
  private var wokenEarly: Set<DriverThreadID> = []
  private var opens: [DriverProcessID: HostedOpen] = [:]
  private var freezeProgress = 0
  /// What happened to buffers and is not recorded yet, in order.
  private var buffers: [TimedBufferEvent] = []

  init(name: String, index: Int, options: DriverOptions) {
    self.name = name
    self.index = index
    kernel = options.kernel
    unsafe mutex = .allocate(capacity: 1)
    unsafe mutex.initialize(to: pthread_mutex_t())
    unsafe pthread_mutex_init(mutex, nil)
    unsafe changed = .allocate(capacity: 1)
    unsafe changed.initialize(to: pthread_cond_t())
    unsafe pthread_cond_init(changed, nil)
    driver = Driver(options: options)
  }

  /// One step of the driver; what it caused outside is added to `work`.
  func step<Result: ~Copyable, Failure: Error>(
    _ work: inout DeviceWork, _ body: (inout Driver) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    unsafe pthread_mutex_lock(mutex)
    defer {
      drain(into: &work)
      unsafe pthread_mutex_unlock(mutex)
    }
    return try body(&driver)
  }

  /// A look that causes nothing.
  func look<Result>(_ body: (borrowing Driver) -> Result) -> Result {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    return body(driver)
  }

  // MARK: opens

  /// What a region holds now; nil when its open has ended.
  func inspect(_ process: DriverProcessID) -> RegionInspection? {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    return try? driver.inspect(process)
  }

  /// What happened to buffers since this was asked last, in order.
  func takeBufferEvents() -> [TimedBufferEvent] {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    defer { buffers = [] }
    return buffers
  }

  /// The counts of that region.
  func statistics(_ process: DriverProcessID) -> ProcessStatistics? {
    look { try? $0.statistics(process) }
  }

  /// What its regions are told apart by.
  var context: BinderContext { BinderContext(rawValue: UInt8(index)) ?? .binder }

  func add(_ open: HostedOpen) {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    opens[open.process] = open
  }

  func open(of process: DriverProcessID) -> HostedOpen? {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    return opens[process]
  }

  // MARK: waiting reads

  /// A read waits from now on; returns it at once when it was woken in the meantime.
  func wait(_ read: WaitingRead) -> WaitingRead? {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    if wokenEarly.remove(read.thread) != nil {
      answering.insert(read.thread)
      return read
    }
    answering.remove(read.thread)
    waiting[read.thread] = read
    unsafe pthread_cond_broadcast(changed)
    return nil
  }

  /// A thread begins a call. Its waiting read, if there is one, was interrupted by a signal. A
  /// worker that still handles such a call is awaited: it may leave something for this one.
  func begin(
    _ process: DriverProcessID, tid: Int32, _ work: inout DeviceWork
  ) throws(Errno) -> DriverThreadID {
    unsafe pthread_mutex_lock(mutex)
    defer {
      drain(into: &work)
      unsafe pthread_mutex_unlock(mutex)
    }
    let thread = try driver.beginCall(process, tid: tid)
    while answering.contains(thread) { unsafe pthread_cond_wait(changed, mutex) }
    answering.insert(thread)
    if waiting.removeValue(forKey: thread) != nil {
      driver.cancelWait(thread)
      driver.endCall(thread)
    }
    wokenEarly.remove(thread)
    return thread
  }

  func end(_ thread: DriverThreadID, _ work: inout DeviceWork) {
    unsafe pthread_mutex_lock(mutex)
    defer {
      drain(into: &work)
      unsafe pthread_mutex_unlock(mutex)
    }
    driver.endCall(thread)
    wokenEarly.remove(thread)
    if answering.remove(thread) != nil { unsafe pthread_cond_broadcast(changed) }
  }

  /// Reads whose caller a signal took away are given up.
  func giveUpInterrupted(_ work: inout DeviceWork) {
    unsafe pthread_mutex_lock(mutex)
    defer {
      drain(into: &work)
      unsafe pthread_mutex_unlock(mutex)
    }
    for (thread, read) in waiting where !read.isStillThere {
      waiting[thread] = nil
      driver.cancelWait(thread)
      driver.endCall(thread)
    }
  }

  // MARK: effects

  fileprivate func drain(into work: inout DeviceWork) {
    guard !driver.effects.isEmpty else { return }
    if !driver.effects.buffers.isEmpty {
      let now = MonotonicClock.now()
      for event in driver.effects.buffers {
        var timed = TimedBufferEvent(event: event, time: now)
        // Now: whoever is told of it may end the region before this is looked at.
        if case .refused = event.step { timed.held = try? driver.inspect(event.region) }
        buffers.append(timed)
      }
      work.hasBufferEvents = true
    }
    for woken in driver.effects.woken {
      if let read = waiting.removeValue(forKey: woken.thread) {
        answering.insert(woken.thread)
        work.answers.append(read)
      } else {
        wokenEarly.insert(woken.thread)
      }
    }
    for process in driver.effects.readiness {
      if let open = opens[process] { work.readiness.append(open) }
    }
    work.closedFiles += driver.effects.closedFiles
    for closed in driver.effects.closedDescriptors {
      work.closedDescriptors.append((closed.process, closed.descriptor))
    }
    for process in driver.effects.died {
      guard let open = opens.removeValue(forKey: process) else { continue }
      work.ended.append(open)
      // Their callers are gone: an open ends when nobody can call it any more.
      for (thread, read) in waiting where read.open === open { waiting[thread] = nil }
    }
    if driver.effects.freezeProgress {
      freezeProgress += 1
      unsafe pthread_cond_broadcast(changed)
    }
    driver.effects.removeAll()
  }

  /// Waits for progress of a freeze, at most until `deadline` (monotonic nanoseconds).
  func awaitFreezeProgress(until deadline: UInt64) {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    let seen = freezeProgress
    while freezeProgress == seen {
      let now = MonotonicClock.now()
      guard now < deadline else { return }
      var time = timespec()
      unsafe clock_gettime(CLOCK_REALTIME, &time)
      let end = UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec) + (deadline - now)
      time.tv_sec = Int(end / 1_000_000_000)
      time.tv_nsec = Int(end % 1_000_000_000)
      unsafe pthread_cond_timedwait(changed, mutex, &time)
    }
  }

  func isStillWaiting(_ thread: DriverThreadID) -> Bool {
    waiting[thread]?.isStillThere ?? true
  }
}

/// What steps of a driver caused outside it, to be done without its lock.
struct DeviceWork {
  /// Waiting reads that can be answered.
  var answers: [WaitingRead] = []
  var readiness: [HostedOpen] = []
  var closedFiles: [FileToken] = []
  var closedDescriptors: [(process: DriverProcessID, number: Int32)] = []
  var ended: [HostedOpen] = []
  /// Something happened to buffers: see `Device.takeBufferEvents`.
  var hasBufferEvents = false

  var isEmpty: Bool {
    answers.isEmpty && readiness.isEmpty && closedFiles.isEmpty && closedDescriptors.isEmpty
      && ended.isEmpty && !hasBufferEvents
  }
}

extension Device {
  /// An ioctl other than `BINDER_WRITE_READ` and `BINDER_FREEZE`.
  ///
  /// - Parameter all: the devices, of which `BINDER_GET_FROZEN_INFO` asks each.
  func control(
    _ request: UInt32, _ argument: UnsafeMutableRawBufferPointer, _ process: DriverProcessID,
    tid: Int32, user: UInt32, all: [Device], _ work: inout DeviceWork
  ) throws(Errno) {
    let thread = try begin(process, tid: tid, &work)
    defer { end(thread, &work) }
    try step(&work) { (driver) throws(Errno) in
      try unsafe driver.control(request, argument, process: process, tid: tid, user: user)
    }
  }

  func finish(_ pending: consuming PendingTransaction, _ work: inout DeviceWork) {
    unsafe pthread_mutex_lock(mutex)
    defer {
      drain(into: &work)
      unsafe pthread_mutex_unlock(mutex)
    }
    driver.finish(pending)
  }
}
