internal import PageAlloc
internal import Synchronization

extension ProcessCore {
  /// Hands a filled buffer to this process, its receiver.
  ///
  /// - Parameter sender: whose death before this moment means that the receiver sees nothing.
  @inline(__always)
  func commit(
    _ allocation: consuming Allocation, code: UInt32, flags: TransactionFlags, node: UInt32,
    caller: Caller?, sender: ProcessCore
  ) throws(BinderError) {
    lock.lock()
    guard !sender.hasExited, let region = unsafe state.pointee.region, !hasExited else {
      let death: BinderError =
        sender.hasExited
        ? .dead(pid: sender.pid, .senderExited) : .dead(pid: pid, .receiverExited)
      unlock()
      // Dropping the allocation takes the lock again.
      _ = consume allocation
      throw death
    }
    unsafe state.pointee.counters.bytesCopied += allocation.bytesCopied
    let offset = allocation.offset
    let place = takePlace(flags, node)
    unsafe region.pointee.ranges.commitReserved(
      offset,
      BufferRecord(
        allocation, code: code, flags: flags, node: node, state: place, caller: caller))
    allocation.handOver()
    let unit = UInt32(truncatingIfNeeded: offset >> 3)
    if place == .queued {
      unsafe queue(unit, in: &region.pointee.ranges)
    } else {
      unsafe state.pointee.nodes[node].waiting.append(unit, in: &region.pointee.ranges)
    }
    let wakes = unsafe state.pointee.arrivalWaiters > 0
    let last = unpinRegion()
    unlock()
    if wakes { unsafe sync.pointee.arrivals.signal() }
    finish(last)
  }

  /// Whether a buffer goes to the todo queue or waits: a oneway one does while another of its node is
  /// queued or delivered. All others go past the waiting ones.
  @inline(__always)
  private func takePlace(_ flags: TransactionFlags, _ node: UInt32) -> BufferRecord.State {
    guard flags.contains(.oneway) else { return .queued }
    if unsafe state.pointee.nodes[node].isBusy { return .waiting }
    unsafe state.pointee.nodes[node].isBusy = true
    return .queued
  }

  /// Puts a committed buffer where the next receiver finds it. Call with the lock held.
  @inline(__always)
  func queue(_ unit: UInt32, in ranges: inout RangeAllocator<BufferRecord>) {
    unsafe state.pointee.todo.append(unit, in: &ranges)
    unsafe sync.pointee.mayHaveArrivals.store(true, ordering: .relaxed)
  }

  /// Takes the next transaction out of the todo queue. Call with the lock held.
  @inline(__always)
  func nextDelivery() throws(BinderError) -> Delivery? {
    let region = try unsafe liveRegion()
    guard
      let record = unsafe state.pointee.todo.removeFirst(
        entering: .delivered, in: &region.pointee.ranges)
    else {
      unsafe sync.pointee.mayHaveArrivals.store(false, ordering: .relaxed)
      return nil
    }
    unsafe state.pointee.regionPins += 1
    unsafe state.pointee.counters.received += 1
    // The buffer will soon be freed. SAFETY: the context keeps its shrinker.
    unsafe Unmanaged.passUnretained(context.shrinker)._withUnsafeGuaranteedRef {
      unsafe $0.prepareTick(state.pointee.ticks)
    }
    return unsafe Delivery(
      core: .passUnretained(self), record: record, view: region.pointee.receiverView)
  }

  @inline(__always)
  func receive() throws(BinderError) -> Delivery? {
    // A transaction that was sent before this call is seen here: the flag was set before it.
    guard unsafe sync.pointee.mayHaveArrivals.load(ordering: .relaxed) else { return nil }
    lock.lock()
    defer { unlock() }
    return try nextDelivery()
  }

  func receive(until deadline: UInt64) throws(BinderError) -> Delivery? {
    lock.lock()
    defer { unlock() }
    while true {
      if let delivery = try nextDelivery() { return delivery }
      unsafe state.pointee.arrivalWaiters += 1
      let inTime = unsafe sync.pointee.arrivals.wait(lock, deadline: deadline)
      unsafe state.pointee.arrivalWaiters -= 1
      if !inTime { return try nextDelivery() }
    }
  }
}

extension BufferRecord {
  @inline(__always)
  init(
    _ allocation: borrowing Allocation, code: UInt32, flags: TransactionFlags, node: UInt32,
    state: State, caller: Caller?
  ) {
    debugID = allocation.debugID
    place = UInt32(truncatingIfNeeded: allocation.offset >> 3)
    senderPID = allocation.senderPID
    // The buffer lies in a region, so none of its parts is longer than one.
    self.code = code
    self.flags = flags
    dataSize = UInt32(truncatingIfNeeded: allocation.layout.dataSize)
    offsetsSize = UInt32(truncatingIfNeeded: allocation.layout.offsetsSize)
    extraSize = UInt32(truncatingIfNeeded: allocation.layout.extraSize)
    securityContextSize = UInt32(
      truncatingIfNeeded: allocation.layout.securityContextSize)
    self.node = node
    self.state = state
    self.caller = caller
  }
}

extension RangeAllocator {
  /// Commits a range that is known to be reserved.
  @inline(__always)
  mutating func commitReserved(_ offset: Int, _ metadata: Metadata) {
    do throws(RangeError) {
      try commit(offset, metadata)
    } catch {
      preconditionFailure("offset \(offset) is not reserved: \(error)")
    }
  }
}
