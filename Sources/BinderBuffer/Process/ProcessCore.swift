@_spi(Engine) internal import PageAlloc
internal import Synchronization

/// One process: its inbox, behind the one lock that guards it.
///
/// Every method locks, calls one verb of the `Inbox`, wakes whom the verb says, and unlocks. `self`
/// is always the process whose inbox it is: who receives, and who awaits replies; what a sender does
/// stands in `Transmission`.
///
/// `BinderProcess` is the handle that users hold; the core outlives it while anybody holds a buffer
/// in it or an end of a call that it made. The inbox counts those, under the lock that their holders
/// take anyway, so that handing out a delivery costs no reference counting.
///
/// INVARIANT: while the inbox is held, the handle lives or `isRetained` is set and stands for one
/// retain.
///
/// Lock order, outermost first: the shrinker's → one core's lock → a budget's → an arena's. No two
/// cores' locks are ever waited for at once; shrinkers run with none held; the context's lock is taken
/// with no other held. Debug builds stop where a thread waits out of order: the ranks below,
/// and those of `LockRank` for what a page arena and a budget lock.
@safe final class ProcessCore: @unchecked Sendable {
  let pid: Int32
  let context: Context
  // INVARIANT: all of `state` is read and written under `sync`'s lock. It lies right behind `sync`,
  // in memory of its own that begins a cache line: a lock that is taken brings along what it guards.
  private let sync: UnsafeMutablePointer<ProcessSync>
  private let mark = ForkMark()
  private let memory: UnsafeMutablePointer<ProcessState>

  init(pid: Int32, context: Context) {
    self.pid = pid
    self.context = context
    let mask = MemoryLayout<ProcessState>.alignment - 1
    let start = (MemoryLayout<ProcessSync>.size + mask) & ~mask
    let memory = UnsafeMutableRawPointer.allocate(
      byteCount: start + MemoryLayout<ProcessState>.size, alignment: 64)
    // SAFETY: room for both, each aligned: `sync` at the start, `state` behind it.
    unsafe sync = memory.bindMemory(to: ProcessSync.self, capacity: 1)
    unsafe sync.initialize(to: ProcessSync())
    unsafe self.memory = (memory + start).bindMemory(to: ProcessState.self, capacity: 1)
    unsafe self.memory.initialize(to: ProcessState(inbox: Inbox(pid: pid)))
  }

  deinit {
    context.forget(ObjectIdentifier(self))
    // SAFETY: initialised in `init`; nobody else holds a reference any more.
    unsafe memory.deinitialize(count: 1)
    unsafe sync.deinitialize(count: 1)
    unsafe sync.deallocate()
  }

  /// Whether `exit` has begun. Takes no lock.
  @inline(__always)
  var hasExited: Bool { unsafe sync.pointee.exited.load(ordering: .relaxed) }

  /// Whether this is a forked child's copy, which is inert: it changes nothing of the parent's region,
  /// and takes no lock, which another thread may have held at the fork.
  @inline(__always)
  var isInherited: Bool { mark.isInherited }

  // MARK: under the lock

  /// The state, for whoever holds the lock; a debug build stops anybody else.
  @inline(__always)
  private var state: UnsafeMutablePointer<ProcessState> {
    unsafe sync.pointee.lock.mustBeHeld()
    return unsafe memory
  }

  /// Runs `body` with the lock held: the only way to the state.
  ///
  /// If `body` let go of the last that was held of a dead process, the core may be gone afterwards.
  @inline(__always)
  func locked<R: ~Copyable, E: Error>(
    _ body: (inout ProcessState) throws(E) -> R
  ) throws(E) -> R {
    unsafe sync.pointee.lock.lock()
    defer { unlock() }
    return try unsafe body(&state.pointee)
  }

  /// Runs `body` with the lock held, again and again until it gives something or `deadline` has
  /// passed, and sleeps in between until `event`.
  func wait<R: ~Copyable>(
    for event: ProcessEvent, until deadline: UInt64,
    _ body: (inout ProcessState) throws(BinderError) -> R?
  ) throws(BinderError) -> R? {
    unsafe sync.pointee.lock.lock()
    defer { unlock() }
    while true {
      if let result = try unsafe body(&state.pointee) { return result }
      unsafe state.pointee.waiters[event] += 1
      let inTime = unsafe sync.pointee.sleep(until: event, deadline: deadline)
      unsafe state.pointee.waiters[event] -= 1
      // What came before the lock was taken again still counts.
      if !inTime { return try unsafe body(&state.pointee) }
    }
  }

  /// Wakes one thread that waits for `event`, or all; they go on when the lock is given back.
  @inline(__always)
  func wake(_ event: ProcessEvent, all: Bool, _ state: borrowing ProcessState) {
    if state.waiters[event] > 0 { wakeWaiters(event, all: all, state) }
  }

  @inline(never)
  private func wakeWaiters(_ event: ProcessEvent, all: Bool, _ state: borrowing ProcessState) {
    var threads = state.waiters[event]
    if event == .arrival, let watch = state.watch {
      threads -= 1
      watch.tell(all: all)
    }
    if threads > 0 { unsafe sync.pointee.wake(event, all: all) }
  }

  @inline(__always)
  private func unlock() {
    #if BINDERBUFFER_INTERNAL_CHECKS
      unsafe stopUnlessConsistent(&state.pointee)
    #endif
    if unsafe state.pointee.isRetained { return unlockAfterExit() }
    unsafe sync.pointee.lock.unlock()
  }

  @inline(never)
  private func unlockAfterExit() {
    // SAFETY: the lock is held. Once it is given back another thread may end the core, unless the
    // retain is ours to release.
    let isLast = unsafe !state.pointee.inbox.isHeld
    if isLast { unsafe state.pointee.isRetained = false }
    unsafe sync.pointee.lock.unlock()
    // SAFETY: `exit` retained the core for what was held, and the last of that just went.
    if isLast { unsafe Unmanaged.passUnretained(self).release() }
  }
}

// MARK: what is read without the lock

extension ProcessCore {
  /// Whether `receive` may find anything. False is certain, for whoever asks after a send.
  @inline(__always)
  var mayHaveArrivals: Bool { unsafe sync.pointee.mayHaveArrivals.load(ordering: .relaxed) }

  /// Announces what came in. The proof that the lock is held is the state.
  @inline(__always)
  func announceArrival(_ state: borrowing ProcessState) {
    unsafe sync.pointee.mayHaveArrivals.store(true, ordering: .relaxed)
    wake(.arrival, all: false, state)
  }

  @inline(__always)
  func noteEmpty(_ state: borrowing ProcessState) {
    unsafe sync.pointee.mayHaveArrivals.store(false, ordering: .relaxed)
    if state.waiters[.arrival] > 0 { state.watch?.clear() }
  }

  /// Tells the shrinker how long the longest idle page has been idle.
  @inline(__always)
  func publishOldestIdle(_ state: inout ProcessState) {
    unsafe sync.pointee.oldestIdle.store(state.inbox.oldestIdle, ordering: .relaxed)
  }

  func publishExit(_ state: inout ProcessState) {
    unsafe sync.pointee.exited.store(true, ordering: .relaxed)
    unsafe sync.pointee.mayHaveArrivals.store(true, ordering: .relaxed)
    publishOldestIdle(&state)
  }
}

extension ProcessCore: Reclaimable {
  var oldestIdle: UInt64 { unsafe sync.pointee.oldestIdle.load(ordering: .relaxed) }

  func reclaim(upTo limit: Int, before deadline: UInt64, waits: Bool) -> Int? {
    if waits {
      unsafe sync.pointee.lock.lock()
    } else if unsafe !sync.pointee.lock.tryLock() {
      return nil
    }
    defer { unlock() }
    let count = unsafe state.pointee.inbox.reclaim(upTo: limit, before: deadline)
    unsafe publishOldestIdle(&state.pointee)
    return count
  }

  func reclaimStrays() -> Int { locked { $0.inbox.reclaimStrays() } }
}

extension LockRank {
  static let context = LockRank(0)
  static let shrinker = LockRank(5)
  static let process = LockRank(10)
}
