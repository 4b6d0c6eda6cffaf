internal import CLinuxShims
internal import PageAlloc

extension Driver {
  /// Makes the objects of a filled message those of the receiver: its handles, its own binders.
  ///
  /// They are read and written in the receiver's pages, where the walk has checked their places.
  ///
  /// - Throws: `EINVAL`, `ENOMEM`; the objects before are undone.
  mutating func translateObjects(
    of pending: borrowing PendingTransaction, sender: ThreadIndex
  ) throws(Errno) {
    for i in 0..<pending.goodObjects {
      let at = pending.view.object(i, pending.layout)
      do throws(Errno) {
        switch pending.view.type(at: at) {
        case ObjectType.binder, ObjectType.weakBinder:
          try translateBinder(pending.view, at, to: pending.receiver, sender: sender)
        case ObjectType.handle, ObjectType.weakHandle:
          try translateHandle(pending.view, at, to: pending.receiver, sender: sender)
        default: break
        }
      } catch {
        releaseObjects(
          pending.view, pending.layout, upTo: i, of: pending.receiver, closingAt: nil)
        throw error
      }
    }
  }

  /// A sender's own object becomes a handle of the receiver.
  private mutating func translateBinder(
    _ view: RegionView, _ at: Int, to receiver: ProcessIndex, sender: ThreadIndex
  ) throws(Errno) {
    let strong = view.type(at: at) == ObjectType.binder
    let node = try pinnedNode(
      of: threads[sender].process, pointer: view.get(at: at + bb_flat_binder, as: UInt64.self),
      cookie: view.get(at: at + bb_flat_cookie, as: UInt64.self),
      flags: view.get(at: at + bb_flat_flags, as: UInt32.self))
    defer { unpin(node) }
    let handle = try addReference(of: receiver, to: node, strong: strong, teller: sender)
    putHandle(handle, strong: strong, view, at)
  }

  /// A sender's handle becomes the receiver's own object, or a handle of its own.
  private mutating func translateHandle(
    _ view: RegionView, _ at: Int, to receiver: ProcessIndex, sender: ThreadIndex
  ) throws(Errno) {
    let strong = view.type(at: at) == ObjectType.handle
    let number = view.get(at: at + bb_flat_handle, as: UInt32.self)
    guard let reference = reference(threads[sender].process, number, strong: strong) else {
      throw .invalidArgument
    }
    let node = references[reference].node
    nodes[node].pins += 1
    defer { unpin(node) }
    guard nodes[node].owner == receiver else {
      putHandle(try addReference(of: receiver, to: node, strong: strong), strong: strong, view, at)
      return
    }
    // Whoever sends it holds a reference: the owner has nothing to be told.
    if strong { nodes[node].localStrong += 1 } else { nodes[node].localWeak += 1 }
    view.set(strong ? ObjectType.binder : ObjectType.weakBinder, at: at + bb_object_type)
    view.set(nodes[node].pointer, at: at + bb_flat_binder)
    view.set(nodes[node].cookie, at: at + bb_flat_cookie)
  }

  private func putHandle(_ handle: UInt32, strong: Bool, _ view: RegionView, _ at: Int) {
    view.set(strong ? ObjectType.handle : ObjectType.weakHandle, at: at + bb_object_type)
    view.set(UInt64(handle), at: at + bb_flat_binder)
    view.set(UInt64(0), at: at + bb_flat_cookie)
  }

  /// Gives up what the first `count` objects of a message hold in their receiver.
  ///
  /// - Parameter address: set when the files of arrays are descriptors of the receiver, to be
  ///   closed: the buffer's address there.
  mutating func releaseObjects(
    _ view: RegionView, _ layout: MessageLayout, upTo count: Int, of receiver: ProcessIndex,
    closingAt address: UInt64?
  ) {
    for i in 0..<count {
      let at = view.object(i, layout)
      let type = view.type(at: at)
      switch type {
      case ObjectType.binder, ObjectType.weakBinder:
        let pointer = view.get(at: at + bb_flat_binder, as: UInt64.self)
        guard let node = processes[receiver].nodes[pointer] else { continue }
        nodes[node].pins += 1
        if type == ObjectType.binder {
          dropStrong(node, isReference: false)
        } else {
          dropWeak(node, isReference: false)
        }
        unpin(node)
      case ObjectType.handle, ObjectType.weakHandle:
        let handle = view.get(at: at + bb_flat_handle, as: UInt32.self)
        guard let reference = reference(receiver, handle) else { continue }
        drop(reference, strong: type == ObjectType.handle)
      case ObjectType.fileArray:
        if let address { closeArray(view, layout, at, of: receiver, address) }
      default: break
      }
    }
  }

  private mutating func closeArray(
    _ view: RegionView, _ layout: MessageLayout, _ at: Int, of receiver: ProcessIndex,
    _ address: UInt64
  ) {
    let count = Int(view.get(at: at + bb_fda_num_fds, as: UInt64.self))
    let parent = view.object(Int(view.get(at: at + bb_fda_parent, as: UInt64.self)), layout)
    let start =
      Int(view.get(at: parent + bb_ptr_buffer, as: UInt64.self) &- address)
      + Int(view.get(at: at + bb_fda_parent_offset, as: UInt64.self))
    for i in 0..<count {
      effects.closedDescriptors.append(
        ClosedDescriptor(
          process: id(receiver), descriptor: view.get(at: start + 4 * i, as: Int32.self)))
    }
  }
}
