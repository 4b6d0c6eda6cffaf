/// What a driver holds, counted.
public struct DriverCensus: Equatable, Sendable {
  /// Opens, the dead ones too in whose regions messages are still filled.
  public var processes = 0
  /// Threads that have called and not exited.
  public var threads = 0
  /// Objects, the dead ones too that are still referred to.
  public var nodes = 0
  /// Handles.
  public var references = 0
  /// Transactions that have not ended.
  public var transactions = 0
  /// Things that wait on lists to be read or confirmed.
  public var works = 0
  /// Death notices that were asked for and not cleared.
  public var deathNotices = 0
  /// Freeze notices that were asked for and not cleared.
  public var freezeNotices = 0
  /// Transactions that carry files.
  public var fileTransactions = 0

  /// Nothing.
  public init() {}
}

extension Driver {
  /// What there is now.
  public var census: DriverCensus {
    var census = DriverCensus()
    census.processes = processes.count
    census.threads = threads.count
    census.nodes = nodes.count
    census.references = references.count
    census.transactions = transactions.count
    census.works = works.count
    census.deathNotices = deaths.count
    census.freezeNotices = freezes.count
    census.fileTransactions = files.count
    return census
  }

  /// Checks that everything agrees: counts, links and lists.
  ///
  /// - Throws: the first contradiction.
  /// - Complexity: O(everything the driver holds).
  public func checkInvariants() throws(InvariantViolation) {
    try checkNodes()
    try checkReferences()
    try checkWorks()
    try checkTransactions()
    try checkProcesses()
  }

  private func check<T: Equatable>(
    _ rule: String, _ found: T, _ expected: T
  ) throws(InvariantViolation) {
    if found != expected {
      throw InvariantViolation(rule, expected: "\(expected)", found: "\(found)")
    }
  }

  private func all<Element: ~Copyable>(_ slab: borrowing Slab<Element>) -> [SlabIndex<Element>] {
    var all: [SlabIndex<Element>] = []
    slab.forEachIndex { all.append($0) }
    return all
  }

  private func checkNodes() throws(InvariantViolation) {
    for node in all(nodes) {
      let entry = nodes[node]
      var strong = 0
      var reference = entry.firstReference
      var previous = ReferenceIndex.none
      while !reference.isNone {
        try check("a node's references name it", references[reference].node, node)
        try check("links lead back", references[reference].previous, previous)
        if references[reference].strong > 0 { strong += 1 }
        previous = reference
        reference = references[reference].next
      }
      try check("a node counts the strong references to it", entry.strongReferences, strong)
      if entry.owner.isNone {
        try check("a dead node is held by references or pins", entry.isWeak, true)
        try check("a dead node has no oneway transactions", entry.waiting.isEmpty, true)
      } else {
        try check(
          "a node's owner knows it", processes[entry.owner].nodes[entry.pointer], node)
        let isHeld = entry.isWeak || entry.isStrong || entry.toldStrong || entry.toldWeak
        try check("a node has a holder, or its owner is to be told", isHeld, true)
      }
      if !entry.waiting.isEmpty {
        try check("oneway transactions wait behind another", entry.hasOneway, true)
      }
      if !entry.isStrong, !entry.isWeak, !entry.owner.isNone, !entry.hasLostNotice {
        try check("an owner is told that nobody holds a node", entry.work.isNone, false)
      }
    }
  }

  private func checkReferences() throws(InvariantViolation) {
    for reference in all(references) {
      let entry = references[reference]
      try check("a reference has a count", entry.strong + entry.weak > 0, true)
      try check(
        "a handle leads to its reference", processes[entry.process].handles[entry.handle], reference
      )
      try check(
        "a process has one reference to a node",
        processes[entry.process].referenceTo[entry.node], reference)
      try check("nobody refers to its own node", nodes[entry.node].owner == entry.process, false)
      if !entry.death.isNone {
        try check("a notice is its asker's", deaths[entry.death].process, entry.process)
        let isDead = nodes[entry.node].owner.isNone
        try check("a notice comes of a death", deaths[entry.death].stage == .dead, isDead)
      }
    }
  }

  private func checkWorks() throws(InvariantViolation) {
    var seen = 0
    var lists: [ListName] = all(threads).map { .thread($0) } + all(nodes).map { .node($0) }
    for process in all(processes) {
      lists += [.process(process), .readDeaths(process), .readFreezes(process)]
    }
    for name in lists {
      var work = list(name).first
      var previous = WorkIndex.none
      while !work.isNone {
        seen += 1
        try check("links of a list lead back", works[work].previous, previous)
        try checkQueued(works[work].kind, work)
        previous = work
        work = works[work].next
      }
      try check("a list knows its end", list(name).last, previous)
    }
    try check("all work is on a list", works.count, seen)
  }

  private func checkQueued(_ kind: Work.Kind, _ work: WorkIndex) throws(InvariantViolation) {
    let known: WorkIndex =
      switch kind {
      case .transaction(let transaction): transactions[transaction].work
      case .node(let node): nodes[node].work
      case .death(let death): deaths[death].work
      case .freeze(let freeze): freezes[freeze].work
      case .completion, .returnError, .replyError: work
      }
    try check("work is on one list", known, work)
  }

  private func checkTransactions() throws(InvariantViolation) {
    var stacked: Set<TransactionIndex> = []
    for thread in all(threads) {
      var call = threads[thread].stack
      while !call.isNone {
        stacked.insert(call)
        let entry = transactions[call]
        try check(
          "a thread works on or waits for what is on its stack",
          entry.to == thread || entry.from == thread, true)
        call = entry.to == thread ? entry.toParent : entry.fromParent
      }
      if !threads[thread].replying.isNone { stacked.insert(threads[thread].replying) }
    }
    for transaction in all(transactions) {
      let entry = transactions[transaction]
      if entry.isReply || entry.isOneway {
        try check("what nobody answers ends when it is read", entry.work.isNone, false)
      } else if entry.work.isNone, !entry.from.isNone || !entry.to.isNone {
        try check("a call is on a stack", stacked.contains(transaction), true)
      }
      if entry.isOutstanding {
        try check("what is outstanding has a receiver", processes[entry.receiver].isDead, false)
      }
    }
  }

  private func checkProcesses() throws(InvariantViolation) {
    for process in all(processes) {
      let mine = all(transactions).filter {
        transactions[$0].isOutstanding && transactions[$0].receiver == process
      }
      try check("outstanding transactions are counted", processes[process].outstanding, mine.count)
      let asked =
        all(deaths).filter { deaths[$0].process == process }.count
        + all(freezes).filter { freezes[$0].process == process }.count
      try check("notices are counted", processes[process].notices, asked)
      let own = all(threads).filter { threads[$0].process == process }
      try check("a process knows its threads", processes[process].threads.count, own.count)
      try check(
        "ready threads are counted", processes[process].readyThreads,
        own.filter { threads[$0].hasReadyWork }.count)
      var waiting = 0
      var thread = processes[process].firstWaiting
      while !thread.isNone {
        waiting += 1
        try check(
          "who is in the waiting list waits", threads[thread].waitsFor == .processWork, true)
        thread = threads[thread].nextWaiting
      }
      try check(
        "the waiting list holds who is in it", waiting,
        own.filter { threads[$0].isInWaitingList }.count)
      if processes[process].isDead {
        try check("the dead have no work", processes[process].todo.isEmpty, true)
        try check("the dead own nothing", processes[process].nodes.isEmpty, true)
        try check("the dead refer to nothing", processes[process].handles.count, 0)
      }
    }
  }
}
