internal import CLinuxShims
internal import Glibc

/// A call of a program that waits for its answer.
struct HostedCall: Sendable {
  let listener: OwnedDescriptor
  let id: UInt64
  let thread: pid_t
  let kind: bb_call_kind
  let arguments: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64)

  init(_ call: bb_call, listener: OwnedDescriptor) {
    self.listener = listener
    id = call.id
    thread = call.thread
    kind = bb_call_kind(UInt32(call.kind))
    arguments = call.arguments
  }

  var memory: ProcessMemory { ProcessMemory(thread: thread) }

  /// The first argument, where it is a descriptor.
  var descriptor: CInt { CInt(truncatingIfNeeded: arguments.0) }

  /// Whether the caller took the answer; not when a signal ended its call before.
  @discardableResult
  func answer(_ value: Int64 = 0) -> Bool {
    bb_call_answer(listener.raw, id, value, 0) == 0
  }

  @discardableResult
  func fail(_ error: CInt) -> Bool { bb_call_answer(listener.raw, id, 0, error) == 0 }

  /// Lets the kernel do it.
  func pass() { _ = bb_call_continue(listener.raw, id) }

  /// Whether the caller still waits for the answer.
  var isStillThere: Bool { bb_call_valid(listener.raw, id) == 0 }

  /// Puts a copy of a descriptor into the caller; returns its number there, or a negated errno.
  func give(
    _ descriptor: CInt, at number: CInt = -1, closeOnExec: Bool = true, asAnswer: Bool = false
  ) -> CInt {
    bb_call_add_descriptor(
      listener.raw, id, descriptor, number, closeOnExec ? 1 : 0, asAnswer ? 1 : 0)
  }
}
