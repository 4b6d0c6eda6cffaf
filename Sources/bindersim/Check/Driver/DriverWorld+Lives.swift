internal import BinderBuffer
internal import CLinuxShims
internal import PageAlloc

/// How programs begin and end, and what they ask of the driver beside reading and writing.
extension DriverWorld {
  private static let regionLength = 512 << 10

  func open(_ i: Int) throws(InvariantViolation) {
    lastPID += 1
    let label: [UInt8]? = oneIn(5) ? nil : Array("label\(pick(10))".utf8) + [0]
    let id = driver.open(pid: lastPID, securityContext: label)
    let base = UInt64(lastPID) << 32
    let program = DriverModel.Process(pid: lastPID, id: id, base: base, label: label)
    programs[i] = program
    model.processes.append(program)
    model.everyone.append(program)
    if !oneIn(40) { try map(program) }
    let threads = UInt32(pick(3))
    let (errno, _) = try control(program, bb_ioctl_set_max_threads, [UInt64(threads)])
    try require("BINDER_SET_MAX_THREADS", errno, is: nil)
    program.maxThreads = threads
    try settleEffects("an open")
  }

  private func map(_ program: DriverModel.Process) throws(InvariantViolation) {
    let injected = faults.injected
    do throws(Errno) {
      _ = try driver.map(program.id, length: Self.regionLength, caller: program.pid)
      try driver.setRegionAddress(program.id, program.base)
      program.isMapped = true
      program.regionLength = Self.regionLength
    } catch {
      try require(
        "a region that cannot be mapped had a fault", faults.injected > injected, is: true)
    }
  }

  /// Somebody dies: at once, or descriptor and mapping one after the other.
  func die(_ i: Int, _ program: DriverModel.Process) throws(InvariantViolation) {
    switch pick(4) {
    case 0 where program.descriptors > 0:
      try? driver.close(program.id)
      model.close(program)
    case 1 where program.isMapped:
      try? driver.unmap(program.id)
      model.unmap(program)
    default: return try kill(i, program)
    }
    if !program.isAlive { bury(i, program) }
    try settleEffects("a descriptor or mapping that goes")
  }

  func kill(_ i: Int, _ program: DriverModel.Process) throws(InvariantViolation) {
    driver.kill(program.id)
    model.endProcess(program)
    bury(i, program)
    try settleEffects("a death")
  }

  /// A process's descriptors go with it.
  private func bury(_ i: Int, _ program: DriverModel.Process) {
    tally.deaths += 1
    programs[i] = nil
    arrayDescriptors = arrayDescriptors.filter { $0.value != program.pid }
  }

  func exitThread(of program: DriverModel.Process) throws(InvariantViolation) {
    let tid = Int32(pick(Int(habits.threads))) + 1
    guard let thread = program.threads[tid], thread.waits == .nothing,
      !parked.contains(where: { $0.model.thread === thread })
    else { return }
    try? driver.exitThread(program.id, tid: tid)
    model.endThread(thread, freeing: true)
    try settleEffects("the exit of a thread")
  }

  func becomeManager(_ program: DriverModel.Process) throws(InvariantViolation) {
    let usesObject = oneIn(2)
    let pointer: UInt64 = usesObject ? 0x10 * UInt64(1 + pick(3)) : 0
    let cookie: UInt64 = usesObject ? pointer + 1 : 0
    let flags: UInt32 = usesObject ? objectFlags() : 0
    let (found, _) = try control(
      program, usesObject ? bb_ioctl_set_context_mgr_ext : bb_ioctl_set_context_mgr,
      [UInt64(flags) << 32, pointer, cookie])
    var expected: Errno?
    do throws(Errno) {
      try model.becomeManager(program, pointer: pointer, cookie: cookie, flags: flags)
    } catch { expected = error }
    try require("\(program.pid) becomes context manager", found, is: expected)
    try settleEffects("becoming context manager")
  }

  func freeze(_ program: DriverModel.Process) throws(InvariantViolation) {
    let freezes = oneIn(2)
    var found = "done"
    do throws(Errno) {
      _ = try driver.beginFreeze(
        FreezeRequest(pid: program.pid, freezes: freezes, timeout: 0))
    } catch { found = "\(error)" }
    var expected = "done"
    do throws(Errno) { try model.freeze(program, freezes) } catch { expected = "\(error)" }
    try require("freezing of \(program.pid)", found, is: expected)
    try settleEffects("freezing")
    let (errno, answer) = try control(program, bb_ioctl_get_frozen_info, [UInt64(program.pid)])
    try require("BINDER_GET_FROZEN_INFO", errno, is: nil)
    let sync: UInt64 = (program.gotCall ? 1 : 0) | (model.isBusy(program) ? 2 : 0)
    try require(
      "what is known of frozen \(program.pid)", [answer[0] >> 32, answer[1] & 0xffff_ffff],
      is: [sync, program.gotOneway ? 1 : 0])
  }

  // MARK: ioctls

  /// An ioctl, by a thread that does nothing else unless said otherwise.
  ///
  /// - Returns: its error, and its argument afterwards.
  func control(
    _ program: DriverModel.Process, _ request: bb_ioctl, _ argument: [UInt64], tid: Int32? = nil
  ) throws(InvariantViolation) -> (Errno?, [UInt64]) {
    let tid = tid ?? habits.threads + 1
    let thread = try begin(program, tid)
    thread.returnsAtOnce = false
    var words = argument + [UInt64](repeating: 0, count: 8 - argument.count)
    var failure: Errno?
    unsafe words.withUnsafeMutableBytes { bytes in
      do throws(Errno) {
        unsafe try driver.control(
          request.rawValue, bytes, process: program.id, tid: tid, user: DriverSender.user)
      } catch { failure = error }
    }
    return (failure, words)
  }

  func takeExtendedError(
    _ program: DriverModel.Process, _ tid: Int32
  ) throws(InvariantViolation) {
    let (errno, answer) = try control(program, bb_ioctl_get_extended_error, [], tid: tid)
    try require("BINDER_GET_EXTENDED_ERROR", errno, is: nil)
    let thread = program.threads[tid]!
    let found = DriverModel.ExtendedError(
      hasID: UInt32(truncatingIfNeeded: answer[0]) != 0, command: UInt32(answer[0] >> 32),
      param: Int32(truncatingIfNeeded: answer[1]))
    try require("the extended error of \(program.pid).\(tid)", found, is: thread.error)
    thread.error = DriverModel.ExtendedError()
  }

  /// What the driver says of nodes and references.
  func askForNodes(_ program: DriverModel.Process) throws(InvariantViolation) {
    let above = 0x10 * UInt64(pick(4))
    let (failure, answer) = try control(program, bb_ioctl_get_node_debug_info, [above])
    try require("BINDER_GET_NODE_DEBUG_INFO", failure, is: nil)
    let node = program.nodes.values.filter { $0.pointer > above }.min { $0.pointer < $1.pointer }
    let told: UInt64 = (node?.toldStrong == true ? 1 : 0) | (node?.toldWeak == true ? 1 << 32 : 0)
    try require(
      "the node above \(above) of \(program.pid)", Array(answer[..<3]),
      is: [node?.pointer ?? 0, node?.cookie ?? 0, told])

    let handles = program.references.keys.sorted()
    guard !handles.isEmpty else { return }
    let handle = one(of: handles)
    let reference = program.references[handle]!
    let mayAsk = model.manager?.owner === program
    let expected: Errno? = !mayAsk ? .notPermitted : reference.strong == 0 ? .invalidArgument : nil
    let (errno, info) = try control(program, bb_ioctl_get_node_info_for_ref, [UInt64(handle)])
    try require("BINDER_GET_NODE_INFO_FOR_REF of handle \(handle)", errno, is: expected)
    guard errno == nil else { return }
    let strong =
      model.strongLocals(of: reference.node) + model.strongReferences(of: reference.node)
    try require(
      "strong and weak holders of handle \(handle) of \(program.pid)",
      [info[0] >> 32, info[1] & 0xffff_ffff],
      is: [UInt64(strong), UInt64(model.weakLocals(of: reference.node))])
  }
}
