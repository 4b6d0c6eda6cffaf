import Foundation
import Synchronization
import Testing

@_spi(Engine) @testable import PageAlloc

@Suite("Locks, conditions, lazy memory, errors")
struct SystemTests {
  @Test func aLockAdmitsOneThread() async {
    final class Counter: Sendable {
      let value = Protected(0)
    }
    let counter = Counter()
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<4 {
        group.addTask {
          for _ in 0..<1000 { counter.value.withLock { $0 += 1 } }
        }
      }
    }
    #expect(counter.value.withLock { $0 } == 4000)
  }

  /// Past all pauses, where a thread sleeps or is about to.
  @Test(.timeLimit(.minutes(15)))
  func aSleeperIsWoken() {
    final class Shared: Sendable {
      let lock = Lock()
      let isDone = Protected(false)
    }
    let shared = Shared()
    shared.lock.lock()
    Thread.detachNewThread {
      shared.lock.withLock { shared.isDone.withLock { $0 = true } }
    }
    while shared.lock.word.load(ordering: .relaxed) != 3 { sched_yield() }
    shared.lock.unlock()
    for _ in 0..<100_000 {
      if shared.isDone.withLock({ $0 }) { break }
      usleep(100)
    }
    #expect(shared.isDone.withLock { $0 }, "it sleeps on")
  }

  /// A thread that gives the lock back only to take it again lets others in, after a few turns. With
  /// a lock that nobody hands over, a waiter always comes too late here.
  @Test(.timeLimit(.minutes(15)))
  func nobodyIsPassedOverForLong() {
    final class Shared: Sendable {
      let lock = Lock()
      let turns = Atomic<Int>(0)
      let served = Atomic<Int>(0)
      let worst = Atomic<Int>(0)
    }
    let shared = Shared()
    let waiters = 3
    let rounds = 5
    for _ in 0..<waiters {
      Thread.detachNewThread {
        for _ in 0..<rounds {
          let before = shared.turns.load(ordering: .relaxed)
          shared.lock.lock()
          shared.worst.max(shared.turns.load(ordering: .relaxed) - before, ordering: .relaxed)
          shared.lock.unlock()
          shared.served.add(1, ordering: .relaxed)
        }
      }
    }
    // Turns are long, so that a thread that is woken has had the time to run within a few of them.
    while shared.served.load(ordering: .relaxed) < waiters * rounds,
      shared.turns.load(ordering: .relaxed) < 5000
    {
      shared.lock.withLock {
        shared.turns.add(1, ordering: .relaxed)
        usleep(1000)
      }
    }
    #expect(shared.served.load(ordering: .relaxed) == waiters * rounds)
    #expect(shared.worst.load(ordering: .relaxed) < 200)
    // The threads that were not served in time are let in before the lock goes.
    while shared.served.load(ordering: .relaxed) < waiters * rounds { usleep(1000) }
  }

  /// Many threads, some of which must sleep: the lock is never held by two, and none is forgotten.
  @Test(.timeLimit(.minutes(15)))
  func handingOverLosesNobody() {
    final class Shared: Sendable {
      let lock = Lock()
      let inside = Atomic<Int>(0)
      let broken = Atomic<Int>(0)
      let done = Atomic<Int>(0)
    }
    let shared = Shared()
    for thread in 0..<6 {
      Thread.detachNewThread {
        for round in 0..<200 {
          shared.lock.lock()
          if shared.inside.add(1, ordering: .relaxed).newValue != 1 {
            shared.broken.add(1, ordering: .relaxed)
          }
          if (round + thread) % 8 == 0 { usleep(150) }
          shared.inside.subtract(1, ordering: .relaxed)
          shared.lock.unlock()
        }
        shared.done.add(1, ordering: .relaxed)
      }
    }
    while shared.done.load(ordering: .relaxed) < 6 { usleep(1000) }
    #expect(shared.broken.load(ordering: .relaxed) == 0)
    #expect(shared.lock.word.load(ordering: .relaxed) == 0)
  }

  /// A thread that was woken and came too late is next: the lock is handed to it, and it is woken again.
  @Test(.timeLimit(.minutes(15))) func whoComesTooLateIsHandedTheLock() {
    final class Shared: Sendable {
      let lock = Lock()
      let isDone = Atomic<Bool>(false)
      var word: UInt32 { lock.word.load(ordering: .relaxed) }
    }
    var handedOver = 0
    for _ in 0..<20 {
      let shared = Shared()
      shared.lock.lock()
      Thread.detachNewThread {
        shared.lock.withLock {}
        shared.isDone.store(true, ordering: .relaxed)
      }
      // It sleeps; is woken; finds the lock taken again; claims to be next, and sleeps for that.
      while shared.word != 3 { sched_yield() }
      shared.lock.unlock()
      shared.lock.lock()
      while shared.word != 7, !shared.isDone.load(ordering: .relaxed) { sched_yield() }
      usleep(2000)
      if shared.word == 7 { handedOver += 1 }
      shared.lock.unlock()
      for _ in 0..<100_000 {
        if shared.isDone.load(ordering: .relaxed) { break }
        usleep(100)
      }
      guard shared.isDone.load(ordering: .relaxed) else {
        Issue.record("the thread that was next sleeps on")
        return
      }
    }
    #expect(handedOver > 0)
  }

  /// A signal that comes when the lock has been given back, and before the waiter sleeps.
  @Test(.timeLimit(.minutes(15)))
  func aSignalInBetweenIsNotLost() {
    let condition = Condition()
    let inTime = condition.sleep(until: MonotonicClock.nanoseconds() + 30_000_000_000) {
      condition.signal()
    }
    #expect(inTime)
  }

  @Test func tryLockDoesNotWait() {
    let lock = Lock()
    let taken = [lock.tryLock(), lock.tryLock()]
    #expect(taken == [true, false])
    lock.unlock()
    let again = lock.tryLock()
    #expect(again)
    lock.unlock()
  }

  @Test func aConditionWakesAWaiterOrTimesOut() async {
    final class Mailbox: Sendable {
      let lock = Lock()
      let condition = Condition()
      let letters = Protected<[Int]>([])

      func take() -> Int {
        lock.lock()
        defer { lock.unlock() }
        while true {
          let letter = letters.withLock { $0.popLast() }
          if let letter { return letter }
          condition.wait(lock)
        }
      }

      func put(_ letter: Int) {
        lock.withLock {
          letters.withLock { $0.append(letter) }
          condition.signal()
        }
      }
    }
    let mailbox = Mailbox()
    async let letter = Task.detached { mailbox.take() }.value
    mailbox.put(42)
    #expect(await letter == 42)

    // A deadline in the past passes at once, and the lock is held again.
    mailbox.lock.withLock {
      let signalled = mailbox.condition.wait(
        mailbox.lock, deadline: MonotonicClock.nanoseconds())
      #expect(!signalled)
      let free = mailbox.lock.tryLock()
      #expect(!free)
      mailbox.condition.broadcast()
    }
  }

  @Test func lazyMemoryIsZeroAndLarge() throws {
    let memory = try LazyMemory(byteCount: 1 << 36)
    let bytes = unsafe memory.base.assumingMemoryBound(to: UInt8.self)
    #expect(unsafe bytes[0] == 0 && bytes[1 << 35] == 0)
    unsafe bytes[(1 << 36) - 1] = 1
    #expect(memory.byteCount == 1 << 36)
    #expect(
      failure { _ = try LazyMemory(byteCount: 0) }
        == .invalidArgument(.byteCount, value: 0))
    #expect(
      failure { _ = try LazyMemory(byteCount: .max) }
        == .system(.map, .noMemory))
  }

  @Test func errorsSayWhatWhereAndHowMuch() {
    #expect(Errno.invalidArgument.description == "EINVAL (invalid argument)")
    #expect(Errno(rawValue: 28) == .noSpace)
    #expect(Errno(rawValue: 4711).description == "errno 4711")
    let texts: [(PageAllocError, String)] = [
      (
        .outOfBounds(offset: 8, length: 9, size: 10),
        "EINVAL: offset 8 and length 9 exceed the size 10"
      ),
      (.invalidArgument(.pageCount, value: 0), "EINVAL: page count of an arena (1 to 16777216): 0"),
      (
        .badAddress(address: 0x1000, length: 8),
        "EFAULT: no access to address 0x1000, 8 bytes wanted from there"
      ),
      (
        .pastEnd(requested: 9, remaining: 8), "EFAULT: 9 bytes wanted, 8 left in the user slice"
      ),
      (.processGone(pid: 7), "ESRCH: process 7 has exited"),
      (.processDenied(pid: 7), "EPERM: the memory of process 7 may not be accessed"),
      (.processBlocked(pid: 7), "ETIMEDOUT: the memory of process 7 did not answer in time"),
      (
        .budgetExhausted(requested: 2, inUse: 9, limit: 10),
        "ENOMEM: 2 pages wanted, 9 of 10 in use"
      ),
      (
        .arenaFull(requested: 4, order: 2),
        "ENOMEM: no 4 contiguous pages (order 2) free in the arena"
      ),
      (
        .system(.populate, .badAddress),
        "ENOMEM: madvise(MADV_POPULATE_WRITE) failed with EFAULT (bad address)"
      ),
      (.injected(.userCopy), "EFAULT: injected fault at user copy"),
      (
        .system(.memoryFile, .tooManyOpenFiles),
        "EMFILE: memfd_create failed (too many open files)"
      ),
    ]
    for (error, text) in texts { #expect(error.description == text) }
  }
}
