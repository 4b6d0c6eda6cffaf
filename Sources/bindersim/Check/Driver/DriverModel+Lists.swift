/// Lists of work, and who wakes for it.
extension DriverModel {
  func give(_ work: Work, to thread: Thread) {
    thread.todo.append(work)
    thread.isReady = true
    wake(thread)
  }

  func give(_ work: Work, to process: Process) {
    process.todo.append(work)
    wakeOne(of: process)
  }

  /// What a looper caused comes back to it, else to its process.
  func giveToLooper(_ work: Work, _ thread: Thread) {
    if thread.isLooper { give(work, to: thread) } else { give(work, to: thread.process) }
  }

  func wakeOne(of process: Process) {
    if let last = process.waiting.popLast() { wake(last) }
  }

  func wake(_ thread: Thread) {
    if thread.waits != .nothing { effects.woken.append(thread) }
  }

  /// Takes work off all lists on which it may be read.
  func removeWork(_ isWanted: (Work) -> Bool) {
    for process in processes {
      process.todo.removeAll(where: isWanted)
      for thread in process.threads.values { thread.todo.removeAll(where: isWanted) }
    }
  }

  func isQueued(_ isWanted: (Work) -> Bool) -> Bool {
    processes.contains { process in
      process.todo.contains(where: isWanted)
        || process.threads.values.contains { $0.todo.contains(where: isWanted) }
    }
  }

  func stopWaiting(_ thread: Thread) {
    thread.process.waiting.removeAll { $0 === thread }
    thread.waits = .nothing
  }
}
