extension Driver {
  /// One thing that waits on a list to be read.
  struct Work: BitwiseCopyable {
    enum Kind: BitwiseCopyable {
      case transaction(TransactionIndex)
      /// `BR_TRANSACTION_COMPLETE` or what stands in its place.
      case completion(UInt32)
      /// What the owner of a node should be told is decided when it is read.
      case node(NodeIndex)
      case death(DeathIndex)
      case freeze(FreezeIndex)
      /// The error of the thread's own last transaction.
      case returnError
      /// How a call of the thread ended without a reply.
      case replyError
    }

    let kind: Kind
    let list: ListName
    var previous = WorkIndex.none
    var next = WorkIndex.none
  }

  /// First in, first out.
  struct WorkList: BitwiseCopyable {
    var first = WorkIndex.none
    var last = WorkIndex.none

    var isEmpty: Bool { first.isNone }
  }

  /// Which list.
  enum ListName: BitwiseCopyable {
    case thread(ThreadIndex)
    case process(ProcessIndex)
    /// Oneway transactions behind the one that a node's owner has.
    case node(NodeIndex)
    /// Death notices that were read and not confirmed.
    case readDeaths(ProcessIndex)
    /// The freeze notice that was read and not confirmed.
    case readFreezes(ProcessIndex)
  }

  func list(_ name: ListName) -> WorkList {
    switch name {
    case .thread(let thread): threads[thread].todo
    case .process(let process): processes[process].todo
    case .node(let node): nodes[node].waiting
    case .readDeaths(let process): processes[process].readDeaths
    case .readFreezes(let process): processes[process].readFreezes
    }
  }

  private mutating func setList(_ name: ListName, _ list: WorkList) {
    switch name {
    case .thread(let thread): threads[thread].todo = list
    case .process(let process): processes[process].todo = list
    case .node(let node): nodes[node].waiting = list
    case .readDeaths(let process): processes[process].readDeaths = list
    case .readFreezes(let process): processes[process].readFreezes = list
    }
  }

  /// Puts work at the end of a list. Wakes nobody.
  mutating func append(_ kind: Work.Kind, to name: ListName) {
    var list = list(name)
    let work = works.insert(Work(kind: kind, list: name, previous: list.last))
    if list.isEmpty { list.first = work } else { works[list.last].next = work }
    list.last = work
    setList(name, list)
    setQueued(kind, work)
  }

  /// Takes work off whatever list it is on.
  mutating func remove(_ work: WorkIndex) {
    let entry = works.remove(work)
    var list = list(entry.list)
    if entry.previous.isNone {
      list.first = entry.next
    } else {
      works[entry.previous].next = entry.next
    }
    if entry.next.isNone {
      list.last = entry.previous
    } else {
      works[entry.next].previous = entry.previous
    }
    setList(entry.list, list)
    setQueued(entry.kind, .none)
  }

  /// Takes the first work off a list.
  mutating func popFirst(_ name: ListName) -> Work.Kind? {
    let first = list(name).first
    guard !first.isNone else { return nil }
    let kind = works[first].kind
    remove(first)
    return kind
  }

  /// Whoever can be on one list only remembers where.
  private mutating func setQueued(_ kind: Work.Kind, _ work: WorkIndex) {
    switch kind {
    case .transaction(let transaction): transactions[transaction].work = work
    case .node(let node): nodes[node].work = work
    case .death(let death): deaths[death].work = work
    case .freeze(let freeze): freezes[freeze].work = work
    case .completion, .returnError, .replyError: break
    }
  }
}
