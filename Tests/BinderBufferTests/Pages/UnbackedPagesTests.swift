import CTestPeer
import Glibc
import PageAlloc
import Synchronization
import Testing

@testable import BinderBuffer

/// Pages whose memory is fetched outside the lock: what others see and do meanwhile.
@Suite struct UnbackedPagesTests {
  private let budget = PageBudget(pages: 100)

  private func pages(_ faults: FaultInjector? = nil) throws -> RegionPages {
    try RegionPages(pageCount: 64, budget: budget, faults: faults)
  }

  /// Does the work to its end; false when memory cannot be had.
  private func finish(_ work: consuming UnbackedPages?, _ pages: inout RegionPages) -> Bool {
    var unbacked = work
    do throws(PageAllocError) {
      while var work = unbacked.take() {
        work.back()
        unbacked = try pages.settle(work)
      }
      return true
    } catch {
      return false
    }
  }

  private func expect(
    _ pages: borrowing RegionPages, inUse: Range<Int>, framed: [Range<Int>], charged: Int,
    _ location: SourceLocation = #_sourceLocation
  ) {
    let violation = pages.violation { inUse.contains($0) }
    #expect(violation == nil, sourceLocation: location)
    let runs = pages.framedRuns()
    #expect(runs == framed, sourceLocation: location)
    #expect(budget.pagesInUse == charged, sourceLocation: location)
  }

  /// The first page of one is the last of the other: each backs it, it is charged once.
  @Test(arguments: [true, false])
  func twoReservationsShareAPage(firstIsFirst: Bool) throws {
    var pages = try pages()
    var first = pages.begin(offset: 0, size: 10_000)
    var second = pages.begin(offset: 10_000, size: 10_000)
    expect(pages, inUse: 0..<5, framed: [], charged: 5)
    if firstIsFirst {
      #expect(finish(first.take(), &pages))
      expect(pages, inUse: 0..<5, framed: [0..<3], charged: 5)
      #expect(finish(second.take(), &pages))
    } else {
      // The second may write to the shared page before the first has fetched anything.
      #expect(finish(second.take(), &pages))
      expect(pages, inUse: 0..<5, framed: [2..<5], charged: 5)
      try pages.write([7].span.bytes, at: 10_000)
      #expect(finish(first.take(), &pages))
    }
    expect(pages, inUse: 0..<5, framed: [0..<5], charged: 5)
    var byte: [UInt8] = [1]
    var span = byte.mutableSpan
    var target = span.mutableBytes
    try pages.read(at: 10_000, into: &target)
    #expect(byte == [firstIsFirst ? 0 : 7])
    #expect(pages.framesAllocated == 5 && pages.highWatermark == 5)
  }

  /// One that gets no memory gives up its own pages; the shared one stays the other's, paid for.
  @Test(arguments: [true, false])
  func oneOfTwoFails(beforeTheOther: Bool) throws {
    var pages = try pages(.nth(1, points: [.backing]))
    var failing = pages.begin(offset: 0, size: 10_000)
    var other = pages.begin(offset: 10_000, size: 10_000)
    #expect(!finish(failing.take(), &pages))
    if beforeTheOther {
      pages.stopUsing(0..<2, .down, stamp: 1)
      expect(pages, inUse: 2..<5, framed: [], charged: 3)
      #expect(finish(other.take(), &pages))
    } else {
      #expect(finish(other.take(), &pages))
      pages.stopUsing(0..<2, .down, stamp: 1)
    }
    expect(pages, inUse: 2..<5, framed: [2..<5], charged: 3)
    #expect(pages.pagesFree == 61 && pages.pagesAvailable == 0)
    #expect(try pages.memory.residentPageCount() == 3)
  }

  /// What the budget cannot pay at once is not charged, nor lost, while shrinkers run.
  @Test func thePayingOfASharedPageMovesOn() throws {
    budget.limit = 3
    var pages = try pages()
    var poor = pages.begin(offset: 0, size: 4 * 4096 + 100)
    #expect(poor!.owed == 5 && budget.pagesInUse == 0)
    var rich = pages.begin(offset: 4 * 4096 + 100, size: 100)
    #expect(rich!.owed == 0 && budget.pagesInUse == 1)
    #expect(!finish(poor.take(), &pages))
    #expect(finish(rich.take(), &pages))
    pages.stopUsing(0..<4, .down, stamp: 1)
    expect(pages, inUse: 4..<5, framed: [4..<5], charged: 1)
  }

  @Test func manyPiecesAreFetchedInFew() throws {
    var pages = try pages(.never(points: [.backing]))
    for page in stride(from: 1, to: 20, by: 2) { try pages.use(offset: page * 4096, size: 4096) }
    let before = pages.memory.faults!.checks
    try pages.write([9].span.bytes, at: 19 * 4096)
    try pages.use(offset: 0, size: 21 * 4096)
    #expect(pages.memory.faults!.checks - before == 4)
    expect(pages, inUse: 0..<21, framed: [0..<21], charged: 21)
    var byte: [UInt8] = [1]
    var span = byte.mutableSpan
    var target = span.mutableBytes
    try pages.read(at: 19 * 4096, into: &target)
    #expect(byte == [9], "a page between that had memory keeps what it held")
  }

  @Test func workThatIsForgottenStopsTheProgram() async {
    await #expect(processExitsWith: .failure) {
      var pages = try RegionPages(pageCount: 4)
      _ = pages.begin(offset: 0, size: 100)
    }
  }

  // MARK: what safe code can reach

  @Test func onlyPagesInUseCanBeReached() throws {
    var pages = try pages()
    let bytes = [UInt8](repeating: 0x5A, count: 4096)
    let notInUse = PageAllocError.invalidArgument(.pageNotInUse, value: 1)
    try pages.use(offset: 0, size: 4096)
    #expect(throws: notInUse) { try pages.write(bytes.span.bytes, at: 100) }
    #expect(throws: notInUse) { try pages.fillZero(at: 4096, length: 1) }
    var target = bytes
    var span = target.mutableSpan
    var raw = span.mutableBytes
    #expect(throws: notInUse) { try pages.read(at: 1, into: &raw) }
    // Idle is not in use either: its contents are the next owner's.
    try pages.use(offset: 4096, size: 4096)
    try pages.write(bytes.span.bytes, at: 4096)
    pages.stopUsing(1..<2, stamp: 1)
    #expect(throws: notInUse) { try pages.read(at: 4096, into: &raw) }
    let pending = pages.begin(offset: 2 * 4096, size: 10)
    #expect(throws: PageAllocError.invalidArgument(.pageNotInUse, value: 2)) {
      try pages.write(bytes.span.bytes, at: 2 * 4096)
    }
    #expect(finish(pending, &pages))
    #expect(budget.pagesInUse == 3)
    #expect(try pages.memory.residentPageCount() == 3)
  }

  /// A receiver that reads where nothing is brings pages in that no budget counts.
  @Test func strangePagesAreGivenBack() throws {
    let context = Context(budget: budget)
    let server = try context.makeProcess(pid: 1, regionLength: 64 << 10, sharing: .exportable)
    let client = try context.makeProcess(pid: 2)
    let memory = server.core.locked { $0.inbox.memory! }
    let message = [UInt8](repeating: 3, count: 5000)
    try client.send(message, to: server.makeNode())
    let delivery = try server.take()
    let descriptor = try server.readOnlyDescriptor()
    defer { close(descriptor) }
    var receiver = peer()
    try #require(peer_start_mapping(&receiver, descriptor, 64 << 10) == 0)
    defer { peer_end(&receiver) }
    var found = [UInt8](repeating: 1, count: 64 << 10)
    #expect(peer_read(&receiver, 0, &found, found.count) == 0)
    #expect(try memory.residentPageCount() == 16 && budget.pagesInUse == 2)
    #expect(context.reclaim() == 0)
    #expect(try memory.residentPageCount() == 2)
    #expect(delivery.data == message)
    delivery.free()
    #expect(context.reclaim() == 2)
    #expect(try memory.residentPageCount() == 0)
  }

  /// Threads that fill neighbouring buffers of fresh pages, again and again: each finds its own
  /// bytes, and all that was taken comes back.
  @Test(.timeLimit(.minutes(15)))
  func neighboursFetchTheSamePagesAtOnce() throws {
    let context = Context(budget: budget)
    let server = try context.makeProcess(pid: 1, regionLength: 256 << 10)
    let clients = try (2..<5).map { try context.makeProcess(pid: $0) }
    let wrong = SharedCount(0)
    onThreads(4) { thread in
      if thread == 3 {
        for _ in 0..<300 { context.reclaim() }
        return
      }
      let node = server.makeNode()
      for round in 0..<150 {
        let bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: round + thread), count: 6000)
        guard (try? clients[thread].send(bytes, to: node)) != nil,
          let delivery = try? server.receive()
        else { continue }
        let data = delivery.data
        if data.count != 6000 || data.contains(where: { $0 != data[0] }) {
          wrong.value.add(1, ordering: .relaxed)
        }
      }
    }
    #expect(wrong.value.load(ordering: .relaxed) == 0)
    while let delivery = try server.receive() { delivery.free() }
    try context.checkInvariants()
    context.reclaim()
    #expect(budget.pagesInUse == 0)
    let memory = server.core.locked { $0.inbox.memory! }
    #expect(try memory.residentPageCount() == 0)
  }

  // MARK: a forked child

  /// Its copies change nothing of what the parent holds.
  @Test(arguments: RegionSharing.allCases.indices)
  func aChildsCopiesAreInert(index: Int) async {
    await #expect(processExitsWith: .success) { [index] in
      let sharing = RegionSharing.allCases[index]
      let budget = PageBudget(pages: 20)
      var pages: RegionPages? = try RegionPages(pageCount: 8, sharing: sharing, budget: budget)
      let arena = try PageArena(pageCount: 8, sharing: sharing, budget: budget)
      var page: Page? = try arena.allocate()
      let bytes = [UInt8](repeating: 0x41, count: 4096)
      try page!.write(bytes.span.bytes, at: 0)
      try pages!.use(offset: 0, size: 8192)
      try pages!.write(bytes.span.bytes, at: 0)
      pages!.stopUsing(1..<2, stamp: 1)
      let child = fork()
      if child == 0 {
        var refusals = 0
        func refused(_ body: () throws -> Void) {
          do { try body() } catch PageAllocError.inherited { refusals += 1 } catch {}
        }
        refused { try pages!.write(bytes.span.bytes, at: 10) }
        refused { try pages!.fillZero(at: 0, length: 10) }
        refused { try pages!.use(offset: 5 * 4096, size: 1) }
        refused { try page!.fillZero() }
        refused { _ = try arena.allocate(Page.self) }
        let reclaimed = pages!.reclaim(upTo: .max)
        pages = nil
        page = nil
        // What it makes itself is its own.
        var own = try! RegionPages(pageCount: 2)
        try! own.use(offset: 0, size: 10)
        try! own.write(bytes.span.bytes.extracting(0..<10), at: 0)
        _exit(refusals == 5 && reclaimed == 0 ? 0 : 1)
      }
      var status: CInt = 0
      try #require(waitpid(child, &status, 0) == child && status == 0)
      var found = [UInt8](repeating: 0, count: 4096)
      var span = found.mutableSpan
      var target = span.mutableBytes
      try pages!.read(at: 0, into: &target)
      try #require(found == bytes)
      let isSame = try page!.withBytes { span in (0..<4096).allSatisfy { span[$0] == 0x41 } }
      try #require(isSame)
      try #require(budget.pagesInUse == 3)
      pages = nil
      page = nil
      try #require(budget.pagesInUse == 0)
    }
  }
}

extension RawSpan {
  fileprivate subscript(index: Int) -> UInt8 { unsafeLoad(fromByteOffset: index, as: UInt8.self) }
}

extension RegionPages {
  /// Makes pages in use; nil when all have memory.
  fileprivate mutating func begin(offset: Int, size: Int) -> UnbackedPages? {
    beginUse(offset: offset, size: size) ? nil : unbacked(offset: offset, size: size)
  }
}
