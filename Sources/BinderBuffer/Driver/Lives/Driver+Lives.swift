public import PageAlloc

/// A region that a program has mapped.
public struct MappedRegion: Hashable, Sendable {
  /// Bytes that are used: of a longer mapping the first 4 MiB.
  public let length: Int
}

extension Driver {
  /// Opens the device.
  ///
  /// - Parameters:
  ///   - pid: the opener's, as receivers see it.
  ///   - securityContext: the opener's label, with the terminating zero; nil when it has none.
  public mutating func open(pid: Int32, securityContext: [UInt8]? = nil) -> DriverProcessID {
    id(processes.insert(Process(pid: pid, securityContext: securityContext)))
  }

  /// One more descriptor of this open: `dup`, or `fork`.
  public mutating func duplicate(_ id: DriverProcessID) throws(Errno) {
    processes[try find(id)].descriptors += 1
  }

  /// One descriptor fewer. The open ends when its mapping is gone too.
  ///
  /// Threads that wait return, as they do whenever a descriptor is closed.
  public mutating func close(_ id: DriverProcessID) throws(Errno) {
    let process = try find(id)
    guard processes[process].descriptors > 0 else { throw .badFileDescriptor }
    processes[process].descriptors -= 1
    for tid in processes[process].threads.keys.sorted() {
      guard let thread = processes[process].threads[tid] else { continue }
      threads[thread].returnsAtOnce = true
      wake(thread)
    }
    endIfUnused(process)
  }

  /// Maps the region.
  ///
  /// - Parameter caller: who maps: only the opener may.
  /// - Throws: `EINVAL` for another caller or a length that is no positive multiple of the page
  ///   size, `EPERM` for a writable mapping, `EBUSY` when there has been one, `ENOMEM`.
  public mutating func map(
    _ id: DriverProcessID, length: Int, writable: Bool = false, caller pid: Int32
  ) throws(Errno) -> MappedRegion {
    let process = try find(id)
    guard length > 0, length & (Page.size - 1) == 0, processes[process].pid == pid else {
      throw .invalidArgument
    }
    guard !writable else { throw .notPermitted }
    guard processes[process].regionLength == 0 else { throw .resourceBusy }
    do throws(BufferError) {
      let space = try BufferSpace<TransactionBuffer>(
        length: length, policy: options.policy, sharing: options.sharing, budget: options.budget,
        faults: options.faults)
      processes[process].regionLength = space.length
      processes[process].space.fill(space)
    } catch {
      throw error.errno
    }
    processes[process].isMapped = true
    return MappedRegion(length: processes[process].regionLength)
  }

  /// Where the region lies in the program: what the addresses of buffers are counted from.
  ///
  /// Known before anything with pointers is sent to it.
  public mutating func setRegionAddress(_ id: DriverProcessID, _ address: UInt64) throws(Errno) {
    processes[try find(id)].regionAddress = address
  }

  /// A descriptor through which another real process can map the region, read-only for good. The
  /// caller closes it.
  ///
  /// - Throws: `EINVAL` without a region, or one that is not shared; what the system says.
  public mutating func readOnlyDescriptor(_ id: DriverProcessID) throws(Errno) -> Int32 {
    let process = try find(id)
    guard processes[process].regionLength > 0 else { throw .invalidArgument }
    do throws(PageAllocError) {
      return try processes[process].readOnlyDescriptor()
    } catch {
      throw error.errno
    }
  }

  /// Lends the region as the receiver sees it; nil without one. For receivers in this process.
  public func withRegion<R>(
    _ id: DriverProcessID, _ body: (UnsafeRawBufferPointer) -> R
  ) throws(Errno) -> R? {
    let process = try find(id)
    // SAFETY: the view is as long as the region, and lives as long as its space.
    return unsafe processes[process].receiverView.map {
      unsafe body(UnsafeRawBufferPointer(start: $0, count: processes[process].regionLength))
    }
  }

  /// The mapping is gone. The open ends when its descriptors are gone too.
  public mutating func unmap(_ id: DriverProcessID) throws(Errno) {
    let process = try find(id)
    processes[process].isMapped = false
    endIfUnused(process)
  }

  /// All descriptors and the mapping are gone at once. Ignored when it has ended already.
  public mutating func kill(_ id: DriverProcessID) {
    guard let process = try? find(id) else { return }
    endProcess(process)
  }

  private mutating func endIfUnused(_ process: ProcessIndex) {
    if processes[process].descriptors == 0, !processes[process].isMapped { endProcess(process) }
  }

  /// A thread's first call makes it known. Every call is ended by `endCall`.
  ///
  /// - Throws: `EBADF` when the open has ended, `ENOMEM` beyond the limit of threads.
  public mutating func beginCall(_ id: DriverProcessID, tid: Int32) throws(Errno) -> DriverThreadID
  {
    self.id(try thread(try find(id), tid))
  }

  /// Ends a `BINDER_WRITE_READ`: the thread's next read may wait.
  public mutating func endCall(_ id: DriverThreadID) {
    guard let thread = find(id) else { return }
    threads[thread].returnsAtOnce = false
  }

  mutating func thread(_ process: ProcessIndex, _ tid: Int32) throws(Errno) -> ThreadIndex {
    if let known = processes[process].threads[tid] { return known }
    guard processes[process].threads.count < options.limits.threads else { throw .noMemory }
    let thread = threads.insert(Thread(tid: tid, process: process))
    processes[process].threads[tid] = thread
    return thread
  }
}
