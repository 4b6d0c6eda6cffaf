import CTestPeer
import Glibc
import Synchronization
import Testing

@testable import PageAlloc

@Suite("Budget", .timeLimit(.minutes(15)))
struct BudgetTests {
  @Test func boundsAllArenasTogether() throws {
    let budget = PageBudget(pages: 3)
    let first = try PageArena(pageCount: 8, budget: budget)
    let second = try PageArena(pageCount: 8, budget: budget)
    let a = try first.allocate(Pages<1>.self, flags: [])
    let b = try second.allocate(Page.self, flags: [])
    let error = failure { _ = try first.allocate(Page.self, flags: []) }
    #expect(error == .budgetExhausted(requested: 1, inUse: 3, limit: 3))
    #expect(error?.errno == .noMemory)
    #expect(first.pagesInUse == 2)
    #expect(budget.peak == 3)
    _ = consume a
    #expect(budget.pagesInUse == 1)
    let c = try second.allocate(Pages<1>.self, flags: [])
    #expect(budget.pagesInUse == 3 && budget.peak == 3)
    _ = (b.index, c.index)
  }

  @Test func theLimitMayChangeAndEvenFallBelowWhatIsInUse() throws {
    let budget = PageBudget(pages: 4)
    let arena = try PageArena(pageCount: 8, budget: budget)
    let held = try arena.allocate(Pages<1>.self, flags: [])
    budget.limit = 1
    #expect(budget.pagesInUse == 2)
    #expect(
      failure { _ = try arena.allocate(Page.self, flags: []) }
        == .budgetExhausted(requested: 1, inUse: 2, limit: 1))
    _ = consume held
    #expect(budget.pagesInUse == 0)
    do {
      let page = try arena.allocate(Page.self, flags: [])
      #expect(page.index == 0)
    }
    budget.limit = -5
    #expect(budget.limit == 0)
  }

  /// A cache of pages that gives back what it is asked for.
  final class Cache: Sendable {
    let pages = Protected<[Int: PageBox]>([:])
    let asked = Atomic<Int>(0)

    final class PageBox: Sendable {
      let page: Page
      init(_ page: consuming Page) { self.page = page }
    }

    func fill(_ arena: PageArena, _ count: Int) throws {
      for _ in 0..<count {
        let box = PageBox(try arena.allocate(Page.self, flags: []))
        pages.withLock { $0[box.page.index] = box }
      }
    }

    func shrink(_ count: Int) -> Int {
      asked.add(count, ordering: .relaxed)
      return pages.withLock { pages in
        let chosen = pages.keys.sorted().prefix(count)
        for key in chosen { pages[key] = nil }
        return chosen.count
      }
    }
  }

  @Test func kernelAllocationsShrinkByWhatIsMissing() throws {
    let budget = PageBudget(pages: 6)
    let arena = try PageArena(pageCount: 16, budget: budget)
    let cache = Cache()
    try cache.fill(arena, 5)
    let registration = budget.register { cache.shrink($0) }
    let block = try arena.allocate(Pages<2>.self, flags: .kernel)
    // 5 and 4 are 3 more than 6.
    #expect(cache.asked.load(ordering: .relaxed) == 3)
    #expect(budget.pagesInUse == 6)
    budget.unregister(registration)
    #expect(
      failure { _ = try arena.allocate(Page.self, flags: .kernel) }
        == .budgetExhausted(requested: 1, inUse: 6, limit: 6))
    #expect(cache.asked.load(ordering: .relaxed) == 3)
    _ = block.index
  }

  @Test(arguments: [[], .zero, .noWait, [.kernel, .noWait], .highmem] as [AllocationFlags])
  func otherAllocationsFailAtOnce(flags: AllocationFlags) throws {
    let budget = PageBudget(pages: 1)
    let arena = try PageArena(pageCount: 4, budget: budget)
    let cache = Cache()
    try cache.fill(arena, 1)
    // The cache's pages keep the arena, and that the budget: without the end of this they would
    // keep each other.
    let registration = budget.register { cache.shrink($0) }
    defer { budget.unregister(registration) }
    #expect(
      failure { _ = try arena.allocate(Page.self, flags: flags) }
        == .budgetExhausted(requested: 1, inUse: 1, limit: 1))
    #expect(cache.asked.load(ordering: .relaxed) == 0)
  }

  @Test func shrinkersRunOnceInOrderUntilEnoughIsThere() throws {
    let budget = PageBudget(pages: 4)
    let arena = try PageArena(pageCount: 16, budget: budget)
    let cache = Cache()
    try cache.fill(arena, 4)
    let calls = Protected<[String]>([])
    let nothing = budget.register { missing in
      calls.withLock { $0.append("nothing \(missing)") }
      return 0
    }
    _ = budget.register { missing in
      calls.withLock { $0.append("some \(missing)") }
      return cache.shrink(missing)
    }
    _ = budget.register { missing in
      calls.withLock { $0.append("not needed \(missing)") }
      return 0
    }
    do {
      let page = try arena.allocate(Page.self)
      #expect(page.index == 4)
    }
    #expect(calls.withLock { $0 } == ["nothing 1", "some 1"])

    // Nothing helps: each ran once, and the error comes.
    calls.withLock { $0 = [] }
    _ = cache.shrink(10)
    let held = try arena.allocate(Pages<2>.self)
    #expect(
      failure { _ = try arena.allocate(Page.self) }
        == .budgetExhausted(requested: 1, inUse: 4, limit: 4))
    #expect(calls.withLock { $0 } == ["nothing 1", "some 1", "not needed 1"])

    // More than the whole budget: nobody is disturbed.
    calls.withLock { $0 = [] }
    #expect(
      failure { _ = try arena.allocate(Pages<3>.self) }
        == .budgetExhausted(requested: 8, inUse: 4, limit: 4))
    #expect(calls.withLock { $0 } == [])
    budget.unregister(nothing)
    _ = held.index
  }

  /// What fits by now, because others gave pages back, needs no shrinker.
  @Test func whatFitsByNowDisturbsNobody() {
    let budget = PageBudget(pages: 4)
    let calls = Protected(0)
    _ = budget.register { _ in
      calls.withLock { $0 += 1 }
      return 0
    }
    #expect(budget.tryCharge(2))
    #expect(budget.shrink(toFit: 2))
    #expect(calls.withLock { $0 } == 0)
    #expect(!budget.shrink(toFit: 3))
    #expect(calls.withLock { $0 } == 1)
    #expect(!budget.shrink(toFit: 5))
    #expect(calls.withLock { $0 } == 1)
    budget.uncharge(2)
  }

  /// A shrinker may release pages of the very arena that allocates, and change the registrations.
  @Test func shrinkersMayReenter() throws {
    let budget = PageBudget(pages: 2)
    let arena = try PageArena(pageCount: 4, budget: budget)
    let cache = Cache()
    try cache.fill(arena, 2)
    let own = Protected<ShrinkerRegistration?>(nil)
    let registration = budget.register { missing in
      own.withLock { if let registration = $0 { budget.unregister(registration) } }
      return cache.shrink(missing)
    }
    own.withLock { $0 = registration }
    let page = try arena.allocate(Page.self)
    #expect(budget.pagesInUse == 2)
    #expect(failure { _ = try arena.allocate(Page.self) } != nil)
    _ = page.index
  }

  /// Threads that compete for a budget never exceed it, and leave nothing behind.
  @Test func racesNeverExceedTheLimit() async throws {
    let budget = PageBudget(pages: 7)
    try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<4 {
        group.addTask {
          let arena = try PageArena(pageCount: 8, budget: budget)
          let cache = Cache()
          let registration = budget.register { cache.shrink($0) }
          defer { budget.unregister(registration) }
          var got = 0
          for round in 0..<200 {
            if round % 3 == 0 { try? cache.fill(arena, 1) }
            if let block = try? arena.allocate(Pages<1>.self) {
              got += block.index.isMultiple(of: 2) ? 1 : 0
            }
            #expect(budget.pagesInUse <= 7)
          }
          return got
        }
      }
      let total = try await group.reduce(0, +)
      #expect(total > 0)
    }
    #expect(budget.pagesInUse == 0)
    #expect(budget.peak <= 7)
  }

  /// What a shrinker answers is not relied on, whatever it is.
  @Test(arguments: [Int.min, -1, 1, Int.max])
  func absurdAnswersAreClamped(answer: Int) throws {
    let budget = PageBudget(pages: 2)
    let arena = try PageArena(pageCount: 8, budget: budget)
    let held = try arena.allocate(Pages<1>.self)
    let calls = Protected(0)
    _ = budget.register { _ in
      calls.withLock { $0 += 1 }
      return answer
    }
    _ = budget.register { _ in Int.min }
    #expect(
      failure { _ = try arena.allocate(Page.self) }
        == .budgetExhausted(requested: 1, inUse: 2, limit: 2))
    #expect(calls.withLock { $0 } == 1, "nothing came back: once is enough")
    _ = held.index
  }

  /// A rival takes what a shrinker gave back; there is more, and the allocation gets it.
  @Test func whatARivalTakesIsShrunkAgain() throws {
    let budget = PageBudget(pages: 4)
    let arena = try PageArena(pageCount: 16, budget: budget)
    let cache = Cache()
    try cache.fill(arena, 4)
    let rival = Cache()
    let registration = budget.register { missing in
      let count = cache.shrink(missing)
      // Twice, somebody else is faster.
      if rival.pages.withLock({ $0.count }) < 2 { try? rival.fill(arena, 1) }
      return count
    }
    defer { budget.unregister(registration) }
    let page = try arena.allocate(Page.self)
    #expect(cache.asked.load(ordering: .relaxed) == 3)
    #expect(budget.pagesInUse == 4)
    _ = page.index
  }

  /// The system has no memory, while the budget has room: shrinkers run then too.
  @Test(
    .enabled(
      if: peer_has_address_sanitizer() == 0,
      "the address sanitizer may map memory of its own where the test unmaps the arena's"))
  func theSystemsRefusalShrinks() async {
    await #expect(processExitsWith: .success) {
      let budget = PageBudget(pages: 100)
      let cache = Cache()
      try cache.fill(try PageArena(pageCount: 4, budget: budget), 1)
      let arena = try PageArena(pageCount: 4, budget: budget)
      // The kernel says ENOMEM where nothing is mapped.
      unsafe munmap(arena.memory.driverView, 4 * Page.size)
      try #require(failure { _ = try arena.allocate(Page.self) }?.errno == .noMemory)
      try #require(arena.pagesInUse == 0 && budget.pagesInUse == 1)
      _ = budget.register { missing in
        _ = unsafe mmap(
          arena.memory.driverView, 4 * Page.size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
          arena.memory.file.raw, 0)
        return cache.shrink(missing)
      }
      let page = try arena.allocate(Page.self)
      try #require(page.index == 0 && cache.asked.load(ordering: .relaxed) == 1)
      try #require(budget.pagesInUse == 1)
    }
  }
}
