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
  @usableFromInline
  static func read(
    _ memory: UserMemory, _ address: UInt, into target: UnsafeMutableRawPointer, _ length: Int
  ) -> Outcome {
    copy(memory, address, length, .processRead) { pid, done in
      // SAFETY: the caller's buffer has `length` bytes; the kernel checks the other side.
      unsafe bb_process_read(pid, target + done, address &+ UInt(done), length - done)
    }
  }

  /// Copies `length` bytes at `source` to `address` of `memory`.
  @usableFromInline
  static func write(
    _ memory: UserMemory, _ address: UInt, from source: UnsafeRawPointer, _ length: Int
  ) -> Outcome {
    copy(memory, address, length, .processWrite) { pid, done in
      // SAFETY: the caller's buffer has `length` bytes; the kernel checks the other side.
      unsafe bb_process_write(pid, source + done, address &+ UInt(done), length - done)
    }
  }

  /// Repeats `step` until all is copied or the first byte that is left cannot be: the kernel stops
  /// short at a bad address, and at 2 GiB. A slice that wraps around the address space starts in
  /// the kernel's half of it, which is bad from the first byte on.
  private static func copy(
    _ memory: UserMemory, _ address: UInt, _ length: Int, _ call: SystemCall,
    _ step: (_ pid: Int32, _ done: Int) -> Int
  ) -> Outcome {
    var outcome = Outcome()
    let pid = if case .process(let pid) = memory { pid } else { getpid() }
    while outcome.byteCount < length {
      let result = step(pid, outcome.byteCount)
      if result > 0 {
        outcome.byteCount += result
      } else if result != -Int(EINTR) {
        outcome.error = error(
          memory, CInt(-result), call, address &+ UInt(outcome.byteCount),
          length - outcome.byteCount)
        break
      }
    }
    return outcome
  }

  private static func error(
    _ memory: UserMemory, _ code: CInt, _ call: SystemCall, _ address: UInt, _ length: Int
  ) -> PageAllocError {
    switch (code, memory) {
    // 0 is a copy of nothing: no progress is possible there either.
    case (EFAULT, _), (0, _): .badAddress(address: address, length: length)
    case (ESRCH, .process(let pid)): .processGone(pid: pid)
    case (EPERM, .process(let pid)): .processDenied(pid: pid)
    default: .system(call, Errno(rawValue: code))
    }
  }
}
