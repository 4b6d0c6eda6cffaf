public import PageAlloc

/// What a command asks of its caller.
public enum WriteStep: ~Copyable {
  /// Done: commit it and go on with the next.
  case done
  /// The write ends here, well: an error of the thread waits to be read. The command is not done.
  case stop
  /// The ioctl ends with this error. The command is not done.
  case failed(Errno)
  /// Fill it outside the lock, then give it to `Driver.finish(_:)`: then the command is done.
  case transaction(PendingTransaction)
}

extension Driver {
  /// Does one command of a thread.
  ///
  /// - Complexity: O(1), but for frees: O(objects of the buffer), and confirmations of deaths:
  ///   O(those that were read and not confirmed).
  public mutating func perform(_ command: Command, by id: DriverThreadID) -> WriteStep {
    guard let thread = find(id) else { return .failed(.badFileDescriptor) }
    // A thread that writes has given up waiting, whoever forgot to say so.
    if threads[thread].waitsFor != .nothing { cancelWait(id) }
    guard threads[thread].returnError == BR.ok else { return .stop }
    if case .transaction(let transaction) = command { return begin(transaction, by: thread) }
    do throws(Errno) {
      try change(command, thread)
      return .done
    } catch {
      return .failed(error)
    }
  }

  /// Whether an error of the thread waits to be read: then nothing more is written, and nobody looks
  /// at what a write still holds (recording `write-order`). Ask when the next command cannot be
  /// decoded.
  public func stopsWrites(_ id: DriverThreadID) -> Bool {
    find(id).map { threads[$0].returnError != BR.ok } ?? false
  }

  private mutating func change(_ command: Command, _ thread: ThreadIndex) throws(Errno) {
    let process = threads[thread].process
    switch command {
    case .transaction: preconditionFailure("`perform` took it")
    case .freeBuffer(let address): freeBuffer(of: process, address: address)
    case .reference(let handle, let strong, let increment):
      try changeReference(process, handle: handle, strong: strong, increment: increment)
    case .done(let pointer, let cookie, let strong):
      confirm(pointer: pointer, cookie: cookie, strong: strong, by: process)
    case .registerLooper: registerLooper(thread)
    case .enterLooper:
      if threads[thread].looper.contains(.registered) { threads[thread].looper.insert(.invalid) }
      threads[thread].looper.insert(.entered)
    case .exitLooper: threads[thread].looper.insert(.exited)
    case .death(let handle, let cookie, let clear):
      if clear {
        clearDeath(process, handle: handle, cookie: cookie, by: thread)
      } else {
        requestDeath(process, handle: handle, cookie: cookie)
      }
    case .deathDone(let cookie): confirmDeath(process, cookie: cookie, by: thread)
    case .freeze(let handle, let cookie, let clear):
      if clear {
        try clearFreeze(process, handle: handle, cookie: cookie)
      } else {
        try requestFreeze(process, handle: handle, cookie: cookie)
      }
    case .freezeDone(let cookie): try confirmFreeze(process, cookie: cookie)
    }
  }

  /// A thread that was asked for has come (recordings `spawn-max1`, `looper-misuse`).
  private mutating func registerLooper(_ thread: ThreadIndex) {
    let process = threads[thread].process
    if threads[thread].looper.contains(.entered) || processes[process].requestedThreads == 0 {
      threads[thread].looper.insert(.invalid)
    } else {
      processes[process].requestedThreads -= 1
      processes[process].startedThreads += 1
    }
    threads[thread].looper.insert(.registered)
  }
}
