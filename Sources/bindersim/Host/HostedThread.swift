internal import BinderBuffer
internal import CLinuxShims
internal import Glibc

/// A thread of a program that has called a device.
///
/// Used by one worker at a time: a thread makes one call at a time.
final class HostedThread: @unchecked Sendable {
  let tid: pid_t
  let process: HostedProcess
  /// Its `/proc/TID/fd`.
  private let descriptors: OwnedDescriptor

  // What its latest descriptor led to, and when the thread was looked up.
  private var latestNumber: CInt = -1
  private var latestOpen: HostedOpen?
  private var latestTime: UInt64 = 0
  private var latestGeneration = -1

  /// Where its commands were in the latest call, to be fetched together with its arguments.
  var expectedWrite: (address: UInt64, size: Int) = (0, 0)
  /// A read buffer that was written to before.
  var provenReadBuffer: UInt64 = 0
  /// Commands that were done in a call that a signal may have ended before it could tell so.
  var doneWrite: DoneWrite?
  /// The latest answer to a read.
  var answered: AnsweredRead?
  private let unread = Locked<[DriverThreadID: [UInt8]]>([:])

  /// How long a descriptor is believed to lead where it did. Numbers that are given away and taken
  /// anew by calls that are notified are noticed at once; others (close and SCM_RIGHTS) then.
  private static let belief: UInt64 = 100_000_000

  init(_ tid: pid_t, of process: HostedProcess, descriptors: OwnedDescriptor) {
    self.tid = tid
    self.process = process
    self.descriptors = descriptors
    latestTime = MonotonicClock.now()
  }

  var memory: ProcessMemory { ProcessMemory(thread: tid) }

  /// The open that a number leads to; nil when it is no device, or the thread is gone.
  func open(
    _ number: CInt, generation: Int, _ find: (OpenFileID) -> HostedOpen?
  ) -> HostedOpen? {
    if number == latestNumber, generation == latestGeneration { return latestOpen }
    latestOpen = OpenFileID(number, in: descriptors).flatMap(find)
    latestNumber = latestOpen == nil ? -1 : number
    latestGeneration = generation
    return latestOpen
  }

  /// Whether it is this thread that has the number: for a while after that was looked up.
  func isBelieved(now: UInt64) -> Bool {
    if now < latestTime + Self.belief { return true }
    latestTime = now
    latestNumber = -1
    return bb_thread_exists(process.pid, tid) != 0
  }

  // MARK: returns that a signal kept from it

  /// What the driver had for it when a signal ended its call.
  func keep(_ returns: [UInt8], for thread: DriverThreadID) {
    unread.withLock { $0[thread] = returns }
  }

  func takeKept(_ thread: DriverThreadID) -> [UInt8]? {
    unread.withLock { $0.isEmpty ? nil : $0.removeValue(forKey: thread) }
  }
}

/// An answer to a read as the program finds it in its memory.
///
/// Whether the program took an answer is not known: the kernel may accept it and end the call with a
/// signal all the same. The call is then made again, with what it finds: `read_consumed` says what was
/// read. Nobody else calls with that, since a new read begins at 0.
struct AnsweredRead {
  let argument: UInt64
  let buffer: UInt64
  let size: UInt64
  /// `read_consumed` afterwards.
  let consumed: UInt64

  /// Whether a call is the one that was answered, made again.
  func isRepeated(by values: binder_write_read, at argument: UInt64) -> Bool {
    self.argument == argument && consumed != 0 && consumed == values.read_consumed
      && buffer == values.read_buffer && size == values.read_size
      && values.write_consumed >= values.write_size
  }
}

/// Commands of a `BINDER_WRITE_READ` that have been done.
struct DoneWrite: Equatable {
  var argument: UInt64
  var buffer: UInt64
  var size: UInt64
  var from: UInt64
  var to: UInt64
}
