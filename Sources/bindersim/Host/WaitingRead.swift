internal import BinderBuffer
internal import CLinuxShims
internal import Glibc

/// A `BINDER_WRITE_READ` whose commands are done and whose read waits, or is about to be done.
final class WaitingRead: Sendable {
  let call: Call
  let hosted: HostedThread
  let open: HostedOpen
  let thread: DriverThreadID
  /// Where the arguments lie in the program.
  let argument: UInt64
  let values: binder_write_read

  init(
    _ call: Call, by hosted: HostedThread, on open: HostedOpen, _ thread: DriverThreadID,
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

  /// What a read takes at most from the driver at once; a longer buffer is not filled further.
  static let longestRead = 8192

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
    let size = min(values.read_size, UInt64(buffer.count))
    let from = min(values.read_consumed, size)
    if let kept = hosted.takeKept(thread) {
      // As much as fits, whole: it was made for a buffer of this program.
      if kept.count <= size {
        unsafe buffer.copyBytes(from: kept)
        unsafe finish(buffer, from: 0, to: kept.count, kept: true, &work)
        return .answered
      }
      hosted.keep(kept, for: thread)
    }
    let isNonblocking = open.isNonblocking
    let step = unsafe open.device.step(&work) { driver in
      unsafe driver.read(
        thread, into: buffer, size: values.read_size, consumed: values.read_consumed,
        nonblocking: isNonblocking)
    }
    switch consume step {
    case .wait: return .waits
    case .failed(let error):
      fail(error.rawValue, &work)
    case .ready(var result):
      deliverFiles(&result, &work)
      translateSender(result, in: buffer)
      let count = result.byteCount
      if !result.files.isEmpty { open.device.step(&work) { $0.finish(result) } }
      unsafe finish(buffer, from: Int(from), to: count, kept: false, &work)
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
    _ buffer: UnsafeMutableRawBufferPointer, from start: Int, to end: Int, kept: Bool,
    _ work: inout DeviceWork
  ) {
    var answer = values
    answer.read_consumed = UInt64(end)
    let arrived = unsafe withUnsafeMutableBytes(of: &answer) { arguments in
      unsafe withUnsafeTemporaryAllocation(of: bb_part.self, capacity: 2) { parts in
        unsafe parts.initializeElement(
          at: 0,
          to: bb_part(
            local: buffer.baseAddress! + start, remote: UInt(values.read_buffer) &+ UInt(start),
            length: end - start))
        unsafe parts.initializeElement(
          at: 1,
          to: bb_part(
            local: arguments.baseAddress, remote: UInt(argument), length: arguments.count))
        return unsafe hosted.memory.write(UnsafeBufferPointer(parts)) == end - start + 48
      }
    }
    // Before the answer: after it the thread may come again, to another worker.
    hosted.provenReadBuffer = arrived ? values.read_buffer : 0
    let written = hosted.doneWrite
    hosted.doneWrite = nil
    let taken = arrived ? call.answer() : call.fail(EFAULT)
    if !taken {
      hosted.doneWrite = written
      hosted.keep(
        unsafe Array(UnsafeRawBufferPointer(rebasing: buffer[start..<end])), for: thread)
    }
    open.device.end(thread, &work)
  }

  private func deliverFiles(_ result: inout ReadResult, _ work: inout DeviceWork) {
    guard !result.files.isEmpty else { return }
    for index in result.files.indices {
      let own = result.files[index].rawValue
      let number = call.give(own)
      close(own)
      if number >= 0 { result.install(number, at: index) }
    }
  }

  private func translateSender(_ result: borrowing ReadResult, in buffer: UnsafeMutableRawBufferPointer)
  {
  }
}
