internal import CLinuxShims
internal import Glibc
@_spi(Engine) public import Synchronization

/// A mutual exclusion lock, not recursive.
///
/// Free, it is taken with one atomic instruction and given back with another, both inlined. Held, it
/// is waited for by looking at it again after ever longer pauses, and then by sleeping (futex). The
/// pauses are long on purpose: while one thread pauses, the other works with everything in its
/// caches, and may take the lock again and again.
///
/// Fair enough: a thread that was woken and still found the lock taken is the next to get it, from
/// the hand of whoever gives it back. So nobody is passed over for long, however busy the lock.
///
/// In debug builds, locking it twice, unlocking it from another thread or waiting for it out of
/// order stops the program.
/// `Synchronization.Mutex` would do, but ThreadSanitizer does not understand it and reports races
/// where there are none; it understands atomics. A mutex of pthread sleeps too early: two threads in
/// one process had a seventh of the throughput of one.
// Only what is public is inlined into other modules, so the fast steps are: for this package alone.
@_spi(Engine) @safe public struct Lock: ~Copyable, Sendable {
  // INVARIANT: 0 when free. Else bit 0 is set; bit 1 when a thread may be asleep on this word; bit 2
  // when the thread that has claimed `next` is to get it.
  @usableFromInline let word = Atomic<UInt32>(0)
  // INVARIANT: 1 from when a thread has claimed to be next, 2 from when it has been handed the lock,
  // until it has noticed; else 0.
  private let next = Atomic<UInt32>(0)
  @usableFromInline let order: LockOrder

  private static var held: UInt32 { 1 }
  private static var hasSleepers: UInt32 { 2 }
  private static var isPromised: UInt32 { 4 }

  /// - Parameter rank: its place in the order of locks; nil for one that is outside any order.
  package init(rank: LockRank? = nil) {
    order = LockOrder(rank)
  }

  /// Waits until no other thread holds the lock, and takes it.
  @_spi(Engine) @inlinable @inline(__always)
  public borrowing func lock() {
    order.willWait()
    if !tryTake() { waitAndTake() }
    order.didLock(afterWaiting: true)
  }

  /// Takes the lock if nobody holds it.
  @_spi(Engine) @inlinable @inline(__always)
  public borrowing func tryLock() -> Bool {
    guard tryTake() else { return false }
    order.didLock(afterWaiting: false)
    return true
  }

  /// Gives the lock back; this thread must hold it.
  @_spi(Engine) @inlinable @inline(__always)
  public borrowing func unlock() {
    order.willUnlock()
    let (done, _) = word.compareExchange(
      expected: 1, desired: 0, successOrdering: .releasing, failureOrdering: .relaxed)
    if !done { giveBackToWaiters() }
  }

  /// In debug builds, stops the program unless this thread holds the lock.
  @_spi(Engine) @inlinable @inline(__always)
  public borrowing func mustBeHeld() { order.mustBeHeld() }

  /// Runs `body` while holding the lock.
  package borrowing func withLock<R: ~Copyable, E: Error>(
    _ body: () throws(E) -> R
  ) throws(E) -> R {
    lock()
    defer { unlock() }
    return try body()
  }

  // MARK: waiting

  @inlinable @inline(__always)
  borrowing func tryTake(as state: UInt32 = 1) -> Bool {
    word.compareExchange(
      expected: 0, desired: state, successOrdering: .acquiring, failureOrdering: .relaxed
    ).exchanged
  }

  @usableFromInline @inline(never)
  borrowing func waitAndTake() {
    // Once this has slept others may sleep too, so that whoever has the lock next must wake one.
    let taken = Self.held | Self.hasSleepers
    if spin(as: Self.held) || sleepOrTake() || tryTake(as: taken) || spin(as: taken) { return }
    while !next.compareExchange(expected: 0, desired: 1, ordering: .relaxed).exchanged {
      // Somebody else is next; giving the lock back after that wakes this thread.
      if sleepOrTake() || tryTake(as: taken) { return }
    }
    takeAsNext()
  }

  /// Marks that a thread sleeps, and sleeps until the word changes; true if the lock was free and has
  /// been taken instead.
  private borrowing func sleepOrTake() -> Bool {
    guard let marked = takeOrMark(Self.hasSleepers) else { return true }
    // SAFETY: a word of this lock, which lives while it is borrowed.
    _ = unsafe withUnsafePointer(to: word) { unsafe bb_futex_wait($0, marked, .max) }
    return false
  }

  /// Waits for the lock to be handed over, which the next who gives it back does.
  private borrowing func takeAsNext() {
    if takeOrMark(Self.hasSleepers | Self.isPromised) != nil {
      while next.load(ordering: .acquiring) != 2 {
        // SAFETY: as above.
        _ = unsafe withUnsafePointer(to: next) { unsafe bb_futex_wait($0, 1, .max) }
      }
    }
    next.store(0, ordering: .relaxed)
  }

  /// Takes the lock if it is free, else sets bits of the word.
  ///
  /// - Returns: the word with the bits; nil when the lock has been taken.
  private borrowing func takeOrMark(_ bits: UInt32) -> UInt32? {
    var seen = word.load(ordering: .relaxed)
    while true {
      let isFree = seen == 0
      let wanted = isFree ? Self.held | Self.hasSleepers : seen | bits
      if !isFree, wanted == seen { return seen }
      let (done, current) = word.compareExchange(
        expected: seen, desired: wanted, successOrdering: .acquiring, failureOrdering: .relaxed)
      if done { return isFree ? nil : wanted }
      seen = current
    }
  }

  /// Looks at the lock a few times, with pauses in between that double.
  private borrowing func spin(as state: UInt32) -> Bool {
    var pause = Self.firstPause
    while pause <= Self.lastPause {
      for _ in 0..<pause { bb_pause() }
      if word.load(ordering: .relaxed) == 0, tryTake(as: state) { return true }
      pause *= 2
    }
    return false
  }

  /// Pauses before the first and the last look, in instructions of about 25 ns.
  private static var firstPause: Int { 512 }
  private static var lastPause: Int { 2048 }

  @usableFromInline @inline(never)
  borrowing func giveBackToWaiters() {
    var seen = word.load(ordering: .relaxed)
    while true {
      let isPromised = seen & Self.isPromised != 0
      let (done, current) = word.compareExchange(
        expected: seen, desired: isPromised ? seen & ~Self.isPromised : 0,
        successOrdering: .releasing, failureOrdering: .relaxed)
      if done {
        if isPromised { next.store(2, ordering: .releasing) }
        // SAFETY: the lock may be gone already: only its address is used, and sleepers bear being
        // woken for nothing.
        return isPromised
          ? unsafe withUnsafePointer(to: next) { unsafe bb_futex_wake($0, 1) }
          : unsafe withUnsafePointer(to: word) { unsafe bb_futex_wake($0, 1) }
      }
      seen = current
    }
  }
}

/// Lets threads that hold a `Lock` wait for something to change.
///
/// The change is made under the lock, and signalled after it, under the lock or not.
@safe package struct Condition: ~Copyable, Sendable {
  /// Counts signals: a thread that gave the lock back and is about to sleep sees that one came.
  private let signals = Atomic<UInt32>(0)

  package init() {}

  /// Gives `lock` back, waits for a signal, takes `lock` again. May return without a signal.
  package borrowing func wait(_ lock: borrowing Lock) {
    _ = wait(lock, deadline: .max)
  }

  /// The same, but waits no longer than until `deadline`, in nanoseconds of `MonotonicClock`. The
  /// lock is then had in bounded turns, as ever.
  /// - Returns: False if the deadline has passed.
  package borrowing func wait(_ lock: borrowing Lock, deadline: UInt64) -> Bool {
    let inTime = sleep(until: deadline) { lock.unlock() }
    lock.lock()
    return inTime
  }

  /// Calls `giveBack`, which ends the protection of what is waited for, and sleeps unless a signal
  /// comes after that began: signals are counted before, so that none in between is lost.
  borrowing func sleep(until deadline: UInt64, afterGivingBack giveBack: () -> Void) -> Bool {
    let seen = signals.load(ordering: .relaxed)
    giveBack()
    // SAFETY: a word of this condition, which lives while it is borrowed.
    return unsafe withUnsafePointer(to: signals) { unsafe bb_futex_wait($0, seen, deadline) }
      != -ETIMEDOUT
  }

  /// Wakes one waiting thread.
  package borrowing func signal() { wake(1) }

  /// Wakes all waiting threads.
  package borrowing func broadcast() { wake(.max) }

  private borrowing func wake(_ count: CInt) {
    signals.add(1, ordering: .relaxed)
    // SAFETY: a word of this condition, which lives while it is borrowed.
    unsafe withUnsafePointer(to: signals) { unsafe bb_futex_wake($0, count) }
  }
}

/// The clock of `Condition` deadlines.
package enum MonotonicClock {
  /// Nanoseconds since some moment in the past; never runs backwards.
  package static func nanoseconds() -> UInt64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}
