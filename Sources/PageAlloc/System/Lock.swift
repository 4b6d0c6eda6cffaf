internal import CLinuxShims
internal import Glibc
package import Synchronization

/// A mutual exclusion lock, not recursive.
///
/// Free, it is taken with one atomic instruction and given back with another, both inlined. Held, it
/// is waited for by looking at it again after ever longer pauses, and after some of them by sleeping
/// (futex). The pauses are long on purpose: while one thread pauses, the other works with everything
/// in its caches, and may take the lock again and again. Nobody is first in line.
///
/// In debug builds, locking it twice, unlocking it from another thread or waiting for it out of
/// order stops the program.
/// `Synchronization.Mutex` would do, but ThreadSanitizer does not understand it and reports races
/// that are none; it understands atomics. A mutex of pthread sleeps too early: two threads in one
/// process had a seventh of the throughput of one.
@safe package struct Lock: ~Copyable, Sendable {
  // INVARIANT: 0 when free, 1 when held, 2 when held and a thread may be asleep on it.
  @usableFromInline let word = Atomic<UInt32>(0)
  @usableFromInline let order: LockOrder

  /// - Parameter rank: its place in the order of locks; nil for one that is outside any order.
  package init(rank: LockRank? = nil) {
    order = LockOrder(rank)
  }

  /// Waits until no other thread holds the lock, and takes it.
  @inlinable @inline(__always)
  package borrowing func lock() {
    order.willWait()
    if !tryTake() { waitAndTake() }
    order.didLock(afterWaiting: true)
  }

  /// Takes the lock if nobody holds it.
  @inlinable @inline(__always)
  package borrowing func tryLock() -> Bool {
    guard tryTake() else { return false }
    order.didLock(afterWaiting: false)
    return true
  }

  /// Gives the lock back; this thread must hold it.
  @inlinable @inline(__always)
  package borrowing func unlock() {
    order.willUnlock()
    if word.exchange(0, ordering: .releasing) == 2 { wakeOne() }
  }

  /// Runs `body` while holding the lock.
  @inlinable
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
    if spin(as: 1) { return }
    // From here on others may sleep too, so that whoever has the lock next must wake one.
    while word.exchange(2, ordering: .acquiring) != 0 {
      // SAFETY: a word of this lock, which lives while it is borrowed.
      _ = unsafe withUnsafePointer(to: word) { unsafe bb_futex_wait($0, 2, .max) }
      if tryTake(as: 2) || spin(as: 2) { return }
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
  borrowing func wakeOne() {
    // SAFETY: the lock may be gone already: only its address is used, and sleepers bear being woken
    // for nothing.
    unsafe withUnsafePointer(to: word) { unsafe bb_futex_wake($0, 1) }
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

  /// The same, but waits no longer than until `deadline`, in nanoseconds of `MonotonicClock`.
  /// - Returns: False if the deadline has passed.
  package borrowing func wait(_ lock: borrowing Lock, deadline: UInt64) -> Bool {
    let seen = signals.load(ordering: .relaxed)
    lock.unlock()
    // SAFETY: a word of this condition, which lives while it is borrowed.
    let result = unsafe withUnsafePointer(to: signals) {
      unsafe bb_futex_wait($0, seen, deadline)
    }
    lock.lock()
    return result != -ETIMEDOUT
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
