internal import PageAlloc

extension Driver {
  /// An object of a process that others can hold references to.
  ///
  /// Its owner is told of the first strong and the first weak reference, and of the last. What it
  /// was told last stands in `toldStrong` and `toldWeak`.
  struct Node: BitwiseCopyable {
    let pointer: UInt64
    let cookie: UInt64
    let acceptsFiles: Bool
    let wantsSecurityContext: Bool
    /// None once it is dead.
    var owner: ProcessIndex

    /// Processes with a strong reference.
    var strongReferences = 0
    /// Strong holders in the owner's own process: buffers, and what the owner has yet to confirm.
    var localStrong = 0
    var localWeak = 0
    /// Transactions to it that are being made.
    var pins = 0
    var toldStrong = false
    var toldWeak = false
    /// Told, and not confirmed by `BC_ACQUIRE_DONE` or `BC_INCREFS_DONE`.
    var awaitsStrongDone = false
    var awaitsWeakDone = false
    /// The references to it, the latest first.
    var firstReference = ReferenceIndex.none
    /// On some list, because the owner may have to be told something.
    var work = WorkIndex.none
    /// A thread ended that had not read the latest notice: the owner may not know that nobody holds the
    /// node any more.
    var hasLostNotice = false

    /// Its owner has a oneway transaction that it has not freed.
    var hasOneway = false
    /// Oneway transactions behind that.
    var waiting = WorkList()

    var isStrong: Bool { strongReferences > 0 || localStrong > 0 }
    var isWeak: Bool { !firstReference.isNone || localWeak > 0 || pins > 0 }
  }

  /// The node of an owner's pointer, made if need be, with one pin more.
  ///
  /// - Throws: `EINVAL` for a known pointer with another cookie, `ENOMEM` beyond the limit.
  mutating func pinnedNode(
    of owner: ProcessIndex, pointer: UInt64, cookie: UInt64, flags: UInt32
  ) throws(Errno) -> NodeIndex {
    if let known = processes[owner].nodes[pointer] {
      guard nodes[known].cookie == cookie else { throw .invalidArgument }
      nodes[known].pins += 1
      return known
    }
    guard processes[owner].nodes.count < options.limits.nodes else { throw .noMemory }
    let node = nodes.insert(
      Node(
        pointer: pointer, cookie: cookie, acceptsFiles: flags & WireFlag.nodeAcceptsFiles != 0,
        wantsSecurityContext: flags & WireFlag.nodeWantsContext != 0, owner: owner, pins: 1))
    processes[owner].nodes[pointer] = node
    return node
  }

  mutating func unpin(_ node: NodeIndex) {
    nodes[node].pins -= 1
    settleWeak(node)
  }

  /// The first strong reference of one more process.
  ///
  /// - Parameter teller: the owner's thread whose transaction it is: it is told first.
  /// - Throws: `EINVAL` when nobody can be told who has to be.
  mutating func addStrong(_ node: NodeIndex, teller: ThreadIndex) throws(Errno) {
    // Out of a weak handle alone no strong one can be made, but of the context manager's.
    guard
      !teller.isNone || nodes[node].strongReferences > 0
        || (node == manager && nodes[node].toldStrong)
    else { throw .invalidArgument }
    nodes[node].strongReferences += 1
    guard !nodes[node].toldStrong, !teller.isNone else { return }
    if !nodes[node].work.isNone { remove(nodes[node].work) }
    giveDeferred(.node(node), to: teller)
  }

  /// The first weak reference of one more process. Parameters and errors as of `addStrong`.
  mutating func addWeak(_ node: NodeIndex, teller: ThreadIndex) throws(Errno) {
    guard !nodes[node].toldWeak, nodes[node].work.isNone else { return }
    guard !teller.isNone else { throw .invalidArgument }
    giveDeferred(.node(node), to: teller)
  }

  mutating func dropStrong(_ node: NodeIndex, isReference: Bool) {
    if isReference {
      nodes[node].strongReferences -= 1
    } else if nodes[node].localStrong > 0 {
      // A dead node has lost its local holders already.
      nodes[node].localStrong -= 1
    }
    if !nodes[node].isStrong { settle(node) }
  }

  mutating func dropWeak(_ node: NodeIndex, isReference: Bool) {
    if !isReference, nodes[node].localWeak > 0 { nodes[node].localWeak -= 1 }
    settleWeak(node)
  }

  /// Whether a strong holder is left is looked at only when the owner reads: so a process whose
  /// node lost its last handle is woken though a buffer still holds it (recording
  /// `refs-false-alarm`).
  private mutating func settleWeak(_ node: NodeIndex) {
    if !nodes[node].isWeak { settle(node) }
  }

  /// After the last holder of a kind has gone: tells the owner, or ends the node.
  private mutating func settle(_ node: NodeIndex) {
    let owner = nodes[node].owner
    if !owner.isNone, nodes[node].toldStrong || nodes[node].toldWeak {
      if nodes[node].work.isNone { give(.node(node), to: owner) }
    } else if !nodes[node].isWeak, !nodes[node].isStrong {
      endNode(node)
    }
  }

  /// Ends a node that nobody holds.
  mutating func endNode(_ node: NodeIndex) {
    if !nodes[node].work.isNone { remove(nodes[node].work) }
    let owner = nodes[node].owner
    if !owner.isNone { processes[owner].nodes[nodes[node].pointer] = nil }
    precondition(nodes[node].waiting.isEmpty)
    if manager == node { manager = .none }
    nodes.remove(node)
  }

  /// `BC_INCREFS_DONE`, `BC_ACQUIRE_DONE`: ignored when nothing was told, or of another cookie.
  mutating func confirm(pointer: UInt64, cookie: UInt64, strong: Bool, by owner: ProcessIndex) {
    guard let node = processes[owner].nodes[pointer] else { return }
    nodes[node].pins += 1
    defer { unpin(node) }
    guard nodes[node].cookie == cookie else { return }
    if strong {
      guard nodes[node].awaitsStrongDone else { return }
      nodes[node].awaitsStrongDone = false
      dropStrong(node, isReference: false)
    } else {
      guard nodes[node].awaitsWeakDone else { return }
      nodes[node].awaitsWeakDone = false
      dropWeak(node, isReference: false)
    }
  }
}
