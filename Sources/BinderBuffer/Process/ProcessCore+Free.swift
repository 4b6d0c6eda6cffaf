internal import PageAlloc

extension ProcessCore {
  /// Frees a buffer that the receiver holds by its bare offset.
  func free(keptAt offset: Int) throws(BinderError) {
    lock.lock()
    do throws(BinderError) {
      let region = try unsafe liveRegion()
      let flags = try unsafe flagsOfKept(offset, &region.pointee.ranges)
      let caller = unsafe freeCommitted(offset, flags, &region.pointee)
      lock.unlock()
      fail(caller, .noReply(pid))
    } catch {
      unsafe state.pointee.counters.count(error)
      lock.unlock()
      throw error
    }
  }

  /// Frees the buffer of a delivery that is being dropped.
  @inline(__always)
  func free(deliveredAt offset: Int, flags: TransactionFlags) {
    lock.lock()
    var caller: Caller?
    // The pin of the delivery keeps the region.
    if let region = unsafe state.pointee.region {
      caller = unsafe freeCommitted(offset, flags, &region.pointee)
    }
    let last = unpinRegion()
    lock.unlock()
    if caller != nil { fail(caller, .noReply(pid)) }
    finish(last)
  }

  /// From now on the receiver holds the bare offset.
  func keep(deliveredAt offset: Int) {
    lock.lock()
    if let region = unsafe state.pointee.region {
      unsafe region.pointee.ranges.updateMetadata(at: offset) { $0.state = .kept }
    }
    let last = unpinRegion()
    lock.unlock()
    finish(last)
  }

  private func flagsOfKept(_ offset: Int, _ ranges: inout RangeAllocator<BufferRecord>)
    throws(BinderError) -> TransactionFlags
  {
    let obstacle: BinderError.NotFreeable
    do throws(RangeError) {
      let (state, flags) = try ranges.withMetadata(at: offset) { ($0.state, $0.flags) }
      switch state {
      case .kept: return flags
      case .queued, .waiting, .replied: obstacle = .notDelivered
      case .delivered: obstacle = .ownedByDelivery
      }
    } catch .notCommitted {
      obstacle = .beingFilled
    } catch {
      obstacle = .notABuffer
    }
    throw .invalidArgument(.noSuchBuffer(pid: pid, offset: offset, obstacle))
  }

  /// Frees a committed buffer: its range is merged, the pages that nothing else touches become
  /// available, and the next oneway transaction of its node is delivered. Call with the lock held.
  ///
  /// - Returns: the call that will now never be answered.
  @inline(__always)
  private func freeCommitted(
    _ offset: Int, _ flags: TransactionFlags, _ region: inout RegionState
  ) -> Caller? {
    if flags.contains(.clearOnFree) { clear(offset, &region) }
    let freed = region.ranges.freeCommitted(offset)
    release(freed.range, &region)
    if flags.contains(.oneway) { advance(Int(freed.metadata.node), &region.ranges) }
    return freed.metadata.caller
  }

  /// Zeroes a buffer before its range can be reused.
  @inline(never)
  private func clear(_ offset: Int, _ region: inout RegionState) {
    var size = 0
    region.ranges.updateMetadata(at: offset) { size = $0.layoutSize }
    // SAFETY: the buffer lies in the region, its range is taken and its pages are in use.
    unsafe (region.driverView + offset).initializeMemory(as: UInt8.self, repeating: 0, count: size)
  }

  /// The node's oldest waiting transaction goes to the todo queue.
  @inline(__always)
  private func advance(_ node: Int, _ ranges: inout RangeAllocator<BufferRecord>) {
    guard
      let (offset, _) = unsafe state.pointee.nodes[node].waiting.removeFirst(
        entering: .queued, in: &ranges)
    else {
      unsafe state.pointee.nodes[node].isBusy = false
      return
    }
    unsafe state.pointee.todo.append(UInt32(offset >> 3), in: &ranges)
    if unsafe state.pointee.arrivalWaiters > 0 { arrivals.signal() }
  }
}

extension BufferRecord {
  /// The bytes that the buffer takes.
  var layoutSize: Int {
    func rounded(_ size: UInt32) -> Int { (Int(size) + 7) & ~7 }
    return max(
      8,
      rounded(dataSize) + rounded(offsetsSize) + rounded(extraSize) + rounded(securityContextSize))
  }
}

extension RangeAllocator {
  /// Frees a range that is known to be committed.
  @inline(__always)
  mutating func freeCommitted(_ offset: Int) -> Freed<Metadata> {
    do throws(RangeError) {
      return try free(offset)
    } catch {
      preconditionFailure("offset \(offset) is not committed: \(error)")
    }
  }
}
