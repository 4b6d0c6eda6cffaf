import Foundation
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
    #expect(!arena.memory.returnsMemory)
    for _ in 0..<3 {
      do {
        var block = try arena.allocate(Pages<1>.self)
        #expect(try block.allBytes() == zeroPage + zeroPage)
        try block.write(pattern(8192), at: 0)
      }
      #expect(budget.pagesInUse == 0)
      #expect(try arena.residentPageCount() == 2)
      #expect(arena.driverBytes(page: 1) == zeroPage)
    }
  }

  /// What kernels without MADV_POPULATE_WRITE get. What a page holds stays: another thread may have
  /// written to it already.
  @Test func touchingBacksPagesToo() throws {
    let memory = try PageMemory(
      pageCount: 8, sharing: .inProcess, budget: nil, faults: nil)
    unsafe memory.driverView.storeBytes(of: 7, toByteOffset: 3 * Page.size, as: UInt8.self)
    memory.touch(2..<5)
    #expect(try memory.residentPageCount() == 3)
    #expect(unsafe memory.receiverView.load(fromByteOffset: 3 * Page.size, as: UInt8.self) == 7)
    #expect(memory.punch(2..<5))
    #expect(try memory.residentPageCount() == 0)
  }

  /// Pages that are free may be another thread's at once: their memory must have gone by then.
  @Test(.timeLimit(.minutes(15))) func memoryGoesBeforeItsPagesAreFree() throws {
    final class Owner: Sendable {
      let page: Page
      init(_ page: consuming Page) { self.page = page }
    }
    let arena = try PageArena(pageCount: 4)
    let owner = Protected<Owner?>(Owner(try arena.allocate(Page.self)))
    try arena.taken.withLock { taken in
      // It gives the memory back, and then waits for this lock.
      Thread.detachNewThread { owner.withLock { $0 = nil } }
      for _ in 0..<100_000 {
        if try arena.residentPageCount() == 0 { break }
        usleep(100)
      }
      #expect(try arena.residentPageCount() == 0)
      #expect(taken.setCount == 1)
    }
    while arena.pagesInUse > 0 { usleep(100) }
  }

  @Test func interruptedCallsAreMadeAgain() {
    var answers = [EINTR, EAGAIN, EINTR, 0, ENOMEM]
    #expect(PageMemory.untilUninterrupted { answers.removeFirst() } == 0)
    #expect(answers == [ENOMEM])
    #expect(PageMemory.untilUninterrupted { ENOMEM } == ENOMEM)
    var calls = 0
    let last = PageMemory.untilUninterrupted {
      calls += 1
      return EINTR
    }
    #expect(last == EINTR && calls == 1000, "it does not hang")
  }

  @Test(arguments: RegionSharing.allCases, [1, 3, 20])
  func backingTwiceKeepsWhatIsThere(sharing: RegionSharing, length: Int) throws {
    let budget = PageBudget(pages: 30)
    let memory = try PageMemory(pageCount: 30, sharing: sharing, budget: budget, faults: nil)
    #expect(budget.tryCharge(length))
    try memory.back(2..<2 + length, .kernel)
    #expect(try memory.residentPageCount() == length)
    unsafe memory.driverView.storeBytes(of: 7, toByteOffset: 2 * Page.size, as: UInt8.self)
    try memory.back(2..<2 + length, .kernel)
    #expect(unsafe memory.receiverView.load(fromByteOffset: 2 * Page.size, as: UInt8.self) == 7)
    memory.giveBack(2..<2 + length)
    #expect(budget.pagesInUse == 0)
    #expect(unsafe memory.receiverView.load(fromByteOffset: 2 * Page.size, as: UInt8.self) == 0)
  }
}
