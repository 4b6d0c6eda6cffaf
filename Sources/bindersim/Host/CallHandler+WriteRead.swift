internal import BinderBuffer
internal import CLinuxShims
internal import Glibc
internal import PageAlloc
internal import Synchronization

/// `BINDER_WRITE_READ`: commands in, returns out.
extension HostTable {
  func writeRead(_ call: HostedCall, _ hosted: HostedThread, _ open: HostedOpen) {
    unsafe withUnsafeTemporaryAllocation(byteCount: 256, alignment: 8) { buffer in
      unsafe writeRead(call, hosted, open, fetching: buffer)
    }
  }

  private func writeRead(
    _ call: HostedCall, _ hosted: HostedThread, _ open: HostedOpen,
    fetching buffer: UnsafeMutableRawBufferPointer
  ) {
    var work = DeviceWork()
    let argument = call.arguments.2
    var values = binder_write_read()
    let thread: DriverThreadID
    do throws(Errno) {
      thread = try open.device.begin(open.process, tid: hosted.tid, &work)
    } catch {
      call.fail(error.rawValue)
      return finish(work)
    }
    // Only now: a call of the same thread that a signal ended may just have told what it did.
    guard let fetched = unsafe fetch(argument, &values, hosted, into: buffer) else {
      call.fail(EFAULT)
      open.device.end(thread, &work)
      return finish(work)
    }
    if hosted.answered?.isRepeated(by: values, at: argument) == true {
      // It has what it asked for; all that it lacks is the word that it was answered.
      _ = hosted.takeKept(thread)
      call.answer()
      open.device.end(thread, &work)
      return finish(work)
    }
    hosted.answered = nil
    if values.write_size > 0 {
      hosted.expectedWrite = (values.write_buffer, Int(min(values.write_size, 256)))
      let failure = unsafe write(
        &values, argument, hosted, open, thread, fetched: fetched, &work)
      if let failure {
        values.read_consumed = 0
        _ = hosted.memory.write(values, to: argument)
        if call.fail(failure.rawValue) { hosted.doneWrite = nil }
        open.device.end(thread, &work)
        return finish(work)
      }
      if closeDescriptors(&work, hosted, open, values, argument) {
        // The thread comes again, to read.
        open.device.end(thread, &work)
        return finish(work)
      }
    }
    guard values.read_size > 0 else {
      _ = hosted.memory.write(values, to: argument)
      if call.answer() { hosted.doneWrite = nil }
      open.device.end(thread, &work)
      return finish(work)
    }
    let read = WaitingRead(
      call, by: hosted, on: open, thread, argument: argument, values: values)
    answer(read, isFirst: true, &work)
    finish(work)
  }

  /// Fetches the arguments, and the commands from where they were the last time.
  private func fetch(
    _ argument: UInt64, _ values: inout binder_write_read, _ hosted: HostedThread,
    into buffer: UnsafeMutableRawBufferPointer
  ) -> UnsafeRawBufferPointer? {
    let (address, size) = hosted.expectedWrite
    let wanted = MemoryLayout<binder_write_read>.size
    let got = unsafe withUnsafeMutableBytes(of: &values) { target in
      unsafe withUnsafeTemporaryAllocation(of: bb_part.self, capacity: 2) { parts in
        unsafe parts.initializeElement(
          at: 0,
          to: bb_part(local: target.baseAddress, remote: UInt(argument), length: wanted))
        unsafe parts.initializeElement(
          at: 1, to: bb_part(local: buffer.baseAddress, remote: UInt(address), length: size))
        return unsafe hosted.memory.read(
          UnsafeBufferPointer(rebasing: parts[..<(size > 0 ? 2 : 1)]))
      }
    }
    guard got >= wanted else { return nil }
    let isThere = values.write_buffer == address
    return unsafe UnsafeRawBufferPointer(rebasing: buffer[..<(isThere ? got - wanted : 0)])
  }

  /// Does the commands; returns the error that ends the call.
  private func write(
    _ values: inout binder_write_read, _ argument: UInt64, _ hosted: HostedThread,
    _ open: HostedOpen, _ thread: DriverThreadID, fetched: UnsafeRawBufferPointer,
    _ work: inout DeviceWork
  ) -> Errno? {
    var done = DoneWrite(
      argument: argument, buffer: values.write_buffer, size: values.write_size,
      from: values.write_consumed, to: values.write_consumed)
    if let before = hosted.doneWrite {
      // A signal ended the call before it could tell that these were done.
      if before.argument == done.argument, before.buffer == done.buffer,
        before.size == done.size, before.from == done.from
      {
        values.write_consumed = before.to
        done = before
      }
      hosted.doneWrite = nil
    }
    var memory = unsafe SenderAccess(
      hosted, owner: open.owner, fetched: fetched, at: values.write_buffer)
    var commands = CommandReader(
      address: values.write_buffer, size: values.write_size, consumed: values.write_consumed,
      kernel: open.device.kernel)
    defer {
      values.write_consumed = commands.consumed
      done.to = commands.consumed
      if done.to > done.from { hosted.doneWrite = done }
    }
    do throws(Errno) {
      while true {
        memory.readsCommands = true
        guard let command = try commands.next(from: &memory) else { return nil }
        let step = open.device.step(&work) { $0.perform(command, by: thread) }
        switch consume step {
        case .done: break
        case .stop: return nil
        case .failed(let error): return error
        case .transaction(var pending):
          memory.readsCommands = false
          pending.fill(from: &memory)
          open.counts.messages.add(1, ordering: .relaxed)
          open.counts.bytes.add(pending.bytesCopied, ordering: .relaxed)
          open.counts.copies.add(pending.copies, ordering: .relaxed)
          open.device.finish(pending, &work)
        }
        commands.commit()
      }
    } catch {
      return open.device.step(&work) { $0.stopsWrites(thread) } ? nil : error
    }
  }

  /// Answers a read, or lets it wait.
  ///
  /// - Parameter isFirst: not yet tried in this call.
  func answer(_ read: WaitingRead, isFirst: Bool, _ work: inout DeviceWork) {
    if isFirst, !prove(read, &work) { return }
    var read = read
    var isTold = !isFirst
    while case .waits = read.attempt(&work) {
      // Before it waits, the program must be able to see what was written: a signal ends the call.
      if !isTold, read.hosted.doneWrite != nil {
        let address = read.argument &+ 8
        _ = read.hosted.memory.write(read.values.write_consumed, to: address)
        if read.isStillThere { read.hosted.doneWrite = nil }
      }
      isTold = true
      guard let again = read.open.device.wait(read) else { return }
      read = again
    }
  }

  /// Whether the read buffer can be written: found out before anything is taken out of the driver.
  private func prove(_ read: WaitingRead, _ work: inout DeviceWork) -> Bool {
    let buffer = read.values.read_buffer
    guard read.values.read_consumed == 0, read.hosted.provenReadBuffer != buffer,
      read.values.read_size >= 4
    else { return true }
    guard read.hosted.memory.write(bb_br_noop.rawValue, to: buffer) else {
      read.fail(EFAULT, &work)
      return false
    }
    return true
  }

  /// Closes descriptors that went with freed buffers in the thread that freed them. Returns true
  /// when its call is over, to be made again by the kernel.
  private func closeDescriptors(
    _ work: inout DeviceWork, _ hosted: HostedThread, _ open: HostedOpen,
    _ values: binder_write_read, _ argument: UInt64
  ) -> Bool {
    var numbers: [CInt] = []
    work.closedDescriptors.removeAll { closed in
      guard closed.process == open.process else { return false }
      numbers.append(closed.number)
      return true
    }
    guard !numbers.isEmpty else { return false }
    _ = hosted.memory.write(values.write_consumed, to: argument &+ 8)
    let result = unsafe bb_remote_close(hosted.tid, numbers, CInt(numbers.count))
    if result == 0 { hosted.doneWrite = nil }
    return result == 0
  }
}
