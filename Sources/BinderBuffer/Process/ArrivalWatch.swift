internal import CLinuxShims
internal import PageAlloc

/// Who is told of arrivals without a thread that sleeps: a descriptor for event loops, and tasks.
///
/// It counts as one more that waits for arrivals, so a process that nobody watches pays nothing.
///
/// INVARIANT: belongs to one process's state and is used under that process's lock.
final class ArrivalWatch {
  private let mark = ForkMark()
  /// An eventfd; negative where nobody asked for one.
  private var event: Int32 = -1
  // Of a raised event no further arrival needs to be told.
  private var isRaised = false
  /// Longest waiting first.
  private var tasks: [ArrivalTask] = []

  var isIdle: Bool { event < 0 && tasks.isEmpty }
  var taskCount: Int { tasks.count }

  deinit {
    if event >= 0 { bb_event_close(event) }
  }

  /// A descriptor of the caller's own that shares the event.
  func descriptor(pid: Int32) throws(BinderError) -> Int32 {
    if event < 0 {
      let made = bb_event_make()
      guard made >= 0 else {
        throw .noMemory(pid: pid, .system(.event, Errno(rawValue: -made)))
      }
      event = made
    }
    let copy = bb_event_copy(event)
    guard copy >= 0 else { throw .noMemory(pid: pid, .system(.event, Errno(rawValue: -copy))) }
    return copy
  }

  func add(_ task: ArrivalTask) { tasks.append(task) }

  func remove(_ task: ArrivalTask) { tasks.removeAll { $0 === task } }

  /// Something can be received.
  ///
  /// - Parameter all: whether all tasks go on; else the one that has waited longest.
  func tell(all: Bool) {
    if event >= 0, !isRaised, !mark.isInherited {
      bb_event_raise(event)
      isRaised = true
    }
    // Resuming only hands a task to its executor; it does not run here. One that was cancelled is
    // passed over.
    if all {
      for task in tasks { task.end() }
      tasks = []
    } else {
      while !tasks.isEmpty, !tasks.removeFirst().end() {}
    }
  }

  /// Nothing can be received any more.
  func clear() {
    guard isRaised, !mark.isInherited else { return }
    bb_event_clear(event)
    isRaised = false
  }
}

/// A task that waits for an arrival, until it is told of one or cancelled, whichever comes first.
///
/// The runtime cancels a task under a lock of the task, which resuming takes too, maybe under the
/// process's lock. So cancelling takes no lock but the one here, under which nothing is called.
final class ArrivalTask: Sendable {
  private enum State {
    case new
    case waiting(CheckedContinuation<Void, Never>)
    case ended
  }

  private let state = Protected(State.new)

  /// Hands over what the end resumes.
  ///
  /// - Returns: false when the wait has ended already.
  func suspend(_ continuation: CheckedContinuation<Void, Never>) -> Bool {
    state.withLock { state in
      guard case .new = state else { return false }
      state = .waiting(continuation)
      return true
    }
  }

  /// Ends the wait.
  ///
  /// - Returns: false when it had ended before.
  @discardableResult
  func end() -> Bool {
    let before = state.withLock { state in
      defer { state = .ended }
      return state
    }
    switch before {
    case .new: return true
    case .waiting(let continuation):
      continuation.resume()
      return true
    case .ended: return false
    }
  }
}

extension ProcessState {
  /// The watch that everybody shares.
  mutating func startWatch() -> ArrivalWatch {
    if let watch { return watch }
    let made = ArrivalWatch()
    watch = made
    waiters[.arrival] += 1
    return made
  }

  mutating func endWatchIfIdle() {
    guard let watch, watch.isIdle else { return }
    self.watch = nil
    waiters[.arrival] -= 1
  }
}

// MARK: waiting without a thread

extension ProcessCore {
  func arrivalDescriptor() throws(BinderError) -> Int32 {
    if isInherited { throw .noMemory(pid: pid, .inherited) }
    return try locked { (state) throws(BinderError) in
      try state.inbox.checkReceives()
      defer { state.endWatchIfIdle() }
      let watch = state.startWatch()
      let descriptor = try watch.descriptor(pid: pid)
      if state.inbox.counters.queued > 0 { watch.tell(all: false) }
      return descriptor
    }
  }

  /// The next transaction; nil when the process has exited or the task is cancelled.
  func nextDelivery() async throws(BinderError) -> Delivery? {
    while !Task.isCancelled {
      do throws(BinderError) {
        if let delivery = try receive() { return delivery }
      } catch {
        if case .dead(_, .receiverExited) = error { return nil }
        throw error
      }
      await arrival()
    }
    // An arrival that woke this task is another's now.
    locked { state in
      if state.inbox.counters.queued > 0 { announceArrival(state) }
    }
    return nil
  }

  /// Waits until something can be received, the process has exited, or the task is cancelled.
  private func arrival() async {
    let task = ArrivalTask()
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        guard task.suspend(continuation) else { return continuation.resume() }
        locked { state in
          if state.inbox.isDead || state.inbox.counters.queued > 0 {
            task.end()
          } else {
            state.startWatch().add(task)
          }
        }
      }
    } onCancel: {
      task.end()
    }
    locked { state in
      state.watch?.remove(task)
      state.endWatchIfIdle()
    }
  }
}
