/// Which process a thread belongs to, and what both are called.
extension ReplayPlanner {
  mutating func state(of record: CaptureRecord) -> Int {
    let index: Int
    if lastThread.id == record.thread {
      index = lastThread.index
    } else {
      index = self.index(of: record.thread)
      lastThread = (record.thread, index)
    }
    if case .known(let process) = record.process, threads[index].process != process {
      move(index, to: process, line: record.line)
    }
    if !threads[index].isNamed, !record.task.isUnknown {
      threads[index].isNamed = true
      let process = threads[index].process
      if process > 0, names[process] == nil || process == record.thread {
        names[process] = record.task
      }
    }
    return index
  }

  private mutating func index(of thread: Int32) -> Int {
    if let index = threadIndex[thread] { return index }
    if threads.count >= Self.mostThreads && idleThreads.isEmpty { findIdleThreads() }
    let state = ThreadState(id: thread, process: survey.processOfThread[thread] ?? 0)
    let index = idleThreads.popLast() ?? threads.count
    if index == threads.count { threads.append(state) } else { threads[index] = state }
    threadIndex[thread] = index
    return index
  }

  /// Forgets the threads that nothing depends on, so that a capture that names millions of threads
  /// does not fill the memory.
  private mutating func findIdleThreads() {
    for (index, thread) in threads.enumerated()
    where thread.pending == nil && thread.calls.isEmpty && thread.held.isEmpty {
      threadIndex[thread.id] = nil
      idleThreads.append(index)
    }
    lastThread = (.min, 0)
  }

  mutating func learn(_ thread: Int32, _ process: Int32, line: Int) {
    guard thread > 0, process > 0 else { return }
    let index = self.index(of: thread)
    if threads[index].process != process { move(index, to: process, line: line) }
  }

  private mutating func move(_ index: Int, to process: Int32, line: Int) {
    if threads[index].process != 0 {
      // A line may tell of a thread twice: who did it, and whose buffer it was.
      if line != lastMove { movedThreads.add(line: line) }
      lastMove = line
      threads[index].isNamed = false
    }
    threads[index].process = process
  }

  /// Where nothing tells the process, the thread's number stands for it.
  mutating func senderProcess(_ thread: Int) -> Int32 {
    if threads[thread].process > 0 { return threads[thread].process }
    unknownSenders += 1
    return threads[thread].id
  }
}
