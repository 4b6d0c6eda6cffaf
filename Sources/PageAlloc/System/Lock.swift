internal import Glibc

/// A mutual exclusion lock, not recursive.
///
/// In debug builds, locking it twice, unlocking it from another thread or waiting for it out of
/// order stops the program.
/// `Synchronization.Mutex` would do, but ThreadSanitizer does not understand it and reports races
/// that are none; it understands the mutex of pthread.
@safe package struct Lock: ~Copyable, @unchecked Sendable {
  // INVARIANT: points to an initialised mutex that is at this address until deinit.
  fileprivate let mutex: UnsafeMutablePointer<pthread_mutex_t>
  fileprivate let order: LockOrder

  /// - Parameter rank: its place in the order of locks; nil for one that is outside any order.
  package init(rank: LockRank? = nil) {
    order = LockOrder(rank)
    unsafe mutex = .allocate(capacity: 1)
    // SAFETY: the memory is ours, large enough, and initialised by pthread_mutex_init.
    unsafe mutex.initialize(to: pthread_mutex_t())
    #if DEBUG
      var attributes = pthread_mutexattr_t()
      unsafe pthread_mutexattr_init(&attributes)
      unsafe pthread_mutexattr_settype(&attributes, CInt(PTHREAD_MUTEX_ERRORCHECK))
      let result = unsafe pthread_mutex_init(mutex, &attributes)
      unsafe pthread_mutexattr_destroy(&attributes)
    #else
      let result = unsafe pthread_mutex_init(mutex, nil)
    #endif
    precondition(result == 0, "no mutex")
  }

  deinit {
    // SAFETY: whoever destroys the lock owns it, so no thread holds it or waits for it.
    unsafe pthread_mutex_destroy(mutex)
    unsafe mutex.deinitialize(count: 1)
    unsafe mutex.deallocate()
  }

  /// Waits until no other thread holds the lock, and takes it.
  package borrowing func lock() {
    order.willWait()
    // SAFETY: the pointer is valid, see the invariant of `mutex`.
    let result = unsafe pthread_mutex_lock(mutex)
    assert(result == 0, "the lock is held by this thread already")
    order.didLock(afterWaiting: true)
  }

  /// Takes the lock if nobody holds it.
  package borrowing func tryLock() -> Bool {
    // SAFETY: the pointer is valid, see the invariant of `mutex`.
    guard unsafe pthread_mutex_trylock(mutex) == 0 else { return false }
    order.didLock(afterWaiting: false)
    return true
  }

  /// Gives the lock back; this thread must hold it.
  package borrowing func unlock() {
    order.willUnlock()
    // SAFETY: the pointer is valid, see the invariant of `mutex`.
    let result = unsafe pthread_mutex_unlock(mutex)
    assert(result == 0, "the lock is not held by this thread")
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
}

/// Lets threads that hold a `Lock` wait for something to change.
@safe package struct Condition: ~Copyable, @unchecked Sendable {
  // INVARIANT: points to an initialised condition that is at this address until deinit; its
  // timeouts are read on the monotonic clock.
  private let condition: UnsafeMutablePointer<pthread_cond_t>

  package init() {
    unsafe condition = .allocate(capacity: 1)
    // SAFETY: the memory is ours, large enough, and initialised by pthread_cond_init.
    unsafe condition.initialize(to: pthread_cond_t())
    var attributes = pthread_condattr_t()
    unsafe pthread_condattr_init(&attributes)
    unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    let result = unsafe pthread_cond_init(condition, &attributes)
    unsafe pthread_condattr_destroy(&attributes)
    precondition(result == 0, "no condition")
  }

  deinit {
    // SAFETY: whoever destroys the condition owns it, so no thread waits for it.
    unsafe pthread_cond_destroy(condition)
    unsafe condition.deinitialize(count: 1)
    unsafe condition.deallocate()
  }

  /// Gives `lock` back, waits for a signal, takes `lock` again. May return without a signal.
  package borrowing func wait(_ lock: borrowing Lock) {
    // SAFETY: both pointers are valid for as long as their owners are borrowed.
    let result = unsafe pthread_cond_wait(condition, lock.mutex)
    // Others held the lock meanwhile, some without having waited for it.
    lock.order.didLock(afterWaiting: true)
    assert(result == 0, "the lock is not held by this thread")
  }

  /// The same, but waits no longer than until `deadline`, in nanoseconds of `MonotonicClock`.
  /// - Returns: False if the deadline has passed.
  package borrowing func wait(_ lock: borrowing Lock, deadline: UInt64) -> Bool {
    var time = timespec(
      tv_sec: Int(deadline / 1_000_000_000), tv_nsec: Int(deadline % 1_000_000_000))
    // SAFETY: both pointers are valid for as long as their owners are borrowed.
    let result = unsafe pthread_cond_timedwait(condition, lock.mutex, &time)
    lock.order.didLock(afterWaiting: true)
    assert(result == 0 || result == ETIMEDOUT, "the lock is not held by this thread")
    return result != ETIMEDOUT
  }

  /// Wakes one waiting thread.
  package borrowing func signal() {
    // SAFETY: the pointer is valid, see the invariant of `condition`.
    unsafe pthread_cond_signal(condition)
  }

  /// Wakes all waiting threads.
  package borrowing func broadcast() {
    // SAFETY: the pointer is valid, see the invariant of `condition`.
    unsafe pthread_cond_broadcast(condition)
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
