internal import CLinuxShims
internal import Glibc

/// Another process, whose memory user slices may lie in.
///
/// Holds a descriptor of the process (pidfd), not only its number: when the process has gone and
/// another one has its number, copies throw `processGone`, as they do when it ends while they are
/// made.
///
///     let sender = try UserProcess(pid: request.pid)
///     var reader = UserSlice(address: request.address, length: 24, in: sender).reader()
///
/// Memory may block whoever reads it (userfaultfd, a file whose server is stuck). A copy then waits,
/// and holds its thread and its target, until the memory answers or the process ends; a time limit
/// bounds that.
///
/// Safe to use from several threads. The descriptor is closed with the last reference.
public final class UserProcess: Sendable {
  /// The number of the process, as this process sees it.
  public let pid: Int32
  /// How long a copy may take, in nanoseconds; nil: as long as it takes.
  let copyTimeLimit: UInt64?
  private let descriptor: FileDescriptor

  /// Finds a running process by its number.
  ///
  /// - Parameter copyTimeLimit: When a copy of its memory ends with `processBlocked` at the latest; nil
  ///   for never. Choose one for a process that is not to be trusted with a thread. It makes each copy
  ///   cost a short-lived child process (some 50 µs), which needs the right to read that memory too:
  ///   where the system lets only ancestors do so (Yama), it throws `processDenied`.
  /// - Throws: `PageAllocError.processGone` without such a process; `.invalidArgument(.ownProcess)`
  ///   for this process, whose memory needs no handle; `.system` if descriptors are used up.
  public convenience init(pid: Int32, copyTimeLimit: Duration? = nil) throws(PageAllocError) {
    guard pid > 0 else { throw .processGone(pid: pid) }
    let result = bb_process_open(pid)
    guard result >= 0 else {
      // A number that is a thread's is no process's.
      if result == -ESRCH || result == -EINVAL { throw .processGone(pid: pid) }
      throw .system(.processOpen, Errno(rawValue: -result))
    }
    try self.init(pid, FileDescriptor(raw: bb_above_standard(result)), copyTimeLimit)
  }

  /// Takes over a descriptor of a process (pidfd), such as `SO_PEERPIDFD` gives; closed with this.
  ///
  /// - Parameter copyTimeLimit: As in `init(pid:copyTimeLimit:)`.
  /// - Throws: `PageAllocError.processGone` if that process has been reaped, `.system` if it is no
  ///   such descriptor, `.invalidArgument(.ownProcess)` for this process. It is closed then.
  public convenience init(
    adopting descriptor: Int32, copyTimeLimit: Duration? = nil
  ) throws(PageAllocError) {
    let owned = FileDescriptor(raw: bb_above_standard(descriptor))
    let pid = bb_process_id(owned.raw)
    guard pid > 0 else {
      if pid == -ESRCH { throw .processGone(pid: -1) }
      throw .system(.processOpen, Errno(rawValue: -pid))
    }
    try self.init(pid, owned, copyTimeLimit)
  }

  private init(
    _ pid: Int32, _ descriptor: consuming FileDescriptor, _ copyTimeLimit: Duration?
  ) throws(PageAllocError) {
    self.pid = pid
    // At most some 146 years: the sum with the clock does not overflow.
    self.copyTimeLimit = copyTimeLimit.map {
      UInt64(min(max($0 / .nanoseconds(1), 0), 0x1p62))
    }
    self.descriptor = descriptor
    if pid == getpid() { throw .invalidArgument(.ownProcess, value: Int(pid)) }
  }

  /// Whether the process still has its memory. One system call, two or three for some users.
  func isAlive(reading address: UInt) -> Bool { bb_process_lives(descriptor.raw, pid, address) }
}
