internal import CLinuxShims
public import PageAlloc

/// What `BINDER_FREEZE` asks for.
public struct FreezeRequest: Hashable, Sendable, BitwiseCopyable {
  /// Every open of this process in the context.
  public var pid: Int32
  /// Freeze, or thaw.
  public var freezes: Bool
  /// How long to wait for transactions to end; 0: not at all. In milliseconds.
  public var timeout: UInt32

  /// A request for every open of `pid`.
  public init(pid: Int32, freezes: Bool, timeout: UInt32) {
    self.pid = pid
    self.freezes = freezes
    self.timeout = timeout
  }

  /// Decodes `struct binder_freeze_info`; `argument` is at least as long.
  public init(_ argument: UnsafeRawBufferPointer) {
    // SAFETY: the caller's buffer holds the structure; loadUnaligned checks the bounds.
    unsafe pid = argument.loadUnaligned(fromByteOffset: bb_freeze_pid, as: Int32.self)
    unsafe freezes = argument.loadUnaligned(fromByteOffset: bb_freeze_enable, as: UInt32.self) != 0
    unsafe timeout = argument.loadUnaligned(fromByteOffset: bb_freeze_timeout, as: UInt32.self)
  }
}

/// How `beginFreeze` went.
public enum FreezeStep: Hashable, Sendable {
  /// It is frozen, or thawed.
  case done
  /// Wait until `Effects.freezeProgress`, at most the timeout, then call `endFreeze`.
  case wait
}

extension Driver {
  /// `BINDER_FREEZE`, until it has to wait.
  ///
  /// - Throws: `EINVAL` when no open has that pid; `EAGAIN` when it is busy and there is no timeout.
  public mutating func beginFreeze(_ request: FreezeRequest) throws(Errno) -> FreezeStep {
    let targets = opens(of: request.pid)
    guard !targets.isEmpty else { throw .invalidArgument }
    for target in targets {
      processes[target].gotCall = false
      processes[target].gotOneway = false
      processes[target].isFrozen = request.freezes
    }
    guard request.freezes else {
      for target in targets { notifyFreeze(of: target, isFrozen: false) }
      return .done
    }
    if request.timeout > 0, targets.contains(where: { processes[$0].outstanding > 0 }) {
      return .wait
    }
    try endFreeze(request)
    return .done
  }

  /// Whether what `beginFreeze` waits for has come.
  public func isFreezeReady(_ request: FreezeRequest) -> Bool {
    opens(of: request.pid).allSatisfy { processes[$0].outstanding == 0 }
  }

  /// `BINDER_FREEZE` after the wait.
  ///
  /// - Throws: `EAGAIN` when a call from or to the process is pending: then it is not frozen.
  public mutating func endFreeze(_ request: FreezeRequest) throws(Errno) {
    let targets = opens(of: request.pid)
    guard !targets.contains(where: { hasPendingTransactions($0) }) else {
      for target in targets { processes[target].isFrozen = false }
      throw .resourceTemporarilyUnavailable
    }
    for target in targets { notifyFreeze(of: target, isFrozen: true) }
  }

  /// - Returns: the fields of `struct binder_frozen_status_info`.
  /// - Throws: `EINVAL` when no open has that pid.
  func frozenInfo(pid: Int32) throws(Errno) -> (sync: UInt32, async: UInt32) {
    let targets = opens(of: pid)
    guard !targets.isEmpty else { throw .invalidArgument }
    var sync: UInt32 = 0
    var async: UInt32 = 0
    for target in targets {
      if processes[target].gotCall { sync |= 1 }
      if hasPendingTransactions(target) { sync |= 2 }
      if processes[target].gotOneway { async |= 1 }
    }
    return (sync, async)
  }

  private func opens(of pid: Int32) -> [ProcessIndex] {
    var found: [ProcessIndex] = []
    processes.forEachIndex {
      if processes[$0].pid == pid, !processes[$0].isDead { found.append($0) }
    }
    return found
  }

  private func hasPendingTransactions(_ process: ProcessIndex) -> Bool {
    processes[process].outstanding > 0
      || processes[process].threads.values.contains { !threads[$0].stack.isNone }
  }
}
