import PageAlloc
import Testing

@testable import BinderBuffer

/// Page states against a naive model, operation by operation.
@Suite(.timeLimit(.minutes(5))) struct RegionPagesTests {
  /// What the rules say, in the plainest way.
  private struct Model {
    var live: [Range<Int>] = []  // bytes
    var framed = Set<Int>()
    var idle: [(page: Int, stamp: UInt64)] = []
    var mark: [Int: UInt8] = [:]  // what was written into the page's first byte
    var (allocated, reclaimed, watermark, peak) = (0, 0, 0, 0)

    static func pages(_ bytes: Range<Int>) -> Range<Int> {
      bytes.lowerBound / 4096..<(bytes.upperBound - 1) / 4096 + 1
    }

    var inUse: Set<Int> { live.reduce(into: []) { $0.formUnion(Self.pages($1)) } }

    mutating func use(_ bytes: Range<Int>) {
      live.append(bytes)
      for page in Self.pages(bytes) {
        idle.removeAll { $0.page == page }
        if framed.insert(page).inserted {
          allocated += 1
          watermark = max(watermark, page + 1)
          mark[page] = 0
        }
      }
      peak = max(peak, inUse.count)
    }

    /// The pages that became available: neighbours, since only its ends can be shared.
    mutating func stopUsing(_ index: Int) -> Range<Int> {
      let bytes = live.remove(at: index)
      let pages = Self.pages(bytes).filter { !inUse.contains($0) }
      guard let first = pages.first, let last = pages.last else { return 0..<0 }
      precondition(pages == Array(first...last))
      return first..<last + 1
    }

    mutating func reclaim(_ limit: Int, _ deadline: UInt64) -> Int {
      var count = 0
      while count < limit, let first = idle.first, first.stamp < deadline {
        idle.removeFirst()
        framed.remove(first.page)
        count += 1
      }
      reclaimed += count
      return count
    }
  }

  @Test(arguments: [1, 64, 65, 200, 1024], 1...2)
  func againstTheModel(pageCount: Int, seed: UInt64) throws {
    let budget = PageBudget(pages: 5000)
    var range = try RegionPages(pageCount: pageCount, budget: budget)
    var model = Model()
    var random = SplitMix64(state: seed &* 1000 &+ UInt64(pageCount))
    var clock: UInt64 = 1
    for step in 0..<200 {
      switch random.next(upperBound: UInt64(10)) {
      case 0...4:
        // A buffer that overlaps no other: short, or up to half of the region.
        let longest = Bool.random(using: &random) ? 6000 : pageCount * 2048
        let size = Int.random(in: 1...min(longest, pageCount * 4096), using: &random)
        let offset = Int.random(in: 0...(pageCount * 4096 - size), using: &random)
        let bytes = offset..<offset + size
        guard !model.live.contains(where: { $0.overlaps(bytes) }) else { break }
        try range.use(offset: offset, size: size)
        let before = model.mark
        let had = model.framed
        model.use(bytes)
        for page in Model.pages(bytes) {
          let found = try firstByte(of: page, in: range)
          #expect(found == (had.contains(page) ? before[page] : 0), "page \(page)")
          let mark = UInt8.random(in: 1...255, using: &random)
          try range.write([mark].span.bytes, at: page * 4096)
          model.mark[page] = mark
        }
      case 5...7:
        guard let index = model.live.indices.randomElement(using: &random) else { break }
        clock += random.next(upperBound: UInt64(3))
        for (run, isUp) in pieces(of: model.stopUsing(index), &random) {
          range.stopUsing(run, isUp ? .up : .down, stamp: clock)
          model.idle += (isUp ? Array(run) : run.reversed()).map { ($0, clock) }
        }
      default:
        let limit = Int.random(in: 0...pageCount, using: &random)
        let deadline =
          Bool.random(using: &random)
          ? UInt64.max : UInt64.random(in: 0...clock + 1, using: &random)
        let expected = model.reclaim(limit, deadline)
        #expect(range.reclaim(upTo: limit, before: deadline) == expected)
      }
      try expect(range, model, budget, checksMemory: step % 20 == 0)
    }
    #expect(model.reclaimed > 0 && model.allocated > model.framed.count)
  }

  /// Up to three runs in any order, as a free releases them, each upwards or downwards.
  private func pieces(
    of pages: Range<Int>, _ random: inout SplitMix64
  ) -> [(Range<Int>, isUp: Bool)] {
    let cuts = (0..<2).map { _ in
      Int.random(in: pages.lowerBound...pages.upperBound, using: &random)
    }.sorted()
    let runs = [
      pages.lowerBound..<cuts[0], cuts[0]..<cuts[1], cuts[1]..<pages.upperBound,
    ]
    return runs.shuffled(using: &random).map { ($0, Bool.random(using: &random)) }
  }

  private func firstByte(of page: Int, in range: borrowing RegionPages) throws -> UInt8 {
    var byte: [UInt8] = [0xFF]
    var span = byte.mutableSpan
    var target = span.mutableBytes
    try range.read(at: page * 4096, into: &target)
    return byte[0]
  }

  private func expect(
    _ range: borrowing RegionPages, _ model: Model, _ budget: PageBudget, checksMemory: Bool
  ) throws {
    let inUse = model.inUse
    let violation = range.violation { inUse.contains($0) }
    #expect(violation == nil)
    var idle: [Int] = []
    var stamps: [UInt64] = []
    range.idle.visit {
      idle.append($0)
      stamps.append($1)
    }
    #expect(idle == model.idle.map(\.page))
    #expect(stamps == model.idle.map(\.stamp))
    let counts = [
      range.pagesInUse, range.pagesAvailable, range.pagesFree, range.peakPagesInUse,
      range.framesAllocated, range.framesReclaimed, range.highWatermark,
    ]
    #expect(
      counts == [
        inUse.count, model.idle.count, range.pageCount - model.framed.count, model.peak,
        model.allocated, model.reclaimed, model.watermark,
      ])
    #expect(range.framedRuns().flatMap { Array($0) } == model.framed.sorted())
    #expect(budget.pagesInUse == model.framed.count)
    if checksMemory { #expect(try range.memory.residentPageCount() == model.framed.count) }
  }

  /// Every range between word borders: exactly those pages, none held afterwards.
  @Test func wordBorders() throws {
    let budget = PageBudget(pages: 1024)
    var range = try RegionPages(pageCount: 1024, budget: budget)
    let borders = [0, 1, 62, 63, 64, 65, 127, 128, 1023]
    for first in borders {
      for last in borders where last >= first {
        try range.use(offset: first * 4096 + 4095, size: (last - first) * 4096 + 1)
        #expect(range.pagesInUse == last - first + 1)
        let violation = range.violation { (first...last).contains($0) }
        #expect(violation == nil)
        range.stopUsing(first..<last + 1, stamp: 1)
        #expect(range.reclaim(upTo: .max) == last - first + 1)
        #expect(budget.pagesInUse == 0)
      }
    }
    #expect(range.highWatermark == 1024)
  }

  /// A frame that cannot be had, at each place where one is asked for: all is as it was.
  @Test func everyFailureIsUndone() throws {
    let points: Set<FaultPoint> = [.pageAllocation, .backing]
    // Frames in the middle of what will be used: in use at 3 and 64, available at 10 and 70.
    func prepare(_ faults: FaultInjector, _ budget: PageBudget) throws -> RegionPages {
      var range = try RegionPages(pageCount: 200, budget: budget, faults: faults)
      for page in [3, 10, 64, 70] { try range.use(offset: page * 4096, size: 4096) }
      try range.write([UInt8(0x77)].span.bytes, at: 70 * 4096)
      range.stopUsing(70..<71, stamp: 5)
      range.stopUsing(10..<11, stamp: 5)
      return range
    }
    let counter = FaultInjector.never(points: points)
    _ = try prepare(counter, PageBudget(pages: 500))
    let before = counter.checks
    var failed = 0
    for n in (before + 1)... {
      let faults = FaultInjector.nth(n, points: points)
      let budget = PageBudget(pages: 500)
      var range = try prepare(faults, budget)
      do throws(PageAllocError) {
        try range.use(offset: 4096 + 100, size: 100 * 4096)
        #expect(faults.injected == 0)
        break
      } catch {
        failed += 1
        #expect(error == .injected(.pageAllocation) || error == .injected(.backing))
      }
      let violation = range.violation { $0 == 3 || $0 == 64 }
      #expect(violation == nil)
      #expect(range.pagesInUse == 2 && range.framesAllocated == 4 && range.highWatermark == 71)
      #expect(range.peakPagesInUse == 4)
      let runs = range.framedRuns()
      #expect(runs == [3..<4, 10..<11, 64..<65, 70..<71])
      #expect(budget.pagesInUse == 4)
      #expect(try range.memory.residentPageCount() == 4)
      var idle: [Int] = []
      range.idle.visit { page, _ in idle.append(page) }
      // Both were touched: they are the newest again, upwards.
      #expect(idle == [10, 70])
      // And the next attempt goes well, over the contents that were there.
      try range.use(offset: 4096 + 100, size: 100 * 4096)
      #expect(range.pagesInUse == 101)
      #expect(try firstByte(of: 70, in: range) == 0x77)
      #expect(try firstByte(of: 71, in: range) == 0)
    }
    #expect(failed == 8, "five runs are missing, fetched in four pieces, each asks twice")
  }

  @Test func aBudgetTooSmallIsUndone() throws {
    let budget = PageBudget(pages: 10)
    var range = try RegionPages(pageCount: 64, budget: budget)
    try range.use(offset: 5 * 4096, size: 4096)
    #expect(throws: PageAllocError.budgetExhausted(requested: 11, inUse: 1, limit: 10)) {
      try range.use(offset: 0, size: 12 * 4096)
    }
    let violation = range.violation { $0 == 5 }
    #expect(violation == nil)
    #expect(budget.pagesInUse == 1)
    #expect(try range.memory.residentPageCount() == 1)
  }

  @Test func framesGoWithTheRange() throws {
    let budget = PageBudget(pages: 10)
    let memory: PageMemory
    do {
      var range = try RegionPages(pageCount: 64, budget: budget)
      memory = range.memory
      try range.use(offset: 0, size: 3 * 4096)
      range.stopUsing(1..<2, stamp: 1)
    }
    #expect(budget.pagesInUse == 0)
    #expect(try memory.residentPageCount() == 0)
  }

  @Test func contentsAreBoundsChecked() throws {
    var range = try RegionPages(pageCount: 2)
    try range.use(offset: 0, size: 8192)
    let bytes = [UInt8](repeating: 1, count: 16)
    try range.write(bytes.span.bytes, at: 8176)
    #expect(throws: PageAllocError.outOfBounds(offset: 8177, length: 16, size: 8192)) {
      try range.write(bytes.span.bytes, at: 8177)
    }
    #expect(throws: PageAllocError.outOfBounds(offset: -1, length: 1, size: 8192)) {
      try range.fillZero(at: -1, length: 1)
    }
    #expect(throws: PageAllocError.outOfBounds(offset: 0, length: .max, size: 8192)) {
      try range.fillZero(at: 0, length: .max)
    }
    let outside = range.isInUse(2) || range.isInUse(-1) || range.hasFrame(.max)
    #expect(!outside)
  }
}
