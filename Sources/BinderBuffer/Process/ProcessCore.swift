internal import PageAlloc
internal import Synchronization

/// One process as the driver knows it: its region, its queues, and the one lock over both.
///
/// `BinderProcess` is the handle that users hold; the core outlives it while others still need it. They
/// are counted as pins, under the lock that their holders take anyway, so that handing out a
/// delivery costs no reference counting. A pin is a `Delivery`, an `Allocation` that is being
/// filled, or a call that another process has yet to answer.
///
/// INVARIANT: while pins > 0, the handle lives or `retainedByPins` is set and stands for one retain.
///
/// Lock order, outermost first: one core's `lock` → the budget's → the shrinker's → other cores'
/// locks (tried only) → an arena's. No two cores' locks are ever waited for at once; the context's
/// lock is taken with no other held. Debug builds stop where a thread waits out of order: the ranks
/// below, and those of `LockRank` for what a page arena and a budget lock.
@safe final class ProcessCore: @unchecked Sendable {
  let pid: Int32
  let context: Context
  // INVARIANT: all of `state` is read and written under `lock`. It lies right behind `sync`, in
  // memory of its own that begins a cache line: a lock that is taken brings along what it guards.
  let sync: UnsafeMutablePointer<ProcessSync>
  let state: UnsafeMutablePointer<ProcessState>

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
    unsafe state = (memory + start).bindMemory(to: ProcessState.self, capacity: 1)
    unsafe state.initialize(to: ProcessState())
  }

  deinit {
    context.forget(ObjectIdentifier(self))
    // SAFETY: initialised in `init`; nobody else holds a reference any more.
    unsafe state.deinitialize(count: 1)
    unsafe sync.deinitialize(count: 1)
    unsafe sync.deallocate()
  }

  var lock: Lock {
    @inline(__always)
    _read { yield unsafe sync.pointee.lock }
  }

  @inline(__always)
  var hasExited: Bool { unsafe sync.pointee.exited.load(ordering: .relaxed) }

  /// Gives the lock back after what may have been a change.
  ///
  /// A build with `BINDERBUFFER_INTERNAL_CHECKS` proves before that everything still agrees.
  @inline(__always)
  func unlock() {
    #if BINDERBUFFER_INTERNAL_CHECKS
      stopUnlessConsistent()
    #endif
    lock.unlock()
  }

  /// The region, for the holder of the lock.
  @inline(__always)
  func liveRegion() throws(BinderError) -> UnsafeMutablePointer<RegionState> {
    guard !hasExited else { throw .dead(pid: pid, .receiverExited) }
    guard let region = unsafe state.pointee.region else { throw .dead(pid: pid, .noRegion) }
    return unsafe region
  }

  /// Numbers are drawn from the context in blocks, so that senders to different processes do not
  /// meet at one counter. Call with the lock held.
  @inline(__always)
  func nextDebugID() -> UInt32 {
    unsafe state.pointee.debugIDs.next(from: context.debugIDs)
  }

  /// Tells the shrinker how long the longest idle page has been idle. Call with the lock held.
  @inline(__always)
  func updateIdleHint(_ pages: borrowing RegionPages) {
    unsafe sync.pointee.oldestIdle.store(pages.idle.oldestStamp ?? .max, ordering: .relaxed)
  }

  // MARK: pins

  /// Ends `body`'s holder's claim on the region. Call with the lock held, then `unlock()`, then
  /// `finish(_:)` with the result.
  @inline(__always)
  func unpinRegion() -> LastPin {
    unsafe state.pointee.regionPins -= 1
    return hasExited ? unpinAfterExit() : .no
  }

  @inline(__always)
  func unpinCall() -> LastPin {
    unsafe state.pointee.callPins -= 1
    return hasExited ? unpinAfterExit() : .no
  }

  enum LastPin { case no, release }

  @inline(never)
  private func unpinAfterExit() -> LastPin {
    if unsafe state.pointee.regionPins == 0 {
      unsafe state.pointee.dropRegion()
    } else if let region = unsafe state.pointee.region, unsafe region.pointee.pages.canReclaim {
      // The shrinker has lost sight of it: what went idle with this pin would stay until the last.
      _ = unsafe region.pointee.pages.reclaim(upTo: .max)
    }
    guard
      unsafe state.pointee.regionPins + state.pointee.callPins == 0,
      unsafe state.pointee.retainedByPins
    else { return .no }
    unsafe state.pointee.retainedByPins = false
    return .release
  }

  /// Gives up the retain that stood for the pins. The core may be gone afterwards.
  @inline(__always)
  func finish(_ last: LastPin) {
    if last == .release {
      // SAFETY: `exit` retained the core for its pins, and the last of them just went.
      unsafe Unmanaged.passUnretained(self).release()
    }
  }
}

extension LockRank {
  static let context = LockRank(0)
  static let shrinker = LockRank(5)
  static let process = LockRank(10)
}

extension ProcessCore: Reclaimable {
  var oldestIdle: UInt64 { unsafe sync.pointee.oldestIdle.load(ordering: .relaxed) }

  func reclaim(upTo limit: Int, before deadline: UInt64, waits: Bool) -> Int? {
    if waits { lock.lock() } else if !lock.tryLock() { return nil }
    defer { unlock() }
    guard let region = unsafe state.pointee.region else {
      unsafe sync.pointee.oldestIdle.store(.max, ordering: .relaxed)
      return 0
    }
    let count = unsafe region.pointee.pages.reclaim(upTo: limit, before: deadline)
    updateIdleHint(unsafe region.pointee.pages)
    return count
  }

  func reclaimStrays() -> Int {
    lock.lock()
    defer { unlock() }
    guard let region = unsafe state.pointee.region else { return 0 }
    return unsafe region.pointee.pages.reclaimStrays()
  }
}
