internal import BinderBuffer
internal import PageAlloc
internal import Synchronization

/// The processes of a soak. Each has a place; when it dies, another takes its place.
final class SoakWorld: Sendable {
  struct Inhabitant: Sendable {
    let process: BinderProcess
    let nodes: [Node]
    /// Whether its region keeps a descriptor.
    let isExported: Bool
  }

  static let places = 4
  private static let nodesPerProcess = 3
  /// Fewer pages than the traffic needs, so that idle ones are reclaimed all the time.
  static let budgetPages = 600

  let seed: UInt64
  let policy: PlacementPolicy?
  let budget = PageBudget(pages: budgetPages)
  let context: Context
  private let inhabitants: Mutex<[Inhabitant]>
  private let lastPID = Atomic<Int>(0)
  private let violation = Mutex<InvariantViolation?>(nil)

  init(seed: UInt64, policy: PlacementPolicy?) throws(BinderError) {
    self.seed = seed
    self.policy = policy
    context = Context(budget: budget)
    inhabitants = Mutex([])
    var random = SplitMix64(seed: seed)
    for _ in 0..<Self.places {
      let inhabitant = try makeInhabitant(&random)
      inhabitants.withLock { $0.append(inhabitant) }
    }
  }

  subscript(place: Int) -> Inhabitant { inhabitants.withLock { $0[place] } }

  private func makeInhabitant(_ random: inout SplitMix64) throws(BinderError) -> Inhabitant {
    let pid = Int32(truncatingIfNeeded: lastPID.add(1, ordering: .relaxed).newValue) & 0x3FFF_FFFF
    let policies = PlacementPolicy.allCases
    let sharing: RegionSharing = random.next(below: 4) == 0 ? .exportable : .inProcess
    let process = try context.makeProcess(
      pid: pid + 1, regionLength: [64 << 10, 256 << 10, 1_040_384][random.next(below: 3)],
      policy: policy ?? policies[random.next(below: policies.count)], sharing: sharing)
    return Inhabitant(
      process: process, nodes: (0..<Self.nodesPerProcess).map { _ in process.makeNode() },
      isExported: sharing == .exportable)
  }

  /// A process dies, whatever it is doing, and another takes its place.
  func replace(_ place: Int, _ random: inout SplitMix64) throws(BinderError) {
    let new = try makeInhabitant(&random)
    let old = inhabitants.withLock { inhabitants in
      defer { inhabitants[place] = new }
      return inhabitants[place]
    }
    old.process.exit()
  }

  /// The number of regions that keep a descriptor.
  var exportedCount: Int { inhabitants.withLock { $0.count(where: \.isExported) } }

  func report(_ found: InvariantViolation) {
    violation.withLock { if $0 == nil { $0 = found } }
  }

  var firstViolation: InvariantViolation? { violation.withLock { $0 } }

  /// Message `number`; the workloads take turns.
  func message(_ id: UInt32) -> Message {
    Workload.all[Int(id) % Workload.all.count].message(id, seed: seed)
  }

  /// Checks, with all threads at rest, that everything was given back and all counts agree.
  func checkAtRest() throws(InvariantViolation) {
    if let firstViolation { throw firstViolation }
    for place in 0..<Self.places {
      let process = self[place].process
      let counts = process.statistics
      guard counts.bufferCount == 0, counts.outstandingCalls == 0, counts.pagesInUse == 0 else {
        throw InvariantViolation(
          "process \(process.pid) holds nothing at rest", expected: "no buffers, calls or pages",
          found: "\(counts)")
      }
    }
    try context.checkInvariants()
    context.reclaim()
    guard budget.pagesInUse == 0 else {
      throw InvariantViolation(
        "no frame is left when all idle pages went", expected: "0", found: "\(budget.pagesInUse)")
    }
  }
}
