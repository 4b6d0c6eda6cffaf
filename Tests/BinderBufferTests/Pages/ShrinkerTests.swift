import PageAlloc
import Synchronization
import Testing

@testable import BinderBuffer

/// Idle pages go back longest idle first over all processes, and their memory with them.
@Suite struct ShrinkerTests {
  /// A page of one of several processes.
  struct Place: Hashable, CustomStringConvertible {
    let process: Int
    let page: Int
    var description: String { "\(process):\(page)" }
  }

  /// Several processes with kept buffers of one page each.
  struct Crowd {
    let budget = PageBudget(pages: 10_000)
    let context: Context
    var processes: [BinderProcess] = []
    let sender: BinderProcess

    init(_ count: Int, _ policies: [PlacementPolicy] = [.rust, .c, .c61, .compact, .c419306]) throws
    {
      context = Context(budget: budget)
      sender = try context.makeProcess(pid: 1000)
      for index in 0..<count {
        processes.append(
          try context.makeProcess(
            pid: Int32(index + 1), regionLength: 128 << 10,
            policy: policies[index % policies.count]))
      }
    }

    /// A kept buffer in a process.
    func keep(_ process: Int, _ size: Int) throws -> Int {
      let target = processes[process]
      let node = target.makeNode()
      let allocation = try sender.allocate(dataSize: size, oneway: true, for: node)
      _ = try sender.send(allocation, to: node)
      return try target.take().keep()
    }

    var framed: Set<Place> {
      var places = Set<Place>()
      for (index, process) in processes.enumerated() {
        for page in process.framedPages().joined() {
          places.insert(Place(process: index, page: page))
        }
      }
      return places
    }

    /// The pages that reclaiming takes, one at a time.
    func reclaimed(_ count: Int = .max) -> [Place] {
      var order: [Place] = []
      while order.count < count {
        let before = framed
        guard context.reclaim(1) == 1 else { break }
        order += before.subtracting(framed)
      }
      return order
    }
  }

  @Test(arguments: 1...3)
  func oldestFirstOverAllProcesses(seed: UInt64) throws {
    var random = SplitMix64(state: seed)
    let crowd = try Crowd(5)
    // Eight pages each, freed across the processes in random order.
    var buffers: [Place] = []
    for process in 0..<5 {
      for page in 0..<8 {
        #expect(try crowd.keep(process, 4096) == page * 4096)
        buffers.append(Place(process: process, page: page))
      }
    }
    buffers.shuffle(using: &random)
    for place in buffers { try crowd.processes[place.process].free(at: place.page * 4096) }
    #expect(crowd.reclaimed(10) == Array(buffers[0..<10]))
    // Many at a time are the same pages as one at a time.
    for count in [3, 7, 1, 12] {
      let left = crowd.framed
      #expect(crowd.context.reclaim(count) == count)
      let gone = 40 - left.count
      #expect(left.subtracting(crowd.framed) == Set(buffers[gone..<gone + count]))
    }
    #expect(crowd.context.reclaim() == 7)
    #expect(crowd.context.reclaim() == 0)
    #expect(crowd.budget.pagesInUse == 0)
    #expect(crowd.context.pagesReclaimed == 40)
    #expect(crowd.processes.map { $0.statistics.framesReclaimed } == [8, 8, 8, 8, 8])
  }

  /// A page that was used again has not been idle since before.
  @Test func usingAgainRenews() throws {
    let crowd = try Crowd(2)
    for process in [0, 1] {
      let offset = try crowd.keep(process, 4096)
      try crowd.processes[process].free(at: offset)
    }
    try crowd.processes[0].free(at: try crowd.keep(0, 100))
    #expect(crowd.reclaimed() == [Place(process: 1, page: 0), Place(process: 0, page: 0)])
  }

  /// Pages of others go first; when they do not suffice, the busy process is waited for.
  @Test(.timeLimit(.minutes(15)))
  func busyProcessesArePassedOverAndThenWaitedFor() throws {
    let crowd = try Crowd(2)
    for process in [0, 1] {
      try crowd.processes[process].free(at: try crowd.keep(process, 8192))
    }
    let (context, taken) = (crowd.context, SharedCount(0))
    var waiting: TestThread?
    crowd.processes[0].core.locked { _ in
      TestThread { taken.value.store(context.reclaim(2), ordering: .relaxed) }.join()
      #expect(taken.value.load(ordering: .relaxed) == 2)
      waiting = TestThread { taken.value.add(context.reclaim(2), ordering: .relaxed) }
      waitABit()
    }
    waiting?.join()
    #expect(taken.value.load(ordering: .relaxed) == 4)
    #expect(crowd.framed.isEmpty)
  }

  /// What one free leaves idle, in the order of each driver: the interior, then the page at the
  /// right seam, then that at the left.
  @Test(arguments: [
    (PlacementPolicy.c, [0, 2, 3, 4, 1]),
    (.c61, [0, 3, 2, 4, 1]),
    (.rust, [0, 4, 3, 2, 1]),
  ])
  func orderWithinOneFree(policy: PlacementPolicy, expected: [Int]) throws {
    let crowd = try Crowd(1, [policy])
    let left = try crowd.keep(0, 6144)  // pages 0 and 1
    let middle = try crowd.keep(0, 12_288)  // 1 through 4, wholly 2 and 3
    let right = try crowd.keep(0, 2048)  // 4
    #expect([left, middle, right] == [0, 6144, 18_432])
    for offset in [left, right, middle] { try crowd.processes[0].free(at: offset) }
    #expect(crowd.reclaimed() == expected.map { Place(process: 0, page: $0) })
  }

  /// A buffer over one border has no interior: right before left.
  @Test(arguments: PlacementPolicy.allCases)
  func orderWithoutInterior(policy: PlacementPolicy) throws {
    let crowd = try Crowd(1, [policy])
    let left = try crowd.keep(0, 2048)
    let middle = try crowd.keep(0, 4096)
    let right = try crowd.keep(0, 2048)
    for offset in [left, right, middle] { try crowd.processes[0].free(at: offset) }
    #expect(crowd.reclaimed() == [Place(process: 0, page: 1), Place(process: 0, page: 0)])
  }

  @Test func memoryReallyReturns() throws {
    let crowd = try Crowd(3)
    let arenas = crowd.processes.map {
      $0.core.locked { $0.inbox.memory! }
    }
    for process in 0..<3 {
      let held = try crowd.keep(process, 4096)
      try crowd.processes[process].free(at: try crowd.keep(process, 20_000))
      #expect(try arenas[process].residentPageCount() == 6)
      #expect(held == 0)
    }
    #expect(crowd.budget.pagesInUse == 18)
    crowd.context.reclaim()
    for arena in arenas { #expect(try arena.residentPageCount() == 1) }
    #expect(crowd.budget.pagesInUse == 3)
  }

  // MARK: budget

  /// An allocation that finds the budget used up takes idle pages of others, oldest first.
  @Test func othersGiveWay() throws {
    let crowd = try Crowd(3)
    crowd.budget.limit = 12
    for process in [1, 0] {
      try crowd.processes[process].free(at: try crowd.keep(process, 6 * 4096))
    }
    let kept = try crowd.keep(2, 7 * 4096)
    // All six of process 1, one of process 0.
    #expect(crowd.framed.count { $0.process == 1 } == 0)
    #expect(crowd.framed.count { $0.process == 0 } == 5)
    #expect(crowd.budget.pagesInUse == 12)
    try crowd.processes[2].free(at: kept)
  }

  /// Its own idle pages go like those of others: no lock is held while shrinkers run.
  @Test func ownIdlePagesGoToo() throws {
    let crowd = try Crowd(1, [.c])
    crowd.budget.limit = 5
    let first = try crowd.keep(0, 8192)
    let second = try crowd.keep(0, 8192)
    try crowd.processes[0].free(at: first)
    // Three pages fit behind the second only: 2 in use, 2 idle, 3 more.
    let third = try crowd.keep(0, 3 * 4096)
    #expect(third == 4 * 4096)
    let counts = crowd.processes[0].statistics
    #expect(counts.pagesInUse == 5 && counts.pagesAvailable == 0 && counts.framesReclaimed == 2)
    // One more is too many, whatever is idle, and changes nothing that is in use.
    let error = failure { _ = try crowd.keep(0, 4096) }
    #expect(
      error
        == .noMemory(pid: 1, .budgetExhausted(requested: 1, inUse: 5, limit: 5)))
    #expect(error?.errno == .noMemory)
    var after = crowd.processes[0].statistics
    #expect(after.failures == FailureCounts([.noMemory: 1]))
    after.failures = FailureCounts()
    after.nodeCount = counts.nodeCount
    #expect(after == counts)
    for offset in [second, third] { try crowd.processes[0].free(at: offset) }
    #expect(crowd.processes[0].statistics.pagesInUse == 0)
  }

  /// A region that is sealed against new writers cannot give memory back: it is not reclaimed,
  /// not even as the last resort, so that the budget says what is held.
  @Test func sealedRegionsKeepTheirPages() throws {
    let budget = PageBudget(pages: 5)
    let context = Context(budget: budget)
    let process = try context.makeProcess(
      pid: 1, regionLength: 64 << 10, policy: .c, sharing: .exportableSealed)
    let node = process.makeNode()
    func keep(_ size: Int) throws -> Int {
      let allocation = try process.allocate(dataSize: size, oneway: false, for: node)
      try process.send(allocation, to: node).call!.abandon()
      return try process.take().keep()
    }
    let first = try keep(8192)
    let second = try keep(8192)
    try process.free(at: first)
    #expect(context.reclaim() == 0)
    #expect(failure { _ = try keep(3 * 4096) }?.kind == .noMemory)
    #expect(process.statistics.pagesAvailable == 2)
    #expect(budget.pagesInUse == 4)
    // The idle ones can be used again.
    let third = try keep(8192)
    #expect(third == first)
    for offset in [second, third] { try process.free(at: offset) }
    process.exit()
    #expect(budget.pagesInUse == 0)
  }

  /// A region's moments never go back, and are later than all that came before it of others: while
  /// one frees alone, while they mix, and when one frees alone again.
  @Test(arguments: 1...20)
  func momentsFollowEachOther(seed: UInt64) {
    var random = Random(seed: seed)
    let shrinker = Shrinker()
    var ticks = [Shrinker.Ticks(), Shrinker.Ticks(), Shrinker.Ticks()]
    var last: (region: Int, moment: UInt64)?
    for _ in 0..<60 {
      let region = random.below(3)
      for _ in 0..<[1, 1, 2, 300, 600][random.below(5)] {
        let moment = shrinker.tick(&ticks[region])
        if let last {
          #expect(region == last.region ? moment >= last.moment : moment > last.moment)
        }
        last = (region, moment)
      }
    }
  }

  /// An exit that finds no registration yet leaves none behind, when the region is registered later.
  @Test func anExitWhileMappingLeavesNoRegistration() throws {
    let context = Context()
    let process = try context.makeProcess(pid: 1)
    process.core.locked { process.core.publishExit(&$0) }
    try process.mapRegion(length: 4096)
    #expect(context.shrinker.targetCount == 0)
  }

  /// A dead process is not in the shrinker's list any more, and its pages are gone.
  @Test func theDeadHaveNothing() throws {
    let crowd = try Crowd(2)
    for process in [0, 1] {
      try crowd.processes[process].free(at: try crowd.keep(process, 4096))
    }
    crowd.processes[0].exit()
    #expect(crowd.budget.pagesInUse == 1)
    #expect(crowd.reclaimed() == [Place(process: 1, page: 0)])
  }
}
