internal import CLinuxShims
internal import Glibc

/// Copies that the kernel makes, because the addresses are not to be trusted.
@usableFromInline
enum UserCopy {
  /// How far a copy came, and why not further.
  @usableFromInline
  struct Outcome {
    @usableFromInline var byteCount = 0
    @usableFromInline var error: PageAllocError?
  }

  /// Copies `length` bytes at `address` of `memory` to `target`.
  ///
  /// The kernel stops short at a bad address, and at 2 GiB. A slice that wraps around the address
  /// space starts in the kernel's half of it, which is bad from the first byte on.
  @usableFromInline
  static func read(
    _ memory: UserMemory, _ address: UInt, into target: UnsafeMutableRawPointer, _ length: Int
  ) -> Outcome {
    var outcome = Outcome()
    let process: UserProcess? = if case .process(let process) = memory { process } else { nil }
    let pid = process?.pid ?? getpid()
    let deadline = process?.copyTimeLimit.map { MonotonicClock.nanoseconds() &+ $0 }
    while outcome.byteCount < length {
      let done = outcome.byteCount
      let result: Int
      if let deadline {
        // SAFETY: the caller's buffer has `length` bytes; the kernel checks the other side.
        result = unsafe bb_process_read_until(
          pid, target + done, address &+ UInt(done), length - done, deadline)
      } else {
        // SAFETY: as above.
        result = unsafe bb_process_read(pid, target + done, address &+ UInt(done), length - done)
      }
      if result > 0 {
        outcome.byteCount += result
      } else if result != -Int(EINTR) {
        outcome.error = error(process, CInt(-result), address &+ UInt(done), length - done)
        break
      }
    }
    // What was read by number may be of the next process with that number, and memory of a dying
    // process may read as zeros: the copy counts only if the process is still there.
    if let process, !process.isAlive(reading: address) {
      outcome.error = .processGone(pid: process.pid)
    }
    return outcome
  }

  private static func error(
    _ process: UserProcess?, _ code: CInt, _ address: UInt, _ length: Int
  ) -> PageAllocError {
    switch (code, process) {
    // 0 is a copy of nothing: no progress is possible there either.
    case (EFAULT, _), (0, _): .badAddress(address: address, length: length)
    case (ESRCH, let process?): .processGone(pid: process.pid)
    case (EPERM, let process?): .processDenied(pid: process.pid)
    case (ETIMEDOUT, let process?): .processBlocked(pid: process.pid)
    default: .system(.processRead, Errno(rawValue: code))
    }
  }
}
