internal import BinderBuffer
internal import Glibc
internal import PageAlloc

/// Everything that one seed plays with: the engine's processes, the buffers and calls that are
/// under way, and the model that says what must happen.
///
/// One thread. A step draws all its choices from a generator of its own, seeded by the run's seed
/// and the step's number: a step that is left out changes nothing about the choices of the others,
/// which is what makes a failing run shrink.
final class CheckWorld: CheckedWorld {
  let seed: UInt64
  let configuration: CheckConfiguration
  let context: Context
  let budget: PageBudget?
  let faults: FaultInjector
  var random: SplitMix64

  var members: [CheckedProcess] = []
  /// Dead processes whose place another has taken, and whose regions are still pinned.
  var ghosts: [CheckedProcess] = []
  private var everyone: [CheckedProcess] = []
  var staged: [StagedBuffer] = []
  var held: [HeldDelivery] = []
  var kept: [ModelBuffer] = []
  var calls: [ModelCall] = []

  /// The model's clock: ticks once for each page that becomes idle.
  var clock: UInt64 = 1
  var debugIDs: Set<UInt32> = []
  var checksum = Checksum()
  var tally = CheckTally()
  /// Bytes that senders send from, rewritten by every step.
  let memory: SenderMemory
  var memoryUsed = 0
  var lastPID: Int32 = 100
  /// Runs of pages that the last reservation lacked.
  var missingRuns = 0
  var stepIndex = 0

  init(seed: UInt64, policy: PlacementPolicy?, memory: SenderMemory) {
    self.seed = seed
    self.memory = memory
    configuration = CheckConfiguration(seed: seed, policy: policy)
    budget = configuration.budget.map { PageBudget(pages: $0) }
    faults =
      configuration.faultsPerMillion == 0
      ? .never()
      : .seeded(
        seed, perMillion: configuration.faultsPerMillion, points: configuration.faultPoints)
    context = Context(budget: budget, faults: faults)
    random = SplitMix64(seed: seed)
  }

  /// Makes the processes.
  func begin() throws(InvariantViolation) {
    for _ in 0..<configuration.processes { members.append(try makeMember()) }
  }

  func add(_ member: CheckedProcess) { everyone.append(member) }

  /// Lets go of everything: buffers, calls and members refer to each other.
  func dismantle() {
    for member in everyone { member.dismantle() }
    calls = []
    kept = []
  }

  /// Takes one step and checks what can be checked cheaply.
  func step(_ index: Int) throws(InvariantViolation) {
    stepIndex = index
    random = SplitMix64(seed: SplitMix64.mix(seed) ^ SplitMix64.mix(UInt64(index) &+ 1))
    memoryUsed = 0
    let action = chooseAction()
    checksum.add(action.rawValue)
    let faultsBefore = faults.injected
    try perform(action)
    tally.steps += 1
    try checkCounts()
    let hadFault = faults.injected != faultsBefore
    if hadFault {
      tally.faults += faults.injected - faultsBefore
      for member in members { try inspect(member) }
    } else if index & 31 == 0 {
      let member = members[random.next(below: members.count)]
      // Large regions take long to walk.
      if (member.region?.pages.framesAllocated ?? 0) < 128 || index & 127 == 0 {
        try inspect(member)
      }
    }
    if index & 255 == 255 { try context.checkInvariants() }
  }

  private func chooseAction() -> CheckAction {
    let weights = CheckAction.weights(configuration.mood)
    var left = random.next(below: weights.reduce(0, +))
    var chosen = CheckAction.send
    for (action, weight) in zip(CheckAction.allCases, weights) {
      left -= weight
      if left < 0 {
        chosen = action
        break
      }
    }
    // Receivers that hold much mostly free, so that most transactions find room.
    if chosen == .send || chosen == .stage || chosen == .receive,
      held.count + kept.count > configuration.heldBuffers
    {
      chosen = held.count > kept.count ? .free : .freeKept
    }
    return chosen
  }

  private func perform(_ action: CheckAction) throws(InvariantViolation) {
    switch action {
    case .send: try send()
    case .stage: try stage()
    case .fill: try fillStaged()
    case .handOver: try handOverStaged()
    case .abandon: try abandonStaged()
    case .receive: try receive()
    case .inspect: try inspectSomething()
    case .reply: try reply()
    case .free: try freeHeld()
    case .keep: try keepHeld()
    case .freeKept: try freeKept()
    case .freeWrongly: try freeWrongly()
    case .takeReply: try takeReply()
    case .abandonCall: try abandonCall()
    case .exit: try exitSomebody()
    case .create: try create()
    case .setUp: try setUp()
    case .reclaim: try reclaim()
    case .setBudget: try setBudget()
    case .burst: try burst()
    }
  }

  private func burst() throws(InvariantViolation) {
    let kind = pick(4)
    for _ in 0..<8 + pick(40) {
      switch kind {
      case 0, 1: try send()
      case 2:
        try receive()
        if !oneIn(3) { try keepHeld() }
      default: try freeKept()
      }
      memoryUsed = 0
      try checkCounts()
    }
  }

  // MARK: choices

  func anyMember() -> CheckedProcess { members[pick(members.count)] }

  /// Mostly one that can receive.
  func anyTarget() -> CheckedProcess {
    let first = pick(members.count)
    guard !oneIn(24) else { return members[first] }
    return members.indices.lazy.map { self.members[(first + $0) % self.members.count] }
      .first { $0.obstacle == nil } ?? members[first]
  }

  /// A process that somebody can act for, mostly a living one.
  func anyActor() -> (CheckedProcess, BinderProcess)? {
    let first = pick(members.count)
    let takesDead = oneIn(24)
    var dead: (CheckedProcess, BinderProcess)?
    for index in members.indices {
      let member = members[(first + index) % members.count]
      guard let process = member.process else { continue }
      if takesDead || !member.hasExited { return (member, process) }
      dead = (member, process)
    }
    return dead
  }

  /// Room for `length` bytes in the senders' memory, for this step.
  func takeMemory(_ length: Int) -> Int? {
    guard length >= 0, length <= memory.count - memoryUsed else { return nil }
    defer { memoryUsed += (length + 15) & ~15 }
    return memoryUsed
  }

  /// Different for each message, so that no two hold the same bytes.
  func nextKey() -> UInt64 { SplitMix64.mix(seed) &+ UInt64(stepIndex) << 24 ^ random.next() << 56 }
}

/// What was done and seen.
struct CheckTally {
  var steps = 0
  var faults = 0
  var sent = 0
  var refused = 0
  var delivered = 0
  var bytesCompared = 0
  var reclaimed = 0
  var deaths = 0
  var walks = 0
  /// Files that receivers were to get.
  var files = 0

  mutating func add(_ other: CheckTally) {
    steps += other.steps
    faults += other.faults
    sent += other.sent
    refused += other.refused
    delivered += other.delivered
    bytesCompared += other.bytesCompared
    reclaimed += other.reclaimed
    deaths += other.deaths
    walks += other.walks
    files += other.files
  }
}
