import Testing

@testable import PageAlloc

@Suite("Runs of a region's pages")
struct RunTests {
  @Test func aRunIsTakenAndGivenBackPageByPageInTheTypes() throws {
    let budget = PageBudget(pages: 20)
    let arena = try PageArena(pageCount: 16, budget: budget)
    let table = Frames(16)
    let frames = unsafe table.frames
    try unsafe arena.allocate(run: 3..<9, flags: .kernel, into: { frames + $0 })
    #expect(budget.pagesInUse == 6)
    #expect(try arena.residentPageCount() == 6)
    for index in 3..<9 {
      #expect(unsafe frames[index].index == index)
      try unsafe frames[index].write([UInt8(index)], at: 0)
    }
    #expect(arena.driverBytes(page: 5)[0] == 5)
    // One page alone, dropped like any other value.
    _ = unsafe (frames + 4).move()
    #expect(budget.pagesInUse == 5)
    #expect(try arena.residentPageCount() == 5)
    #expect(arena.receiverBytes(page: 4) == zeroPage)
    // The rest, in two runs.
    unsafe arena.release(run: 3..<4, from: { frames + $0 })
    unsafe arena.release(run: 5..<9, from: { frames + $0 })
    #expect(budget.pagesInUse == 0)
    #expect(arena.pagesInUse == 0)
  }

  @Test func aRunComesBackZeroed() throws {
    let arena = try PageArena(pageCount: 8)
    let table = Frames(8)
    let frames = unsafe table.frames
    for _ in 0..<3 {
      try unsafe arena.allocate(run: 0..<8, flags: .kernel, into: { frames + $0 })
      for index in 0..<8 {
        #expect(try unsafe frames[index].allBytes() == zeroPage)
        try unsafe frames[index].write(pattern(4096), at: 0)
      }
      unsafe arena.release(run: 0..<8, from: { frames + $0 })
    }
    #expect(try arena.residentPageCount() == 0)
  }

  @Test func runsThatDoNotFitAreRefusedWhole() throws {
    let budget = PageBudget(pages: 5)
    let arena = try PageArena(pageCount: 8, budget: budget)
    let table = Frames(8)
    let frames = unsafe table.frames
    try unsafe arena.allocate(run: 4..<6, flags: [], into: { frames + $0 })
    #expect(
      failure {
        try unsafe arena.allocate(run: 2..<5, flags: [], into: { frames + $0 })
      } == .invalidArgument(.pageTaken, value: 4))
    #expect(
      failure {
        try unsafe arena.allocate(run: 6..<9, flags: [], into: { frames + $0 })
      } == .outOfBounds(offset: 6, length: 3, size: 8))
    #expect(
      failure {
        try unsafe arena.allocate(run: -1..<1, flags: [], into: { frames + $0 })
      } == .outOfBounds(offset: -1, length: 2, size: 8))
    #expect(
      failure {
        try unsafe arena.allocate(run: 0..<4, flags: [], into: { frames + $0 })
      } == .budgetExhausted(requested: 4, inUse: 2, limit: 5))
    #expect(budget.pagesInUse == 2)
    #expect(arena.pagesInUse == 2)
    #expect(try arena.residentPageCount() == 2)
    try unsafe arena.allocate(run: 1..<4, flags: [], into: { frames + $0 })
    unsafe arena.release(run: 1..<6, from: { frames + $0 })
    #expect(budget.pagesInUse == 0)
  }

  @Test func anEmptyRunIsNothing() throws {
    let arena = try PageArena(pageCount: 1, faults: .every(1, points: [.pageAllocation]))
    let table = Frames(1)
    try unsafe arena.allocate(run: 1..<1, flags: [], into: { table.frames + $0 })
    unsafe arena.release(run: 0..<0, from: { table.frames + $0 })
    #expect(arena.pagesInUse == 0)
  }
}
