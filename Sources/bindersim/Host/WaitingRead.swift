internal import BinderBuffer
internal import CLinuxShims
internal import Glibc

/// A `BINDER_WRITE_READ` whose commands are done and whose read waits, or is about to be done.
final class WaitingRead: Sendable {
  let call: HostedCall
  let hosted: HostedThread
  let open: HostedOpen
  let thread: DriverThreadID
  /// Where the arguments lie in the program.
  let argument: UInt64
  let values: binder_write_read

  init(
    _ call: HostedCall, by hosted: HostedThread, on open: HostedOpen, _ thread: DriverThreadID,
    argument: UInt64, values: binder_write_read
  ) {
    self.call = call
    self.hosted = hosted
    self.open = open
    self.thread = thread
    self.argument = argument
    self.values = values
  }

  var isStillThere: Bool { call.isStillThere }

  /// More than the driver gives out in one read.
  private static let longestRead = 256

  /// What came of trying to answer.
  enum Outcome {
    case answered
    /// There was no work: it is to wait.
    case waits
  }

  /// Reads what there is and answers, or says that it has to wait.
  ///
  /// Whatever the driver gave out and the program did not take, because a signal ended its call in
  /// the meantime, is kept for the thread's next read.
  func attempt(_ work: inout DeviceWork) -> Outcome {
    unsafe withUnsafeTemporaryAllocation(byteCount: Self.longestRead, alignment: 8) { buffer in
      unsafe attempt(into: buffer, &work)
    }
  }

  private func attempt(
    into buffer: UnsafeMutableRawBufferPointer, _ work: inout DeviceWork
  ) -> Outcome {
    if let kept = hosted.takeKept(thread) {
      // Whole or not at all: it was made for a buffer of this program.
      let room = values.read_size &- min(values.read_size, values.read_consumed)
      if UInt64(kept.count) <= room {
        unsafe buffer.copyBytes(from: kept)
        unsafe finish(buffer, kept.count, &work)
        return .answered
      }
      hosted.keep(kept, for: thread)
    }
    let isNonblocking = open.isNonblocking
    let step = open.device.step(&work) { driver in
      unsafe driver.read(
        thread, into: buffer, size: values.read_size, consumed: values.read_consumed,
        nonblocking: isNonblocking)
    }
    switch step {
    case .wait: return .waits
    case .wouldBlock: fail(EAGAIN, &work)
    case .gone: fail(EBADF, &work)
    case .ready(var result):
      if !result.files.isEmpty { unsafe deliverFiles(&result, in: buffer, &work) }
      unsafe translateSender(result, in: buffer)
      unsafe finish(buffer, result.byteCount, &work)
    }
    return .answered
  }

  /// Ends the call with an error; what was written stays written.
  func fail(_ error: CInt, _ work: inout DeviceWork) {
    _ = hosted.memory.write(values, to: argument)
    if call.fail(error) { hosted.doneWrite = nil }
    open.device.end(thread, &work)
  }

  /// Gives the bytes to the program and lets it go on.
  private func finish(
    _ buffer: UnsafeMutableRawBufferPointer, _ count: Int, _ work: inout DeviceWork
  ) {
    var answer = values
    answer.read_consumed &+= UInt64(count)
    let arrived = unsafe withUnsafeMutableBytes(of: &answer) { arguments in
      unsafe withUnsafeTemporaryAllocation(of: bb_part.self, capacity: 2) { parts in
        unsafe parts.initializeElement(
          at: 0,
          to: bb_part(
            local: buffer.baseAddress!,
            remote: UInt(values.read_buffer) &+ UInt(values.read_consumed), length: count))
        unsafe parts.initializeElement(
          at: 1,
          to: bb_part(
            local: arguments.baseAddress, remote: UInt(argument), length: arguments.count))
        return unsafe hosted.memory.write(UnsafeBufferPointer(parts)) == count + arguments.count
      }
    }
    // Before the answer: after it the thread may come again, to another worker.
    hosted.provenReadBuffer = arrived ? values.read_buffer : 0
    hosted.answered =
      arrived
      ? AnsweredRead(
        argument: argument, buffer: values.read_buffer, size: values.read_size,
        consumed: answer.read_consumed) : nil
    let written = hosted.doneWrite
    hosted.doneWrite = nil
    let taken = arrived ? call.answer() : call.fail(EFAULT)
    if !taken {
      hosted.doneWrite = written
      hosted.keep(
        unsafe Array(UnsafeRawBufferPointer(rebasing: buffer[..<count])), for: thread)
    }
    open.device.end(thread, &work)
  }

  private func deliverFiles(
    _ result: inout ReadResult, in buffer: UnsafeMutableRawBufferPointer, _ work: inout DeviceWork
  ) {
    for index in result.files.indices {
      let own = result.files[index].rawValue
      let number = call.give(own)
      close(own)
      guard number >= 0 else {
        for rest in result.files[(index + 1)...] { close(rest.rawValue) }
        result.byteCount = open.device.step(&work) { driver in
          unsafe driver.installFailed(result, in: buffer)
        }
        return
      }
      result.install(number, at: index)
    }
    open.device.step(&work) { $0.finish(result) }
  }

  /// The sender's pid as this program sees it.
  private func translateSender(_ result: ReadResult, in buffer: UnsafeMutableRawBufferPointer) {
    guard let position = result.senderPIDPosition, let sender = result.sender,
      let process = open.device.open(of: sender)?.owner
    else { return }
    let pid = process.pid(seenBy: open.owner)
    guard pid != process.pid else { return }
    unsafe buffer.storeBytes(of: pid, toByteOffset: position, as: pid_t.self)
  }
}
