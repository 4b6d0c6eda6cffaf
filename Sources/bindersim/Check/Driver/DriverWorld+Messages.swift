internal import BinderBuffer
internal import CLinuxShims
internal import PageAlloc

/// What programs write: mostly what a program may, now and then what it may not.
extension DriverWorld {
  func command(for thread: DriverModel.Thread) -> DriverCommand {
    let process = thread.process
    if oneIn(habits.misuses) { return misuse(by: thread) }
    if thread.stack.last?.to === thread, oneIn(3) { return reply(by: thread) }
    let delivered = process.buffers.filter { $0.address != nil }
    if let buffer = delivered.first, oneIn(delivered.count > 8 ? 2 : 4) {
      let address = oneIn(3) ? one(of: delivered).address : buffer.address
      return .free(address ?? 0)
    }
    if let done = confirmation(by: process), oneIn(3) { return done }
    switch pick(24) {
    case 0..<12: return call(by: thread) ?? .enter
    case 12..<15:
      return .reference(handle: handle(of: process), strong: oneIn(2), increment: oneIn(2))
    case 15, 16:
      lastCookie += 1
      return .death(handle: handle(of: process), cookie: lastCookie, clear: false)
    case 17:
      let known = process.references.values.compactMap { reference in
        reference.death.map { (reference.handle, $0.cookie) }
      }.sorted { $0.0 < $1.0 }
      guard !known.isEmpty else { return .enter }
      let (handle, cookie) = one(of: known)
      return .death(handle: handle, cookie: cookie, clear: true)
    case 18, 19: return freezeCommand(by: process)
    case 20: return .register
    case 21: return .exitLooper
    default: return .enter
    }
  }

  /// What a program must say when it was told something.
  private func confirmation(by process: DriverModel.Process) -> DriverCommand? {
    if !process.readDeaths.isEmpty, oneIn(2) {
      return .deathDone(one(of: process.readDeaths).cookie)
    }
    if !process.readFreezes.isEmpty, oneIn(2) {
      return .freezeDone(one(of: process.readFreezes).cookie)
    }
    let waiting = process.nodes.values.filter { $0.awaitsStrong || $0.awaitsWeak }
      .sorted { $0.pointer < $1.pointer }
    guard !waiting.isEmpty else { return nil }
    let node = one(of: waiting)
    return .done(pointer: node.pointer, cookie: node.cookie, strong: node.awaitsStrong)
  }

  private func freezeCommand(by process: DriverModel.Process) -> DriverCommand {
    // Commands that are unknown to an older kernel end a write.
    guard model.kernel == .linux612 else { return .enter }
    let known = process.references.values.compactMap { reference in
      reference.freeze.map { (reference.handle, $0.cookie) }
    }.sorted { $0.0 < $1.0 }
    if !known.isEmpty, oneIn(3) {
      let (handle, cookie) = one(of: known)
      return .freeze(handle: handle, cookie: cookie, clear: true)
    }
    let free = process.references.values.filter { $0.freeze == nil && $0.node.owner != nil }
      .map(\.handle).sorted()
    guard !free.isEmpty else { return .enter }
    lastCookie += 1
    return .freeze(handle: one(of: free), cookie: lastCookie, clear: false)
  }

  /// Mostly one that the process has.
  private func handle(of process: DriverModel.Process) -> UInt32 {
    let known = process.references.keys.sorted()
    return known.isEmpty || oneIn(12) ? UInt32(pick(4)) : one(of: known)
  }

  private func misuse(by thread: DriverModel.Thread) -> DriverCommand {
    let process = thread.process
    switch pick(12) {
    case 0:
      return .free(process.base + UInt64(8 * pick(20)))
    case 1: return .free([0, process.base - 8, .max, process.base + 1 << 20][pick(4)])
    case 2: return .done(pointer: 0x10 * UInt64(pick(5)), cookie: UInt64(pick(2)), strong: oneIn(2))
    case 3:
      let node = process.nodes.values.min { $0.pointer < $1.pointer }
      return .done(pointer: node?.pointer ?? 0, cookie: node?.cookie ?? 0, strong: oneIn(2))
    case 4: return .deathDone(lastCookie &- UInt64(pick(4)))
    case 5:
      return .death(
        handle: UInt32(pick(5)), cookie: lastCookie &- UInt64(pick(3)), clear: oneIn(2))
    case 6 where model.kernel == .linux612: return .freezeDone(7)
    case 7 where model.kernel == .linux612:
      return .freeze(handle: UInt32(pick(5)), cookie: 7, clear: oneIn(2))
    case 8: return .wrong([0xff, 0xff, 0xff, 0x7f], .invalidArgument)
    case 9: return .wrong([0x00, 0x63], .badAddress)
    case 10:
      return .reference(handle: UInt32(pick(6)), strong: oneIn(2), increment: oneIn(2))
    default: return reply(by: thread)
    }
  }

  // MARK: messages

  private func call(by thread: DriverModel.Thread) -> DriverCommand? {
    guard let handle = target(of: thread.process) else { return nil }
    let node = handle == 0 ? model.manager : thread.process.references[handle]?.node
    // Receivers that hold much get no more, so that there is always room.
    if let owner = node?.owner, owner.buffers.count > 48 { return nil }
    var mayCall = thread.stack.last.map { $0.to === thread } ?? true
    if case .transaction = thread.todo.first { mayCall = false }
    let isOneway = oneIn(habits.oneways) || (!mayCall && !oneIn(10))
    let updates = oneIn(6) ? bb_tf_update_txn.rawValue : 0
    var flags = isOneway ? bb_tf_one_way.rawValue | updates : 0
    if !oneIn(3) { flags |= bb_tf_accept_fds.rawValue }
    return .transaction(message(flags: flags, by: thread), handle: handle, isReply: false)
  }

  /// A handle that can be called, now and then any; nil when there is none.
  private func target(of process: DriverModel.Process) -> UInt32? {
    if oneIn(40) { return UInt32(pick(5)) }
    // Sorted before anything is drawn: a dictionary's order is another in each run.
    var handles = process.references.values.sorted { $0.handle < $1.handle }.filter {
      $0.strong > 0 && ($0.node.owner != nil || oneIn(20))
    }.map(\.handle)
    if let manager = model.manager, manager.owner !== process { handles.append(0) }
    return handles.isEmpty ? nil : one(of: handles)
  }

  private func reply(by thread: DriverModel.Thread) -> DriverCommand {
    .transaction(
      message(flags: oneIn(8) ? bb_tf_one_way.rawValue : 0, by: thread), handle: 0, isReply: true)
  }

  private func message(flags: UInt32, by thread: DriverModel.Thread) -> DriverMessage {
    var message = DriverMessage()
    message.code = UInt32(pick(3))
    message.flags = flags | (oneIn(8) ? bb_tf_clear_buf.rawValue : 0)
    message.openDescriptors = [3, 4, 5]
    if oneIn(habits.objects) {
      addObjects(to: &message, by: thread)
    } else {
      message.data = (0..<one(of: [0, 4, 8, 33, 200])).map { _ in UInt8(pick(256)) }
      if oneIn(30) { message.isDataReadable = false }
    }
    if oneIn(60) { message.claimedSize = one(of: [1 << 19 + 8, 5 << 20, 1 << 62, .max]) }
    if oneIn(60) { message.oddOffsetBytes = 4 }
    if oneIn(60) { message.extra += 4 }
    if oneIn(60) { message.areOffsetsReadable = false }
    return message
  }

  func objectFlags() -> UInt32 {
    (oneIn(3) ? 0 : bb_flag_accepts_fds.rawValue)
      | (oneIn(12) ? bb_flag_security_context.rawValue : 0)
  }

  private func addObjects(to message: inout DriverMessage, by thread: DriverModel.Thread) {
    // A first object at 0 cannot be a parent.
    if !oneIn(8) { message.data = (0..<8).map { _ in UInt8(pick(256)) } }
    var end = 0
    for _ in 0..<1 + pick(4) {
      if oneIn(4) { message.data += [UInt8](repeating: UInt8(pick(256)), count: 8) }
      let number = message.objects.count
      var object = DriverMessage.Object(
        at: UInt64(message.data.count), kind: objectKind(number, message, thread))
      message.data += object.kind.bytes(number)
      if oneIn(60) { spoil(&object, after: end) }
      end = message.data.count
      message.objects.append(object)
    }
    message.extra = message.objects.reduce(0) {
      if case .buffer(let bytes, _, _) = $1.kind { $0 + (bytes.count + 7) / 8 * 8 } else { $0 }
    }
    if oneIn(40) { message.extra = max(0, message.extra - 8) }
    if oneIn(20) { message.extra += 16 }
  }

  /// An offset or a type that is none.
  private func spoil(_ object: inout DriverMessage.Object, after end: Int) {
    switch pick(3) {
    case 0: (object.at, object.fault) = (1 << 40, .badAddress)
    case 1 where object.at > 0:
      object.at -= 1
      object.fault = object.at < end ? .badAddress : .invalidArgument
    default: (object.at, object.fault) = (object.at + 2, .invalidArgument)
    }
  }

  private func objectKind(
    _ number: Int, _ message: DriverMessage, _ thread: DriverModel.Thread
  ) -> DriverMessage.Kind {
    switch pick(13) {
    case 0..<4:
      let pointer = 0x10 * UInt64(1 + pick(4))
      return .binder(
        pointer: pointer, cookie: pointer + (oneIn(40) ? 2 : 1), strong: !oneIn(4),
        flags: objectFlags())
    case 4..<7 where !thread.process.references.isEmpty || oneIn(20):
      return .handle(handle(of: thread.process), strong: !oneIn(4))
    case 7: return .file(oneIn(20) ? 9 : Int32(3 + pick(3)))
    case 8, 9:
      // Mostly a buffer that is long enough.
      let count = pick(3)
      let parents = message.objects.indices.filter {
        if case .buffer(let bytes, _, _) = message.objects[$0].kind {
          bytes.count > 4 * count
        } else {
          false
        }
      }
      guard let latest = parents.last else { return .file(Int32(3 + pick(3))) }
      let parent = DriverMessage.Place(
        object: oneIn(12) ? pick(number + 1) : latest, offset: oneIn(12) ? UInt64(pick(64)) : 4)
      return .files(count: count, parent: parent)
    case 10..<13 where !oneIn(30):
      let parent =
        number > 0 && oneIn(2)
        ? DriverMessage.Place(
          object: oneIn(12) ? number : oneIn(2) ? number - 1 : pick(number),
          offset: UInt64(oneIn(10) ? 60 : 8 * pick(4)))
        : nil
      // Descriptors everywhere, so that an array finds some.
      let words = (0..<one(of: [0, 2, 8, 8, 12])).flatMap { _ in
        Int32(oneIn(30) ? 9 : 3 + pick(3)).littleEndianBytes(4)
      }
      return .buffer(bytes: words, isReadable: !oneIn(40), parent: parent)
    default: return oneIn(3) ? .unknown : .file(3)
    }
  }
}

extension DriverMessage.Kind {
  /// The object as its sender writes it.
  func bytes(_ number: Int) -> [UInt8] {
    func object(_ type: bb_type, _ size: Int, _ fields: (UInt64, Int, at: Int)...) -> [UInt8] {
      var bytes = UInt64(type.rawValue).littleEndianBytes(8)
      bytes += [UInt8](repeating: 0, count: size - 8)
      for (value, count, at) in fields {
        bytes.replaceSubrange(at..<at + count, with: value.littleEndianBytes(count))
      }
      return bytes
    }
    switch self {
    case .binder(let pointer, let cookie, let strong, let flags):
      return object(
        strong ? bb_type_binder : bb_type_weak_binder, bb_flat_size,
        (UInt64(flags), 4, at: bb_flat_flags), (pointer, 8, at: bb_flat_binder),
        (cookie, 8, at: bb_flat_cookie))
    case .handle(let handle, let strong):
      return object(
        strong ? bb_type_handle : bb_type_weak_handle, bb_flat_size,
        (UInt64(handle), 4, at: bb_flat_handle), (0x55, 8, at: bb_flat_cookie))
    case .file(let descriptor):
      return object(
        bb_type_fd, bb_fd_size, (UInt64(UInt32(bitPattern: descriptor)), 4, at: bb_fd_fd))
    case .buffer(let bytes, _, let parent):
      return object(
        bb_type_ptr, bb_ptr_size,
        (UInt64(parent == nil ? 0 : bb_flag_has_parent.rawValue), 4, at: bb_ptr_flags),
        (DriverSender.buffer(number), 8, at: bb_ptr_buffer),
        (UInt64(bytes.count), 8, at: bb_ptr_length),
        (UInt64(parent?.object ?? 0), 8, at: bb_ptr_parent),
        (parent?.offset ?? 0, 8, at: bb_ptr_parent_offset))
    case .files(let count, let parent):
      return object(
        bb_type_fda, bb_fda_size, (UInt64(count), 8, at: bb_fda_num_fds),
        (UInt64(parent.object), 8, at: bb_fda_parent),
        (parent.offset, 8, at: bb_fda_parent_offset))
    case .unknown: return [UInt8](repeating: 0x11, count: 24)
    }
  }
}
