internal import BinderBuffer
internal import PageAlloc

/// Nodes, references and the notices that hang on them.
extension DriverModel {
  // MARK: who holds a node, by looking

  func strongLocals(of node: Node) -> Int {
    guard let owner = node.owner else { return 0 }
    var count = (node.isManagers ? 1 : 0) + (node.awaitsStrong ? 1 : 0)
    for buffer in owner.buffers {
      if buffer.target === node, buffer.holdsTarget { count += 1 }
      for case .own(let held, strong: true) in buffer.objects where held === node { count += 1 }
    }
    return count
  }

  func weakLocals(of node: Node) -> Int {
    guard let owner = node.owner else { return 0 }
    var count = (node.isManagers ? 1 : 0) + (node.awaitsWeak ? 1 : 0)
    for buffer in owner.buffers {
      for case .own(let held, strong: false) in buffer.objects where held === node { count += 1 }
    }
    return count
  }

  func strongReferences(of node: Node) -> Int { node.references.count { $0.strong > 0 } }

  func isStrong(_ node: Node) -> Bool {
    strongReferences(of: node) > 0 || strongLocals(of: node) > 0
  }

  func isWeak(_ node: Node) -> Bool {
    !node.references.isEmpty || node.pins > 0 || weakLocals(of: node) > 0
  }

  // MARK: nodes

  func node(
    of owner: Process, pointer: UInt64, cookie: UInt64, flags: UInt32
  ) throws(Errno) -> Node {
    if let known = owner.nodes[pointer] {
      guard known.cookie == cookie else { throw .invalidArgument }
      return known
    }
    let node = Node(pointer: pointer, cookie: cookie, flags: flags, owner: owner)
    owner.nodes[pointer] = node
    nodes.append(node)
    return node
  }

  /// The last holder of a kind went: the owner is told, or nobody knows the node any more.
  private func settle(_ node: Node) {
    if let owner = node.owner, node.toldStrong || node.toldWeak {
      if !isQueued({ $0.isNode(node) }) { give(.node(node), to: owner) }
    } else if !isWeak(node), !isStrong(node) {
      end(node)
    }
  }

  func strongGone(_ node: Node) { if !isStrong(node) { settle(node) } }
  func weakGone(_ node: Node) { if !isWeak(node) { settle(node) } }

  func unpin(_ node: Node) {
    node.pins -= 1
    weakGone(node)
  }

  func end(_ node: Node) {
    removeWork { $0.isNode(node) }
    node.owner?.nodes[node.pointer] = nil
    nodes.removeAll { $0 === node }
  }

  // MARK: references

  /// One count more; the process gets a reference if it has none.
  func addReference(
    of process: Process, to node: Node, strong: Bool, teller: Thread?
  ) throws(Errno) -> Reference {
    let known = node.references.first { $0.process === process }
    let reference = known ?? makeReference(process, node)
    do throws(Errno) {
      try add(to: reference, strong: strong, teller: teller)
    } catch {
      if known == nil { end(reference) }
      throw error
    }
    return reference
  }

  private func makeReference(_ process: Process, _ node: Node) -> Reference {
    var handle: UInt32 = node === manager ? 0 : 1
    while process.references[handle] != nil { handle += 1 }
    let reference = Reference(handle: handle, node: node, process: process)
    process.references[handle] = reference
    node.references.insert(reference, at: 0)
    return reference
  }

  private func add(to reference: Reference, strong: Bool, teller: Thread?) throws(Errno) {
    let node = reference.node
    if strong {
      // From a weak reference alone nobody gets a strong one.
      if reference.strong == 0 {
        guard
          teller != nil || strongReferences(of: node) > 0 || (node === manager && node.toldStrong)
        else { throw .invalidArgument }
      }
      let isFirst = reference.strong == 0
      reference.strong += 1
      if isFirst { tellStrong(node, teller) }
    } else {
      if reference.weak == 0 { try tellWeak(node, teller) }
      reference.weak += 1
    }
  }

  /// The owner learns of a first strong holder in the thread that sent the object.
  func tellStrong(_ node: Node, _ teller: Thread?) {
    guard !node.toldStrong, let teller else { return }
    removeWork { $0.isNode(node) }
    teller.todo.append(.node(node))
  }

  func tellWeak(_ node: Node, _ teller: Thread?) throws(Errno) {
    guard !node.toldWeak, !isQueued({ $0.isNode(node) }) else { return }
    guard let teller else { throw .invalidArgument }
    teller.todo.append(.node(node))
  }

  func drop(_ reference: Reference, strong: Bool) {
    if strong {
      guard reference.strong > 0 else { return }
      reference.strong -= 1
      if reference.strong == 0 { strongGone(reference.node) }
    } else {
      guard reference.weak > 0 else { return }
      reference.weak -= 1
    }
    if reference.strong == 0, reference.weak == 0 { end(reference) }
  }

  func end(_ reference: Reference) {
    let node = reference.node
    reference.process.references[reference.handle] = nil
    node.references.removeAll { $0 === reference }
    if let death = reference.death { end(death) }
    if let freeze = reference.freeze { end(freeze) }
    node.pins += 1
    if reference.strong > 0 { strongGone(node) }
    node.pins -= 1
    weakGone(node)
  }

  /// `BC_INCREFS`, `BC_ACQUIRE`, `BC_RELEASE`, `BC_DECREFS`.
  func change(
    _ process: Process, handle: UInt32, strong: Bool, increment: Bool
  ) throws(Errno) {
    if handle == 0, increment, let manager {
      guard manager.owner !== process else { throw .invalidArgument }
      if (try? addReference(of: process, to: manager, strong: strong, teller: nil)) != nil {
        return
      }
    }
    guard let reference = process.references[handle] else { return }
    if increment {
      try? add(to: reference, strong: strong, teller: nil)
    } else {
      drop(reference, strong: strong)
    }
  }

  /// `BC_INCREFS_DONE`, `BC_ACQUIRE_DONE`.
  func confirm(_ owner: Process, pointer: UInt64, cookie: UInt64, strong: Bool) {
    guard let node = owner.nodes[pointer], node.cookie == cookie else {
      // Looking at a node of another cookie is like holding it for a moment.
      if let node = owner.nodes[pointer] { weakGone(node) }
      return
    }
    node.pins += 1
    if strong, node.awaitsStrong {
      node.awaitsStrong = false
      strongGone(node)
    } else if !strong, node.awaitsWeak {
      node.awaitsWeak = false
      weakGone(node)
    }
    unpin(node)
  }

  // MARK: deaths

  func isQueued(_ death: Death) -> Bool {
    isQueued { $0.isDeath(death) } || death.process.readDeaths.contains { $0 === death }
  }

  func requestDeath(_ process: Process, handle: UInt32, cookie: UInt64) {
    guard let reference = process.references[handle], reference.death == nil else { return }
    let death = Death(cookie: cookie, process: process)
    deaths.append(death)
    reference.death = death
    if reference.node.owner == nil {
      death.stage = .dead
      give(.death(death), to: process)
    }
  }

  func clearDeath(_ thread: Thread, handle: UInt32, cookie: UInt64) {
    guard let reference = thread.process.references[handle], let death = reference.death,
      death.cookie == cookie
    else { return }
    reference.death = nil
    if isQueued(death) {
      death.stage = .deadAndCleared
    } else {
      death.stage = .cleared
      giveToLooper(.death(death), thread)
    }
  }

  func confirmDeath(_ thread: Thread, cookie: UInt64) {
    let process = thread.process
    guard let i = process.readDeaths.firstIndex(where: { $0.cookie == cookie }) else { return }
    let death = process.readDeaths.remove(at: i)
    if death.stage == .deadAndCleared {
      death.stage = .cleared
      giveToLooper(.death(death), thread)
    }
  }

  func end(_ death: Death) {
    removeWork { $0.isDeath(death) }
    death.process.readDeaths.removeAll { $0 === death }
    deaths.removeAll { $0 === death }
  }

  // MARK: freeze notices

  func isQueued(_ freeze: Freeze) -> Bool {
    isQueued { $0.isFreeze(freeze) } || freeze.process.readFreezes.contains { $0 === freeze }
  }

  func requestFreeze(_ process: Process, handle: UInt32, cookie: UInt64) throws(Errno) {
    guard let reference = process.references[handle], reference.freeze == nil,
      let owner = reference.node.owner
    else { throw .invalidArgument }
    let freeze = Freeze(cookie: cookie, process: process, isFrozen: owner.isFrozen)
    freezes.append(freeze)
    reference.freeze = freeze
    give(.freeze(freeze), to: process)
  }

  func clearFreeze(_ process: Process, handle: UInt32, cookie: UInt64) throws(Errno) {
    guard let reference = process.references[handle], let freeze = reference.freeze,
      freeze.cookie == cookie
    else { throw .invalidArgument }
    reference.freeze = nil
    freeze.isCleared = true
    noteChange(freeze)
  }

  /// One notice at a time: the next waits for the confirmation of the one before.
  func noteChange(_ freeze: Freeze) {
    if freeze.isRead {
      freeze.hasMore = true
    } else if !isQueued(freeze) {
      give(.freeze(freeze), to: freeze.process)
    }
  }

  func confirmFreeze(_ process: Process, cookie: UInt64) throws(Errno) {
    guard let i = process.readFreezes.firstIndex(where: { $0.cookie == cookie }) else {
      throw .invalidArgument
    }
    let freeze = process.readFreezes.remove(at: i)
    freeze.isRead = false
    if freeze.hasMore {
      freeze.hasMore = false
      give(.freeze(freeze), to: process)
    }
  }

  func end(_ freeze: Freeze) {
    removeWork { $0.isFreeze(freeze) }
    freeze.process.readFreezes.removeAll { $0 === freeze }
    freezes.removeAll { $0 === freeze }
  }
}
