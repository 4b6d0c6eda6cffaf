internal import PageAlloc

extension Driver {
  /// What one process holds of one node: a handle with counts.
  struct Reference: BitwiseCopyable {
    var handle: UInt32
    let node: NodeIndex
    let process: ProcessIndex
    var strong = 0
    var weak = 0
    /// The death notice that was requested with it.
    var death = DeathIndex.none
    var freeze = FreezeIndex.none
    // Its place among the references of the node.
    var previous = ReferenceIndex.none
    var next = ReferenceIndex.none
  }

  /// The reference behind a handle.
  func reference(_ process: ProcessIndex, _ handle: UInt32, strong: Bool = false)
    -> ReferenceIndex?
  {
    guard let reference = processes[process].handles[handle] else { return nil }
    return strong && references[reference].strong == 0 ? nil : reference
  }

  /// One count more for a process's reference to a node, which is made if need be.
  ///
  /// - Returns: the handle.
  /// - Throws: `EINVAL` (`addStrong`), `ENOMEM` beyond the limit of handles; then nothing changed.
  mutating func addReference(
    of process: ProcessIndex, to node: NodeIndex, strong: Bool, teller: ThreadIndex = .none
  ) throws(Errno) -> UInt32 {
    let known = processes[process].referenceTo[node]
    let reference: ReferenceIndex
    if let known { reference = known } else { reference = try makeReference(process, node) }
    do throws(Errno) {
      try add(to: reference, strong: strong, teller: teller)
    } catch {
      if known == nil { endReference(reference) }
      throw error
    }
    return references[reference].handle
  }

  private mutating func makeReference(_ process: ProcessIndex, _ node: NodeIndex) throws(Errno)
    -> ReferenceIndex
  {
    guard processes[process].handles.count < options.limits.handles else { throw .noMemory }
    let first = nodes[node].firstReference
    let reference = references.insert(
      Reference(handle: 0, node: node, process: process, next: first))
    let handle = processes[process].handles.insert(reference, from: node == manager ? 0 : 1)
    references[reference].handle = handle
    if !first.isNone { references[first].previous = reference }
    nodes[node].firstReference = reference
    processes[process].referenceTo[node] = reference
    return reference
  }

  private mutating func add(
    to reference: ReferenceIndex, strong: Bool, teller: ThreadIndex
  ) throws(Errno) {
    let node = references[reference].node
    if strong {
      if references[reference].strong == 0 {
        try addStrong(node, teller: teller)
      }
      references[reference].strong += 1
    } else {
      if references[reference].weak == 0 {
        try addWeak(node, teller: teller)
      }
      references[reference].weak += 1
    }
  }

  /// One count less; without any left the handle is free. Ignored when there is none.
  mutating func drop(_ reference: ReferenceIndex, strong: Bool) {
    if strong {
      guard references[reference].strong > 0 else { return }
      references[reference].strong -= 1
      if references[reference].strong == 0 {
        dropStrong(references[reference].node, isReference: true)
      }
    } else {
      guard references[reference].weak > 0 else { return }
      references[reference].weak -= 1
    }
    if references[reference].strong == 0, references[reference].weak == 0 {
      endReference(reference)
    }
  }

  /// Ends a reference with all its counts.
  mutating func endReference(_ reference: ReferenceIndex) {
    let entry = references[reference]
    processes[entry.process].handles.remove(entry.handle)
    processes[entry.process].referenceTo[entry.node] = nil
    if entry.previous.isNone {
      nodes[entry.node].firstReference = entry.next
    } else {
      references[entry.previous].next = entry.next
    }
    if !entry.next.isNone { references[entry.next].previous = entry.previous }
    endDeath(entry.death)
    endFreeze(entry.freeze)
    references.remove(reference)
    // The strong drop must not end the node that the weak one still looks at.
    nodes[entry.node].pins += 1
    if entry.strong > 0 { dropStrong(entry.node, isReference: true) }
    nodes[entry.node].pins -= 1
    dropWeak(entry.node, isReference: true)
  }

  /// `BC_INCREFS`, `BC_ACQUIRE`, `BC_RELEASE`, `BC_DECREFS`.
  ///
  /// - Throws: `EINVAL` when the context manager wants a reference to itself. All else that cannot
  ///   be done is ignored (recording `refs-bad-handle`).
  mutating func changeReference(
    _ process: ProcessIndex, handle: UInt32, strong: Bool, increment: Bool
  ) throws(Errno) {
    if handle == 0, increment, !manager.isNone {
      guard nodes[manager].owner != process else { throw .invalidArgument }
      if (try? addReference(of: process, to: manager, strong: strong)) != nil { return }
    }
    guard let reference = reference(process, handle) else { return }
    if increment {
      try? add(to: reference, strong: strong, teller: .none)
    } else {
      drop(reference, strong: strong)
    }
  }
}
