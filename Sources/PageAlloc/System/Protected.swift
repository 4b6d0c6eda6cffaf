/// A value behind a lock.
///
/// The value is at a stable address, so it may be noncopyable and is changed in place.
@safe package struct Protected<Value: ~Copyable>: ~Copyable, @unchecked Sendable {
  // INVARIANT: `value` points to an initialised value that only the holder of `lock` touches.
  private let value: UnsafeMutablePointer<Value>
  private let lock: Lock

  /// - Parameter rank: the lock's place in the order of locks.
  package init(_ value: consuming Value, rank: LockRank? = nil) {
    lock = Lock(rank: rank)
    // SAFETY: the memory is ours and is initialised before anybody sees it.
    unsafe self.value = .allocate(capacity: 1)
    unsafe self.value.initialize(to: value)
  }

  deinit {
    // SAFETY: whoever destroys this owns it, so nobody is inside `withLock`.
    unsafe value.deinitialize(count: 1)
    unsafe value.deallocate()
  }

  /// Runs `body` on the value while holding the lock.
  package borrowing func withLock<R: ~Copyable, E: Error>(
    _ body: (inout Value) throws(E) -> R
  ) throws(E) -> R {
    lock.lock()
    defer { lock.unlock() }
    // SAFETY: the lock is held, so this is the only access.
    return try unsafe body(&value.pointee)
  }
}
