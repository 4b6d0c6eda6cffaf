import Testing

@_spi(Engine) @testable import PageAlloc

/// In order, locks of all ranks may be held at once; out of order, a debug build stops.
@Suite("Lock order", .timeLimit(.minutes(15)))
struct LockOrderTests {
  /// Two locks with ranks, one without, and whatever is tried.
  private struct Locks: ~Copyable {
    let first = Lock(rank: LockRank(1))
    let second = Lock(rank: LockRank(2))
    let alsoSecond = Lock(rank: LockRank(2))
    let unranked = Lock()
  }

  @Test func inOrderAllMayBeHeld() {
    let locks = Locks()
    for _ in 0..<2 {
      locks.unranked.lock()
      locks.first.lock()
      locks.second.lock()
      // Trying cannot deadlock, so any order will do; and giving the tried one back does not
      // make the rank of the others free.
      let tried = locks.alsoSecond.tryLock()
      #expect(tried)
      locks.alsoSecond.unlock()
      locks.first.unlock()
      locks.second.unlock()
      locks.unranked.unlock()
    }
    locks.second.lock()
    locks.unranked.lock()
    locks.unranked.unlock()
    locks.second.unlock()
    locks.first.lock()
    locks.first.unlock()
  }

  #if DEBUG
    @Test func outOfOrderADebugBuildStops() async {
      await #expect(processExitsWith: .failure) {
        let locks = Locks()
        locks.second.lock()
        locks.first.lock()
      }
    }

    @Test func twoOfOneRankADebugBuildStops() async {
      await #expect(processExitsWith: .failure) {
        let locks = Locks()
        locks.second.lock()
        let tried = locks.first.tryLock()
        precondition(tried)
        locks.first.unlock()
        locks.alsoSecond.lock()
      }
    }
  #endif
}
