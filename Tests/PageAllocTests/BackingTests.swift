import Testing

@testable import PageAlloc

@Suite("Memory behind pages")
struct BackingTests {
  @Test(arguments: RegionSharing.allCases)
  func nothingIsBackedUntilItIsAllocated(sharing: RegionSharing) throws {
    let arena = try PageArena(pageCount: 1024, sharing: sharing)
    #expect(try arena.residentPageCount() == 0)
    let page = try arena.allocate(Page.self)
    #expect(try arena.residentPageCount() == 1)
    _ = consume page
    #expect(try arena.residentPageCount() == (sharing == .exportableSealed ? 1 : 0))
  }

  /// Reading through the receiver view what was reclaimed gives zeros, brings the page back, and
  /// can be seen; the next owner is not disturbed by it.
  @Test func aStrayReadIsSeenAndHarmless() throws {
    let budget = PageBudget(pages: 4)
    let arena = try PageArena(pageCount: 4, budget: budget)
    do {
      var page = try arena.allocate(Page.self)
      try page.write(pattern(4096), at: 0)
    }
    #expect(arena.receiverBytes(page: 0) == zeroPage)
    #expect(try arena.residentPageCount() == 1)
    #expect(budget.pagesInUse == 0 && arena.pagesInUse == 0)
    do {
      let page = try arena.allocate(Page.self)
      #expect(page.index == 0)
      #expect(try page.allBytes() == zeroPage)
      #expect(try arena.residentPageCount() == 1)
    }
    #expect(try arena.residentPageCount() == 0)
  }

  /// Sealed against writing, the kernel keeps the memory. What it keeps must not show.
  @Test func withoutReclaimPagesStillComeZeroed() throws {
    let budget = PageBudget(pages: 4)
    let arena = try PageArena(pageCount: 4, sharing: .exportableSealed, budget: budget)
    #expect(!arena.returnsMemory)
    for _ in 0..<3 {
      do {
        var block = try arena.allocate(Pages<1>.self)
        #expect(try block.allBytes() == zeroPage + zeroPage)
        try block.write(pattern(8192), at: 0)
      }
      #expect(budget.pagesInUse == 0)
      #expect(try arena.residentPageCount() == 2)
      #expect(arena.driverBytes(page: 1) == Array(pattern(8192)[4096...]))
    }
  }

  /// What kernels without MADV_POPULATE_WRITE get.
  @Test func touchingBacksPagesToo() throws {
    let arena = try PageArena(pageCount: 8)
    arena.touch(2..<5)
    #expect(try arena.residentPageCount() == 3)
    #expect(arena.driverBytes(page: 3) == zeroPage)
    #expect(arena.punch(2..<5))
    #expect(try arena.residentPageCount() == 0)
  }
}
