internal import BinderBuffer
internal import PageAlloc

/// The processes of a run and what they share.
final class Simulation: Sendable {
  struct SimulatedProcess: Sendable {
    let process: BinderProcess
    /// Oneway messages are serialized for each.
    let nodes: [Node]
  }

  static let nodesPerProcess = 4
  static let firstPID: Int32 = 1000

  let options: RunOptions
  let context: Context
  let budget: PageBudget?
  let members: [SimulatedProcess]
  /// Nil when nobody asks what happened when.
  let recorder: Recorder?
  /// When it was made, by the monotonic clock.
  private let start = MonotonicClock.now()

  init(_ options: RunOptions) throws(CommandError) {
    self.options = options
    recorder = Recorder(options.recording)
    budget = options.budget.map { PageBudget(pages: $0) }
    context = Context(budget: budget)
    var members: [SimulatedProcess] = []
    for index in 0..<options.processes {
      let pid = Self.firstPID + Int32(index)
      do throws(BinderError) {
        let process = try context.makeProcess(
          pid: pid, regionLength: options.region, policy: options.policy)
        members.append(
          SimulatedProcess(
            process: process, nodes: (0..<Self.nodesPerProcess).map { _ in process.makeNode() }))
      } catch {
        throw .failure("\(error)")
      }
    }
    self.members = members
  }

  /// Nanoseconds of a run in real time.
  func sinceStart(_ time: UInt64) -> UInt64 { time > start ? time - start : 0 }

  /// The members that send: all, or those that are no servers.
  var senders: Range<Int> { (options.workload.servers ?? 0)..<members.count }

  /// Some process that `sender` sends to: never itself.
  func target(of sender: Int, _ random: inout SplitMix64) -> Int {
    if let servers = options.workload.servers { return random.next(below: servers) }
    let other = random.next(below: members.count - 1)
    return other < sender ? other : other + 1
  }

  func node(of member: Int, _ random: inout SplitMix64) -> Node {
    members[member].nodes[random.next(below: Self.nodesPerProcess)]
  }

  /// Frees what receivers forgot.
  func free(_ leaks: [Leak]) {
    // A failure shows in `leftovers`.
    for leak in leaks { try? members[leak.member].process.free(at: leak.offset) }
  }

  /// What is still held though every buffer was freed, and, once idle pages were taken back, which
  /// pages are; empty when all is well.
  func leftovers() -> [String] {
    _ = context.reclaim()
    var found: [String] = []
    for member in members {
      let statistics = member.process.statistics
      func expect(_ what: String, _ value: Int, is expected: Int) {
        guard value != expected else { return }
        found.append("process \(member.process.pid): \(what) is \(value), expected \(expected)")
      }
      expect("buffers", statistics.bufferCount, is: 0)
      expect("bytes in use", statistics.bytesInUse, is: 0)
      // Under some rules empty oneway buffers leak it, as on the device.
      if options.policy.rules.emptyOneway == .returns {
        expect("free oneway space", statistics.freeOnewaySpace, is: options.region / 2)
      }
      expect("pages in use", statistics.pagesInUse, is: 0)
      expect("pages available", statistics.pagesAvailable, is: 0)
      expect("largest free range", statistics.largestFreeRange, is: options.region)
    }
    if let budget, budget.pagesInUse != 0 {
      found.append("the budget still counts \(budget.pagesInUse) pages")
    }
    return found
  }
}
