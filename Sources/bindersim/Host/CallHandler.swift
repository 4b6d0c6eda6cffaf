internal import BinderBuffer
internal import CLinuxShims
internal import Glibc
internal import PageAlloc
internal import Synchronization

/// What the host answers to a notified call. Runs on a worker, which may wait for the caller's
/// memory; nothing here holds a lock meanwhile.
extension HostTable {
  func handle(_ call: HostedCall) {
    switch call.kind {
    case bb_call_ioctl: ioctl(call)
    case bb_call_open: open(call, flags: CInt(truncatingIfNeeded: call.arguments.2))
    case bb_call_open_how:
      // struct open_how begins with the flags.
      guard let flags = call.memory.read(call.arguments.2, as: UInt64.self, zero: 0) else {
        return call.pass()
      }
      open(call, flags: CInt(truncatingIfNeeded: flags))
    case bb_call_map: map(call)
    case bb_call_access: access(call)
    case bb_call_stat, bb_call_statx: status(call)
    case bb_call_set_flags: setFlags(call)
    case bb_call_duplicate:
      // Numbers may lead elsewhere from now on.
      descriptorsChanged()
      call.pass()
    case bb_call_poll, bb_call_poll_time: poll(call)
    case bb_call_foreign: foreign(call)
    default: call.pass()
    }
  }

  private func path(_ call: HostedCall) -> DevicePath? {
    guard let path = call.memory.path(at: call.arguments.1) else { return nil }
    return DevicePath(path, from: CInt(truncatingIfNeeded: call.arguments.0), of: call.thread)
  }

  // MARK: calls by path

  private func open(_ call: HostedCall, flags: CInt) {
    switch path(call) {
    case nil: call.pass()
    case .feature:
      let file = unsafe bb_memory_file("feature")
      guard file >= 0 else {
        call.fail(-file)
        return
      }
      let owned = OwnedDescriptor(file)
      _ = unsafe "1\n".withCString { unsafe pwrite(owned.raw, $0, 2, 0) }
      give(owned.raw, to: call, flags: flags)
    case .device(let index): openDevice(devices[index], call, flags: flags)
    }
  }

  private func give(_ descriptor: CInt, to call: HostedCall, flags: CInt) {
    let number = call.give(descriptor, closeOnExec: flags & O_CLOEXEC != 0, asAnswer: true)
    if number < 0 { call.fail(-number) }
  }

  private func openDevice(_ device: Device, _ call: HostedCall, flags: CInt) {
    guard let thread = thread(call) else {
      call.fail(ESRCH)
      return
    }
    guard held(by: thread.process).opens < limits.opens else {
      noteLimit("opens", thread.process)
      call.fail(EMFILE)
      return
    }
    var work = DeviceWork()
    var own: CInt = -1
    var given: CInt = -1
    let error = unsafe bb_signal_file(&own, &given, flags & O_NONBLOCK != 0 ? 1 : 0)
    guard error == 0 else {
      call.fail(-error)
      return
    }
    let signal = OwnedDescriptor(own)
    let program = OwnedDescriptor(given)
    let watch = bb_watch_add(watcher.raw, own)
    guard watch >= 0, let identity = OpenFileID(own: own) else {
      call.fail(ENFILE)
      return
    }
    let owner = thread.process
    recorder?.noteName(owner.name, of: owner.pid)
    let label = securityContext
    let process = device.step(&work) { $0.open(pid: owner.pid, securityContext: label) }
    let open = HostedOpen(
      device: device, process: process, owner: owner, signal: signal, identity: identity,
      watch: watch, isNonblocking: flags & O_NONBLOCK != 0)
    device.add(open)
    add(open)
    descriptorsChanged()
    // Not taken: closing our copy is the last close, which ends the open like any other.
    give(program.raw, to: call, flags: flags)
    finish(work)
  }

  private func access(_ call: HostedCall) {
    guard path(call) != nil else { return call.pass() }
    call.answer()
  }

  private func status(_ call: HostedCall) {
    guard case .device(let index)? = path(call) else { return call.pass() }
    let isStatx = call.kind == bb_call_statx
    let written = unsafe withUnsafeTemporaryAllocation(byteCount: 512, alignment: 8) { buffer in
      let size = unsafe bb_device_stat(
        isStatx ? 1 : 0, UInt32(50 + index), buffer.baseAddress!, buffer.count)
      return unsafe call.memory.write(
        call.arguments.2, from: UnsafeRawBufferPointer(rebasing: buffer[..<size]))
    }
    if written { call.answer() } else { call.fail(EFAULT) }
  }

  private func foreign(_ call: HostedCall) {
    guard path(call) != nil else { return call.pass() }
    note(
      "process \(call.thread) is a 32-bit program, and those are not hosted: build it for 64 bits")
    call.fail(ENOTSUP)
  }

  // MARK: calls by descriptor

  private func setFlags(_ call: HostedCall) {
    if let open = open(call.descriptor, of: call.thread) {
      let flags = CInt(truncatingIfNeeded: call.arguments.1)
      open.isNonblocking = flags & O_NONBLOCK != 0
    }
    call.pass()
  }

  /// `FIONBIO`: the other way to switch O_NONBLOCK.
  private func setNonblocking(_ call: HostedCall) {
    if let open = open(call.descriptor, of: call.thread),
      let value = call.memory.read(call.arguments.2, as: CInt.self, zero: 0)
    {
      open.isNonblocking = value != 0
    }
    call.pass()
  }

  private func ioctl(_ call: HostedCall) {
    let request = UInt32(truncatingIfNeeded: call.arguments.1)
    guard request >> 8 & 0xff == UInt32(UInt8(ascii: "b")) else { return setNonblocking(call) }
    guard let thread = thread(call), let open = open(call.descriptor, of: thread) else {
      // No device: whatever it is, the kernel knows.
      return call.pass()
    }
    putBack(open, call)
    open.counts.calls.add(1, ordering: .relaxed)
    switch request {
    case bb_ioctl_write_read.rawValue: writeRead(call, thread, open)
    case bb_ioctl_freeze.rawValue: freeze(call, thread, open)
    default: control(call, thread, open, request)
    }
  }

  private func control(
    _ call: HostedCall, _ thread: HostedThread, _ open: HostedOpen, _ request: UInt32
  ) {
    var work = DeviceWork()
    defer { finish(work) }
    guard let argument = Driver.argument(of: request) else {
      // Unknown ones make the thread known too.
      if let id = try? open.device.begin(open.process, tid: thread.tid, &work) {
        open.device.end(id, &work)
      }
      call.fail(EINVAL)
      return
    }
    unsafe withUnsafeTemporaryAllocation(byteCount: 64, alignment: 8) { buffer in
      unsafe buffer.initializeMemory(as: UInt8.self, repeating: 0)
      let bytes = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<argument.size])
      let address = call.arguments.2
      var failure: Errno?
      do throws(Errno) {
        if argument.isRead, argument.size > 0,
          unsafe thread.memory.read(address, into: bytes) != argument.size
        {
          throw argument.badPointer
        }
        let user = open.owner.effectiveUser ?? 0
        try unsafe open.device.control(
          request, buffer, open.process, tid: thread.tid, user: user, all: devices, &work)
        if argument.isWritten,
          unsafe !thread.memory.write(address, from: UnsafeRawBufferPointer(bytes))
        {
          throw argument.badPointer
        }
      } catch {
        failure = error
      }
      if failure == nil, request == bb_ioctl_set_context_mgr.rawValue { becameManager() }
      if let failure { call.fail(failure.rawValue) } else { call.answer() }
    }
  }

  private func freeze(_ call: HostedCall, _ thread: HostedThread, _ open: HostedOpen) {
    var work = DeviceWork()
    defer { finish(work) }
    let size = MemoryLayout<binder_freeze_info>.size
    let argument: FreezeRequest? = unsafe withUnsafeTemporaryAllocation(
      byteCount: size, alignment: 8
    ) { buffer in
      guard unsafe thread.memory.read(call.arguments.2, into: buffer) == size else { return nil }
      return unsafe FreezeRequest(UnsafeRawBufferPointer(buffer))
    }
    guard let request = argument else {
      call.fail(EFAULT)
      return
    }
    if let id = try? open.device.begin(open.process, tid: thread.tid, &work) {
      open.device.end(id, &work)
    }
    let error = freeze(request, &work)
    if error == 0 { call.answer() } else { call.fail(error) }
  }

  /// All devices know of the process, or none. Waits, as the caller does, at most its timeout.
  private func freeze(_ request: FreezeRequest, _ work: inout DeviceWork) -> CInt {
    var result = EINVAL
    let deadline = MonotonicClock.now() + UInt64(request.timeout) * 1_000_000
    for device in devices {
      do throws(Errno) {
        var step = try device.step(&work) { (driver) throws(Errno) in
          try driver.beginFreeze(request)
        }
        while step == .wait {
          // What else it caused must not wait for it.
          finish(work)
          work = DeviceWork()
          device.awaitFreezeProgress(until: deadline)
          let isReady = device.look { $0.isFreezeReady(request) }
          guard isReady || MonotonicClock.now() >= deadline else { continue }
          step = .done
          try device.step(&work) { (driver) throws(Errno) in try driver.endFreeze(request) }
        }
        result = 0
      } catch {
        if error != .invalidArgument { return error.rawValue }
      }
    }
    return result
  }

  private func poll(_ call: HostedCall) {
    // struct pollfd: a descriptor, the events asked for, the events found.
    guard let record = call.memory.read(call.arguments.0, as: UInt64.self, zero: 0) else {
      return call.pass()
    }
    let number = CInt(truncatingIfNeeded: record)
    guard let open = open(number, of: call.thread) else { return call.pass() }
    let isAsked = record >> 32 & UInt64(POLLIN | POLLRDNORM) != 0
    let isReady = open.device.look { $0.isReady(open.process, tid: call.thread) }
    var found: UInt16 = 0
    if isReady, isAsked {
      found = UInt16(truncatingIfNeeded: record >> 32) & UInt16(POLLIN | POLLRDNORM)
    }
    guard found != 0 || isImmediate(call) else {
      // Waiting is the kernel's: the descriptor becomes readable when there is work.
      return call.pass()
    }
    let written = call.memory.write(found, to: call.arguments.0 &+ 6)
    if written { call.answer(found == 0 ? 0 : 1) } else { call.fail(EFAULT) }
  }

  /// Whether a poll only looks.
  private func isImmediate(_ call: HostedCall) -> Bool {
    guard call.kind == bb_call_poll_time else {
      return CInt(truncatingIfNeeded: call.arguments.2) == 0
    }
    guard call.arguments.2 != 0,
      let time = call.memory.read(call.arguments.2, as: timespec.self, zero: timespec())
    else { return false }
    return time.tv_sec == 0 && time.tv_nsec == 0
  }
}
