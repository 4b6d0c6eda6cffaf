import Testing

@testable import PageAlloc

@Suite("Free-standing pages")
struct AllocationTests {
  @Test func pagesComeZeroedAndGoBack() throws {
    let budget = PageBudget(pages: 10)
    let arena = try PageArena(pageCount: 4, budget: budget)
    do {
      var page = try arena.allocate(Page.self, flags: [.kernel, .zero, .highmem])
      #expect(try page.allBytes() == zeroPage)
      try page.write(pattern(4096), at: 0)
      #expect(budget.pagesInUse == 1)
      #expect(arena.pagesInUse == 1)
      #expect(try arena.residentPageCount() == 1)
    }
    #expect(budget.pagesInUse == 0)
    #expect(arena.pagesInUse == 0)
    #expect(try arena.residentPageCount() == 0)
    // The same page again: nothing of its former owner is left.
    let page = try arena.allocate(Page.self, flags: [])
    #expect(page.index == 0)
    #expect(try page.allBytes() == zeroPage)
  }

  @Test func higherOrdersAreContiguousAlignedAndFreedAsOne() throws {
    let budget = PageBudget(pages: 100)
    let arena = try PageArena(pageCount: 64, budget: budget)
    let single = try arena.allocate(Page.self)
    #expect(single.index == 0)
    do {
      var block = try arena.allocate(Pages<3>.self)
      #expect(block.index == 8)
      #expect(budget.pagesInUse == 9)
      #expect(try arena.residentPageCount() == 9)
      let bytes = pattern(8 * 4096)
      try block.write(bytes, at: 0)
      #expect(try block.allBytes() == bytes)
      #expect(arena.driverBytes(page: 15) == Array(bytes[(7 * 4096)...]))
      // What lies between is still there for smaller ones.
      let pair = try arena.allocate(Pages<1>.self)
      #expect(pair.index == 2)
    }
    #expect(budget.pagesInUse == 1)
    #expect(try arena.residentPageCount() == 1)
    let large = try arena.allocate(Pages<5>.self)
    #expect(large.index == 32)
    _ = consume single
  }

  @Test func aFullArenaSaysSo() throws {
    let arena = try PageArena(pageCount: 6)
    let block = try arena.allocate(Pages<2>.self)
    #expect(
      failure { _ = try arena.allocate(Pages<2>.self) }
        == .arenaFull(requested: 4, order: 2))
    #expect(
      failure { _ = try arena.allocate(Pages<4>.self) }
        == .arenaFull(requested: 16, order: 4))
    let pair = try arena.allocate(Pages<1>.self)
    let error = failure { _ = try arena.allocate(Page.self) }
    #expect(error == .arenaFull(requested: 1, order: 0))
    #expect(error?.errno == .noMemory)
    #expect(arena.pagesInUse == 6)
    _ = (block.index, pair.index)
  }

  @Test func anImpossibleOrderIsRefused() throws {
    let arena = try PageArena(pageCount: 1)
    #expect(
      failure { _ = try arena.allocate(Pages<19>.self) }
        == .invalidArgument(.order, value: 19))
    #expect(
      failure { _ = try arena.allocate(Pages<60>.self) }
        == .invalidArgument(.order, value: 60))
    #expect(arena.pagesInUse == 0)
  }

  @Test(arguments: [0, -1, Int.min, Int.max, 1 << 24 + 1, Int(UInt32.max)])
  func anImpossibleLengthIsRefused(pageCount: Int) {
    #expect(
      failure { _ = try PageArena(pageCount: pageCount) }
        == .invalidArgument(.pageCount, value: pageCount))
  }

  @Test func pagesKeepTheirArenaAlive() throws {
    weak var arena: PageArena?
    do {
      var page: Page
      do {
        let owner = try PageArena(pageCount: 1)
        arena = owner
        page = try owner.allocate()
      }
      #expect(arena != nil)
      try page.write([1, 2, 3], at: 0)
      let bytes = try page.allBytes()
      #expect(bytes[..<3] == [1, 2, 3])
    }
    #expect(arena == nil)
  }

  @Test func pagesMayBeAllocatedOnSeveralThreads() async throws {
    let budget = PageBudget(pages: 256)
    let arena = try PageArena(pageCount: 256, budget: budget)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for task in 0..<4 {
        group.addTask {
          for round in 0..<100 {
            let mark = UInt8(truncatingIfNeeded: task * 64 + round)
            var page = try arena.allocate(Page.self)
            var block = try arena.allocate(Pages<2>.self)
            try page.write([mark], at: 7)
            try block.write([mark], at: 16383)
            let pageBytes = try page.allBytes()
            let blockBytes = try block.allBytes()
            #expect(pageBytes[7] == mark && pageBytes[8] == 0)
            #expect(blockBytes[16383] == mark && blockBytes[0] == 0)
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(budget.pagesInUse == 0)
    #expect(arena.pagesInUse == 0)
    #expect(try arena.residentPageCount() == 0)
  }
}
