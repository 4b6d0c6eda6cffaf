internal import CLinuxShims
public import PageAlloc

extension Driver {
  /// Any ioctl but `BINDER_WRITE_READ` and the freezing by `BINDER_FREEZE`, from beginning to end.
  ///
  /// - Parameters:
  ///   - argument: the program's argument, copied in if `argument(of:)` says so, and to be copied
  ///     out if it says so; at least as long as it says.
  ///   - user: the caller's effective user.
  /// - Throws: what the ioctl gives; `EINVAL` for an unknown one.
  /// - Complexity: O(nodes of the process) for `BINDER_GET_NODE_DEBUG_INFO`, else O(1) but for the
  ///   end of a thread.
  public mutating func control(
    _ request: UInt32, _ argument: UnsafeMutableRawBufferPointer, process id: DriverProcessID,
    tid: Int32, user: UInt32
  ) throws(Errno) {
    let process = try find(id)
    let thread = try thread(process, tid)
    defer {
      // The thread may have ended itself.
      if let thread = processes[process].threads[tid] { threads[thread].returnsAtOnce = false }
    }
    precondition(argument.count >= Self.argument(of: request)?.size ?? 0)
    let bytes = unsafe ArgumentBytes(argument)
    switch request {
    case bb_ioctl_version.rawValue: bytes.set(Int32(bb_protocol_version), at: 0)
    case bb_ioctl_set_max_threads.rawValue:
      processes[process].maxThreads = bytes.get(at: 0, as: UInt32.self)
    case bb_ioctl_set_context_mgr.rawValue:
      try becomeManager(process, pointer: 0, cookie: 0, flags: 0, user: user)
    case bb_ioctl_set_context_mgr_ext.rawValue:
      try becomeManager(
        process, pointer: bytes.get(at: bb_flat_binder, as: UInt64.self),
        cookie: bytes.get(at: bb_flat_cookie, as: UInt64.self),
        flags: bytes.get(at: bb_flat_flags, as: UInt32.self), user: user)
    case bb_ioctl_thread_exit.rawValue: endThread(thread, freeing: true)
    case bb_ioctl_get_node_debug_info.rawValue: nodeDebugInfo(process, bytes)
    case bb_ioctl_get_node_info_for_ref.rawValue: try nodeInfo(process, bytes)
    case bb_ioctl_get_frozen_info.rawValue:
      let info = try frozenInfo(pid: bytes.get(at: bb_frozen_pid, as: Int32.self))
      bytes.set(info.sync, at: bb_frozen_sync)
      bytes.set(info.async, at: bb_frozen_async)
    case bb_ioctl_enable_oneway_spam_detection.rawValue:
      processes[process].detectsSpam = bytes.get(at: 0, as: UInt32.self) != 0
    case bb_ioctl_get_extended_error.rawValue: takeExtendedError(thread, bytes)
    default: throw .invalidArgument
    }
  }

  /// - Throws: `EBUSY` while there is a manager, `EPERM` when another user's process was one.
  private mutating func becomeManager(
    _ process: ProcessIndex, pointer: UInt64, cookie: UInt64, flags: UInt32, user: UInt32
  ) throws(Errno) {
    guard manager.isNone else { throw .resourceBusy }
    if let managerUser {
      guard managerUser == user else { throw .notPermitted }
    }
    managerUser = user
    let node = try pinnedNode(of: process, pointer: pointer, cookie: cookie, flags: flags)
    // It counts as told of everything, and is held for good.
    nodes[node].localStrong += 1
    nodes[node].localWeak += 1
    nodes[node].toldStrong = true
    nodes[node].toldWeak = true
    manager = node
    unpin(node)
  }

  /// The first node above a pointer (recording `node-info`).
  private func nodeDebugInfo(_ process: ProcessIndex, _ bytes: ArgumentBytes) {
    let above = bytes.get(at: bb_node_debug_ptr, as: UInt64.self)
    let pointer = processes[process].nodes.keys.filter { $0 > above }.min()
    let node = pointer.flatMap { processes[process].nodes[$0] }.map { nodes[$0] }
    bytes.set(node?.pointer ?? 0, at: bb_node_debug_ptr)
    bytes.set(node?.cookie ?? 0, at: bb_node_debug_cookie)
    bytes.set(UInt32(node?.toldStrong == true ? 1 : 0), at: bb_node_debug_strong)
    bytes.set(UInt32(node?.toldWeak == true ? 1 : 0), at: bb_node_debug_weak)
  }

  /// - Throws: `EINVAL` for no strong handle or fields that are not zero, `EPERM` for all but the
  ///   context manager.
  private func nodeInfo(_ process: ProcessIndex, _ bytes: ArgumentBytes) throws(Errno) {
    for field in [
      bb_node_ref_strong, bb_node_ref_weak, bb_node_ref_reserved, bb_node_ref_reserved + 4,
      bb_node_ref_reserved + 8,
    ] where bytes.get(at: field, as: UInt32.self) != 0 { throw .invalidArgument }
    guard !manager.isNone, nodes[manager].owner == process else { throw .notPermitted }
    let handle = bytes.get(at: bb_node_ref_handle, as: UInt32.self)
    guard let reference = reference(process, handle, strong: true) else { throw .invalidArgument }
    let node = nodes[references[reference].node]
    bytes.set(UInt32(node.localStrong + node.strongReferences), at: bb_node_ref_strong)
    bytes.set(UInt32(node.localWeak), at: bb_node_ref_weak)
  }

  /// Reading clears it.
  private mutating func takeExtendedError(_ thread: ThreadIndex, _ bytes: ArgumentBytes) {
    let error = threads[thread].extendedError
    threads[thread].extendedError = ExtendedError()
    bytes.set(error.id, at: bb_error_id)
    bytes.set(error.command, at: bb_error_command)
    bytes.set(error.param, at: bb_error_param)
  }
}

/// The argument of an ioctl in memory of ours.
@safe struct ArgumentBytes {
  // INVARIANT: as long as the caller's ioctl needs, which it has checked.
  private let bytes: UnsafeMutableRawBufferPointer

  init(_ bytes: UnsafeMutableRawBufferPointer) { unsafe self.bytes = unsafe bytes }

  func get<T: FixedWidthInteger & BitwiseCopyable>(at offset: Int, as type: T.Type) -> T {
    precondition(unsafe offset >= 0 && offset + MemoryLayout<T>.size <= bytes.count)
    // SAFETY: just checked to lie inside.
    return unsafe bytes.loadUnaligned(fromByteOffset: offset, as: T.self)
  }

  func set<T: FixedWidthInteger & BitwiseCopyable>(_ value: T, at offset: Int) {
    precondition(unsafe offset >= 0 && offset + MemoryLayout<T>.size <= bytes.count)
    // SAFETY: just checked to lie inside.
    unsafe bytes.storeBytes(of: value, toByteOffset: offset, as: T.self)
  }
}
