internal import PageAlloc

extension ProcessCore {
  /// Reserves a buffer in this process's region and makes its pages in use.
  @inline(__always)
  func reserve(_ layout: TransactionLayout, oneway: Bool, sender: Int32) throws(BinderError)
    -> Allocation
  {
    let allocation = try reserveRangeAndPages(layout, oneway: oneway, sender: sender)
    // Outside the lock, which dropping the allocation takes.
    try layout.checkUnits()
    return allocation
  }

  @inline(__always)
  private func reserveRangeAndPages(
    _ layout: TransactionLayout, oneway: Bool, sender: Int32
  ) throws(BinderError) -> Allocation {
    lock.lock()
    defer { unlock() }
    let region = try unsafe liveRegion()
    if unsafe region.pointee.checksUnitsFirst { try layout.checkUnits() }
    let debugID = nextDebugID()
    let reservation = try unsafe reserveRange(
      &region.pointee, layout.size, oneway: oneway, sender: sender, debugID: debugID)
    unsafe state.pointee.regionPins += 1
    do throws(BinderError) {
      try unsafe usePages(region, reservation)
    } catch {
      unsafe state.pointee.counters.bytesInUse += reservation.size
      let freed = unsafe region.pointee.ranges.abortReserved(reservation.offset)
      unsafe release(freed, &region.pointee)
      // The caller keeps the core, so that this cannot be the last of it.
      finish(unpinRegion())
      throw error
    }
    count(reservation, unsafe region.pointee.ranges)
    // SAFETY: the range lies in the region, its pages are in use, and the pin keeps the view.
    let view = unsafe RegionView(
      base: region.pointee.driverView + reservation.offset, count: reservation.size)
    return unsafe Allocation(
      core: .passUnretained(self), layout: layout, view: view, reservation: reservation,
      debugID: debugID, senderPID: sender, isOneway: oneway)
  }

  /// Counts a failed attempt to send to this process. Call without the lock.
  @inline(never)
  func countFailure(_ error: BinderError) {
    lock.lock()
    withCounters { $0.count(error) }
    unlock()
  }

  @inline(__always)
  private func reserveRange(
    _ region: inout RegionState, _ size: Int, oneway: Bool, sender: Int32, debugID: UInt32
  ) throws(BinderError) -> Reservation {
    do throws(RangeError) {
      return try region.ranges.reserve(size, oneway: oneway, sender: sender, debugID: debugID)
    } catch {
      throw BinderError(error, pid: pid)
    }
  }

  /// Makes the pages of a reserved range in use. Memory that is missing is fetched without the lock,
  /// which is held before and after. The range is reserved meanwhile, and a pin keeps the region.
  @inline(__always)
  private func usePages(_ region: UnsafeMutablePointer<RegionState>, _ reservation: Reservation)
    throws(BinderError)
  {
    let unbacked = unsafe region.pointee.pages.beginUse(
      offset: reservation.offset, size: reservation.size)
    updateIdleHint(unsafe region.pointee.pages)
    if let unbacked { try unsafe fetchPages(region, unbacked) }
  }

  @inline(never)
  private func fetchPages(
    _ region: UnsafeMutablePointer<RegionState>, _ first: consuming UnbackedPages
  ) throws(BinderError) {
    var unbacked: UnbackedPages? = first
    do throws(PageAllocError) {
      while var work = unbacked.take() {
        unlock()
        work.back()
        lock.lock()
        unbacked = try unsafe region.pointee.pages.settle(work)
      }
    } catch {
      throw .noMemory(pid: pid, error)
    }
  }

  @inline(__always)
  private func count(_ reservation: Reservation, _ ranges: borrowing RangeAllocator<BufferRecord>) {
    withCounters {
      $0.bytesInUse += reservation.size
      $0.peakBytes = max($0.peakBytes, $0.bytesInUse)
      $0.peakBuffers = max($0.peakBuffers, ranges.bufferCount)
      $0.lowestFreeOnewaySpace = min($0.lowestFreeOnewaySpace, ranges.freeOnewaySpace)
      if reservation.isSpam { $0.spamReports += 1 }
    }
  }

  @inline(__always)
  private func withCounters(_ body: (inout ProcessCounters) -> Void) {
    unsafe body(&state.pointee.counters)
  }

  /// Frees a buffer that was reserved and never committed.
  ///
  /// - Parameter size: how many of its bytes are zeroed before.
  func abort(_ offset: Int, clearing size: Int) {
    lock.lock()
    // The pin of the allocation keeps the region.
    if let region = unsafe state.pointee.region {
      if size > 0 { unsafe region.pointee.clear(offset, size) }
      let freed = unsafe region.pointee.ranges.abortReserved(offset)
      unsafe release(freed, &region.pointee)
    }
    let last = unpinRegion()
    unlock()
    finish(last)
  }

  /// Puts the pages of a freed range onto the LRU. Call with the lock held.
  @inline(__always)
  func release(_ freed: FreedRange, _ region: inout RegionState) {
    unsafe state.pointee.counters.bytesInUse -= freed.size
    guard !freed.pages.isEmpty else { return }
    // SAFETY: the context keeps its shrinker; a retain would cost more than the tick.
    let stamp = unsafe Unmanaged.passUnretained(context.shrinker)._withUnsafeGuaranteedRef {
      unsafe $0.tick(&state.pointee.ticks)
    }
    region.order.release(freed, from: &region.pages, stamp: stamp)
    updateIdleHint(region.pages)
  }

  var injectsCopyFault: Bool { context.faults?.check(.userCopy) ?? false }
}

extension RegionState {
  /// The Rust driver rejects sizes that are no multiple of 8 before it allocates; the C driver
  /// afterwards, so that a failed attempt leaves its marks on ranges and pages.
  var checksUnitsFirst: Bool {
    ranges.policy.search != .c
  }
}

extension RangeAllocator {
  /// Frees a range that is known to be reserved.
  mutating func abortReserved(_ offset: Int) -> FreedRange {
    do throws(RangeError) {
      return try abort(offset)
    } catch {
      preconditionFailure("offset \(offset) is not reserved: \(error)")
    }
  }

  /// Changes the metadata of a range that is known to be committed.
  @inline(__always)
  mutating func updateMetadata<R>(at offset: Int, _ body: (inout Metadata) -> R) -> R {
    do throws(RangeError) {
      return try withMetadata(at: offset, body)
    } catch {
      preconditionFailure("offset \(offset) is not committed: \(error)")
    }
  }
}

extension BinderError {
  /// What a range allocator's refusal means for the sender.
  init(_ error: RangeError, pid: Int32) {
    switch error {
    case .noSpace(let requested, let free, let largest):
      self = .noSpace(pid: pid, requested: requested, free: free, largestFree: largest)
    case .noOnewaySpace(let requested, let free):
      self = .noOnewaySpace(pid: pid, requested: requested, free: free)
    case .noMemory:
      self = .noMemory(pid: pid, .system(.map, .noMemory))
    default:
      preconditionFailure("a size of at least 8 bytes in a mapped region: \(error)")
    }
  }
}
