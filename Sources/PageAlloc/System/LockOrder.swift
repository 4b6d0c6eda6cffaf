internal import Glibc
internal import Synchronization

/// Where a lock stands in the order in which one thread may wait for several: after a lock, only
/// ones of a higher rank. (Those that are only tried may come in any order.)
package struct LockRank: Sendable, Comparable {
  /// 0 to 62; a lock of rank 0 is the first.
  fileprivate let position: UInt8

  package init(_ position: UInt8) {
    precondition(position < UInt.bitWidth - 1)
    self.position = position
  }

  package static func < (a: LockRank, b: LockRank) -> Bool { a.position < b.position }

  /// A budget's table of shrinkers.
  package static let budget = LockRank(20)
  /// Which pages of an arena are taken; nothing is waited for with it.
  package static let arena = LockRank(40)
}

#if DEBUG
  /// Stops a debug build when a thread waits for a lock that it has, waits for one out of order (such
  /// a program can deadlock, even if this time it did not), or gives back one that it does not have.
  /// In other builds it is empty.
  @usableFromInline @safe
  struct LockOrder: ~Copyable, @unchecked Sendable {
    private let rank: LockRank?
    // The thread that holds the lock, 0 for none.
    private let holder = Atomic<UInt>(0)
    // INVARIANT: only the holder of the lock touches it: whether it has waited for the lock.
    private let waited: UnsafeMutablePointer<Bool>

    init(_ rank: LockRank?) {
      self.rank = rank
      unsafe waited = .allocate(capacity: 1)
      unsafe waited.initialize(to: false)
    }

    deinit { unsafe waited.deallocate() }

    @usableFromInline
    func willWait() {
      precondition(
        holder.load(ordering: .relaxed) != pthread_self(), "the lock is held by this thread already"
      )
      guard let rank else { return }
      // One bit for each rank held: this one's and those above it must be clear.
      precondition(
        HeldRanks.current >> UInt(rank.position) == 0,
        "a lock of rank \(rank.position) is waited for out of order")
    }

    @usableFromInline
    func didLock(afterWaiting: Bool) {
      holder.store(pthread_self(), ordering: .relaxed)
      // SAFETY: the lock is held.
      unsafe waited.pointee = afterWaiting
      if afterWaiting, let rank { HeldRanks.current |= 1 << UInt(rank.position) }
    }

    @usableFromInline
    func mustBeHeld() {
      precondition(
        holder.load(ordering: .relaxed) == pthread_self(), "the lock is not held by this thread")
    }

    @usableFromInline
    func willUnlock() {
      mustBeHeld()
      holder.store(0, ordering: .relaxed)
      // SAFETY: the lock is held.
      if unsafe waited.pointee, let rank { HeldRanks.current &= ~(1 << UInt(rank.position)) }
    }
  }

  /// The ranks of the locks that this thread has waited for and holds, one bit each.
  private enum HeldRanks {
    private static let key: pthread_key_t = {
      var key = pthread_key_t()
      let result = unsafe pthread_key_create(&key, nil)
      precondition(result == 0, "no key for the ranks held")
      return key
    }()

    static var current: UInt {
      get { unsafe UInt(bitPattern: pthread_getspecific(key)) }
      set { unsafe pthread_setspecific(key, UnsafeRawPointer(bitPattern: newValue)) }
    }
  }
#else
  @usableFromInline
  struct LockOrder: ~Copyable, Sendable {
    init(_ rank: LockRank?) {}

    @inlinable @inline(__always)
    func willWait() {}

    @inlinable @inline(__always)
    func didLock(afterWaiting: Bool) {}

    @inlinable @inline(__always)
    func willUnlock() {}

    @inlinable @inline(__always)
    func mustBeHeld() {}
  }
#endif
