extension Driver {
  /// What `poll` says for a thread: work of its own, or work of the process that it may take.
  ///
  /// Work that waits for other work does not count. A thread that has made no call yet is always
  /// ready (recordings `poll`, `first-call-returns`).
  public func isReady(_ id: DriverProcessID, tid: Int32) -> Bool {
    guard let process = try? find(id) else { return true }
    guard let thread = processes[process].threads[tid] else { return true }
    return hasWork(thread, takesProcessWork: takesProcessWork(thread))
  }

  /// Whether there is work for any thread: of the process, or a thread's own that is not deferred.
  public func hasWork(_ id: DriverProcessID) -> Bool {
    guard let process = try? find(id) else { return true }
    return !processes[process].todo.isEmpty || processes[process].readyThreads > 0
  }
}
