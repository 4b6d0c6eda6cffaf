import CTestPeer
import PageAlloc
import Testing

@testable import BinderBuffer

/// An operation that must fail cleanly at each of its steps.
struct FallibleOperation: Sendable {
  let name: String
  /// At how many steps it can fail, so that a step that is no longer asked about is noticed.
  let steps: Int
  var sharing = RegionSharing.inProcess
  var budgetPages = 10_000
  /// Frees other regions' idle pages on its way.
  var reclaims = false
  /// What is there before; no step of it fails.
  var prepare: @Sendable (Stage) throws -> Void = { _ in }
  let run: @Sendable (Stage) throws -> Void
  /// What must hold after a failure beyond that nothing has changed.
  var afterFailure: @Sendable (Stage) throws -> Void = { _ in }

  /// A world and what a scenario holds in it.
  final class Stage {
    let world: World
    let sharing: RegionSharing
    var kept: [Int] = []
    var calls: [TestCall] = []

    init(_ operation: FallibleOperation, _ policy: PlacementPolicy, _ faults: FaultInjector) throws
    {
      sharing = operation.sharing
      world = try World(
        policy, budgetPages: operation.budgetPages, sharing: operation.sharing, faults: faults)
      try operation.prepare(self)
    }
  }

  enum Ending: CaseIterable, Sendable {
    /// Everything is received and freed.
    case frees
    /// The processes exit with all that is outstanding.
    case exits
  }

  /// Runs the operation with its first step failing, then with its second, until nothing fails.
  ///
  /// After each failure the state is what it was before, and the operation then goes well. For a
  /// process of its own: descriptors and mappings are counted.
  func failEveryStep(_ policy: PlacementPolicy, _ ending: Ending) throws {
    let none = FaultInjector.never()
    _ = try Stage(self, policy, none)
    let before = none.checks
    for n in 1...steps + 1 {
      let faults = FaultInjector.nth(before + n)
      try attempt(policy, faults, ending)
      try #require(faults.injected == (n <= steps ? 1 : 0), "\(name): step \(n) of \(steps)")
      try #require(peer_descriptor_count("memfd:binderbuffer") == 0, "\(name): descriptors")
      try #require(peer_mapping_count("memfd:binderbuffer") == 0, "\(name): mappings")
    }
  }

  private func attempt(
    _ policy: PlacementPolicy, _ faults: FaultInjector, _ ending: Ending
  ) throws {
    let stage = try Stage(self, policy, faults)
    let before = Snapshot(stage.world)
    if let error = failure({ try run(stage) }) {
      try #require(faults.injected == 1, "\(name): \(error)")
      try #require(error.kind == .noMemory || error.kind == .badSource, "\(name): \(error)")
      let after = Snapshot(stage.world)
      try #require(after.state == before.state, "\(name): \(error)")
      if error.kind == .noMemory, !reclaims {
        try #require(after.framedPages == before.framedPages, "\(name): \(error)")
      }
      try stage.world.context.checkInvariants()
      try afterFailure(stage)
      try run(stage)
    }
    try stage.world.context.checkInvariants()
    switch ending {
    case .frees: try stage.freeAll()
    case .exits: try stage.exitAll()
    }
  }
}

/// All that a failed operation must leave as it was.
private struct Snapshot {
  struct State: Equatable {
    let statistics: [ProcessStatistics]
    let buffers: [[BufferDescription]]
    let descriptors: Int32
    let mappings: Int32
  }

  let state: State
  let framedPages: [[Range<Int>]]

  init(_ world: World) {
    let processes = [world.server, world.client]
    state = State(
      statistics: processes.map(\.statistics.withoutHistory),
      buffers: processes.map { $0.buffers() },
      descriptors: peer_descriptor_count("memfd:binderbuffer"),
      mappings: peer_mapping_count("memfd:binderbuffer"))
    framedPages = processes.map { $0.framedPages() }
  }
}

extension ProcessStatistics {
  /// Without the failures themselves, peaks, and what pages without a buffer went through: a failed
  /// copy leaves its pages on the LRU, a shortage takes others from it.
  var withoutHistory: ProcessStatistics {
    var now = self
    now.failures = FailureCounts()
    now.pagesFree += now.pagesAvailable
    now.pagesAvailable = 0
    now.framesAllocated = 0
    now.framesReclaimed = 0
    now.pageHighWatermark = 0
    now.peakPagesInUse = 0
    now.peakBuffers = 0
    now.peakBytes = 0
    now.lowestFreeOnewaySpace = 0
    return now
  }
}

extension FallibleOperation.Stage {
  func freeAll() throws {
    while let delivery = try world.server.receive() { delivery.free() }
    for offset in kept { try world.server.free(at: offset) }
    while let delivery = try world.server.receive() { delivery.free() }
    for call in calls {
      try #require(failure { _ = try call.take() } == .failedReply(pid: 1))
    }
    let counts = [world.server.statistics, world.client.statistics]
    try #require(counts.allSatisfy { $0.bufferCount + $0.pagesInUse + $0.outstandingCalls == 0 })
    try #require(counts.allSatisfy { $0.largestFreeRange == $0.regionLength })
    try #require(counts.allSatisfy { $0.freeOnewaySpace == $0.regionLength / 2 })
    world.context.reclaim()
    // A region sealed against writing keeps its pages.
    if sharing != .exportableSealed { try #require(world.budget.pagesInUse == 0) }
    try world.context.checkInvariants()
  }

  func exitAll() throws {
    world.server.exit()
    for call in calls {
      try #require(
        failure { _ = try call.take() } == .dead(pid: 1, .receiverExited))
    }
    world.client.exit()
    try #require(world.budget.pagesInUse == 0)
    try world.context.checkInvariants()
  }
}
