internal import BinderBuffer
internal import PageAlloc

/// Processes come and go, and so does memory.
extension CheckWorld {
  /// A process that was just made, mostly with a region; its pid may have been another's before.
  func makeMember() throws(InvariantViolation) -> CheckedProcess {
    let dead = members.filter { $0.hasExited }.map(\.pid)
    var pid = lastPID + 1
    if !dead.isEmpty, oneIn(2) {
      pid = dead[pick(dead.count)]
      // Its number may have been taken again already.
      if members.contains(where: { !$0.hasExited && $0.pid == pid }) { pid = lastPID + 1 }
    }
    lastPID = max(lastPID, pid)
    let process: BinderProcess
    do throws(BinderError) {
      process = try context.makeProcess(pid: pid)
    } catch {
      throw InvariantViolation(
        "the pid of a dead process is free again", expected: "process \(pid)", found: "\(error)")
    }
    let member = CheckedProcess(pid: pid, process: process)
    add(member)
    if !oneIn(12) { try map(member, process) }
    for _ in 0...pick(3) { member.addNode() }
    return member
  }

  private func map(_ member: CheckedProcess, _ process: BinderProcess) throws(InvariantViolation) {
    let pages = random.next(in: configuration.regionPages)
    var length = pages << Page.shift
    if oneIn(64) { length = [0, -4096, 100, 4095, 4097][pick(5)] }
    let policies = PlacementPolicy.allCases
    let policy = configuration.policy ?? policies[pick(policies.count)]
    let sharing: RegionSharing =
      oneIn(8) ? .exportable : oneIn(24) ? .exportableSealed : .inProcess
    let watch = watch()
    let error = answer { () throws(BinderError) in
      try process.mapRegion(length: length, policy: policy, sharing: sharing)
    }
    let expected: BinderError?
    if length <= 0 || length % Page.size != 0 {
      expected = .invalidArgument(.regionLength(length))
    } else if member.hasExited {
      expected = .dead(pid: member.pid, .receiverExited)
    } else if member.region != nil {
      expected = .busy(pid: member.pid, .region)
    } else if case .noMemory(member.pid, .injected(let point)) = error, hadFault(since: watch) {
      expected = .noMemory(pid: member.pid, .injected(point))
    } else {
      expected = nil
    }
    try judge("mapping a region", error, is: expected)
    guard error == nil else { return }
    member.region = ModelRegion(length: min(length, 4 << 20), policy: policy, sharing: sharing)
    if sharing != .inProcess { member.mapping = ReceiverMapping(of: process, length: length) }
  }

  /// The place of a dead process is taken by a new one.
  func create() throws(InvariantViolation) {
    let dead = members.indices.filter { members[$0].hasExited }
    guard !dead.isEmpty else { return }
    let index = dead[pick(dead.count)]
    let new = try makeMember()
    ghosts.append(members[index])
    members[index] = new
  }

  func exitSomebody() throws(InvariantViolation) {
    let living = members.filter { !$0.hasExited }
    guard !living.isEmpty else { return try create() }
    let member = living[pick(living.count)]
    tally.deaths += 1
    if oneIn(3) {
      // The last handle goes, and with it the process.
      member.process = nil
    } else {
      member.process?.exit()
      if oneIn(8) { member.process?.exit() }
    }
    member.exit(clock: &clock)
  }

  func setUp() throws(InvariantViolation) {
    guard let (member, process) = anyActor() else { return try create() }
    switch pick(4) {
    case 0: try map(member, process)
    case 1: if member.nodes.count < 8 { member.addNode() }
    case 2:
      let pid = members[pick(members.count)].pid
      guard members.contains(where: { $0.pid == pid && !$0.hasExited }) else { return }
      let error = answer { () throws(BinderError) in _ = try context.makeProcess(pid: pid) }
      try judge("taking a pid that is taken", error, is: .busy(pid: pid, .pid))
    default:
      let pid: Int32 = [0, -1, .min][pick(3)]
      let error = answer { () throws(BinderError) in _ = try context.makeProcess(pid: pid) }
      try judge("an impossible pid", error, is: .invalidArgument(.pid(pid)))
    }
  }

  // MARK: memory

  func reclaim() throws(InvariantViolation) {
    let limit = oneIn(4) ? Int.max : oneIn(8) ? [0, -1, .min][pick(3)] : pick(6)
    let idle = members.reduce(0) {
      $0 + ($1.isReclaimable ? $1.region?.pages.available ?? 0 : 0)
    }
    let before = tally.reclaimed
    let count = context.reclaim(limit)
    try followReclaims()
    try require("pages that the shrinker took", count, is: max(0, min(limit, idle)))
    try require("pages that went", tally.reclaimed - before, is: count)
  }

  func setBudget() throws(InvariantViolation) {
    guard let budget, let first = configuration.budget else { return try reclaim() }
    budget.limit = oneIn(6) ? pick(3) : first / 2 + pick(first + 1)
  }

  // MARK: the end

  /// Everything is given back; nothing may be left.
  func end() throws(InvariantViolation) {
    stepIndex = .max
    random = SplitMix64(seed: SplitMix64.mix(seed) ^ 0x656e_6421)
    memoryUsed = 0
    if configuration.endsInDeath {
      for member in members { kill(member) }
      try checkCounts()
    }
    while let task = staged.popLast() { drop(task) }
    while !held.isEmpty { try freeHeld() }
    for member in members where !member.hasExited { try drain(member) }
    try checkCounts()
    for member in members where !member.hasExited {
      try inspect(member)
      guard let region = member.region, let process = member.process else { continue }
      var nothing = CheckedCounts()
      nothing.freeOnewaySpace = region.placement.length / 2 - region.placement.leakedOneway
      nothing.pagesAvailable = region.pages.available
      nothing.framesAllocated = region.pages.framesAllocated
      nothing.framesReclaimed = region.pages.framesReclaimed
      try require(
        "process \(member.pid) holds nothing", CheckedCounts(process.statistics), is: nothing)
    }
    context.reclaim()
    try followReclaims()
    try checkCounts()
    try context.checkInvariants()
    for member in members { kill(member) }
    try require("pages in the budget at the end", budget?.pagesInUse ?? 0, is: 0)
    try context.checkInvariants()
    checksum.add(tally.delivered)
  }

  private func kill(_ member: CheckedProcess) {
    member.process?.exit()
    member.exit(clock: &clock)
  }

  /// Receives and frees until nothing comes any more, and sees every call to its end.
  private func drain(_ member: CheckedProcess) throws(InvariantViolation) {
    guard let process = member.process, member.region != nil else { return }
    for buffer in member.live.values.sorted(by: { $0.offset < $1.offset }) {
      guard buffer.state == .kept else { continue }
      let error = answer { () throws(BinderError) in try process.free(at: buffer.offset) }
      try judge("freeing at the end", error, is: nil)
      member.free(buffer, clock: &clock)
    }
    kept.removeAll { $0.receiver === member }
    while let buffer = member.todo.first {
      var delivery: Delivery?
      let error = answer { () throws(BinderError) in delivery = try process.receive() }
      try judge("receiving at the end", error, is: nil)
      member.todo.removeFirst()
      guard let delivery = delivery.take() else {
        throw InvariantViolation(
          "what was sent is received", expected: "buffer \(buffer.debugID)", found: "none")
      }
      try accept(delivery, of: buffer)
      drop(held.removeLast())
    }
    // Answers to these can come no more, or have come.
    for call in member.calls where !call.isAbandoned { abandon(call) }
  }
}
