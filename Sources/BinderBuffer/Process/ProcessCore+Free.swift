internal import PageAlloc

extension ProcessCore {
  /// Frees a buffer that the receiver holds by its bare offset.
  func free(keptAt offset: Int) throws(BinderError) {
    lock.lock()
    do throws(BinderError) {
      let region = try unsafe liveRegion()
      try unsafe checkFreeable(offset, &region.pointee.ranges)
      let caller = unsafe freeCommitted(offset, &region.pointee)
      unlock()
      Self.fail(caller, .noReply(pid))
    } catch {
      unsafe state.pointee.counters.count(error)
      unlock()
      throw error
    }
  }

  /// Frees the buffer of a delivery that is being dropped.
  @inline(__always)
  func free(deliveredAt offset: Int) {
    lock.lock()
    var caller: Caller?
    // The pin of the delivery keeps the region.
    if let region = unsafe state.pointee.region {
      caller = unsafe freeCommitted(offset, &region.pointee)
    }
    // Without the pin another thread may end the core as soon as the lock is given back.
    let pid = pid
    let last = unpinRegion()
    unlock()
    if caller != nil { Self.fail(caller, .noReply(pid)) }
    finish(last)
  }

  /// From now on the receiver holds the bare offset.
  func keep(deliveredAt offset: Int) {
    lock.lock()
    if let region = unsafe state.pointee.region {
      unsafe region.pointee.ranges.updateMetadata(at: offset) { $0.state = .kept }
    }
    let last = unpinRegion()
    unlock()
    finish(last)
  }

  private func checkFreeable(_ offset: Int, _ ranges: inout RangeAllocator<BufferRecord>)
    throws(BinderError)
  {
    let obstacle: BinderError.NotFreeable
    do throws(RangeError) {
      switch try ranges.withMetadata(at: offset, { $0.state }) {
      case .kept: return
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
  func freeCommitted(_ offset: Int, _ region: inout RegionState) -> Caller? {
    let freed = region.ranges.freeCommitted(offset)
    let flags = freed.metadata.flags
    if flags.contains(.clearOnFree) { region.clear(freed.range.offset, freed.range.size) }
    release(freed.range, &region)
    if flags.contains(.oneway) { advance(freed.metadata.node, &region.ranges) }
    return freed.metadata.caller
  }

  /// The node's oldest waiting transaction goes to the todo queue.
  @inline(__always)
  private func advance(_ node: UInt32, _ ranges: inout RangeAllocator<BufferRecord>) {
    guard
      let record = unsafe state.pointee.nodes[node].waiting.removeFirst(
        entering: .queued, in: &ranges)
    else {
      unsafe state.pointee.nodes[node].isBusy = false
      return
    }
    queue(record.place, in: &ranges)
    if unsafe state.pointee.arrivalWaiters > 0 { unsafe sync.pointee.arrivals.signal() }
  }
}

extension RegionState {
  /// Zeroes a buffer before its range can be reused: while its pages are still in use.
  @inline(never)
  func clear(_ offset: Int, _ size: Int) {
    // SAFETY: the buffer lies in the region, and its pages are in use, so they have frames.
    unsafe (driverView + offset).initializeMemory(as: UInt8.self, repeating: 0, count: size)
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
