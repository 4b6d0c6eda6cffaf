internal import PageAlloc
internal import Synchronization

extension ProcessCore {
  /// Ends the process: what it has not received is gone, calls that it owes an answer to end as
  /// dead, its region goes with the last delivery; what it sent elsewhere lives on. Idempotent.
  func exit() {
    lock.lock()
    guard !hasExited else { return unlock() }
    unsafe sync.pointee.exited.store(true, ordering: .relaxed)
    unsafe sync.pointee.mayHaveArrivals.store(true, ordering: .relaxed)
    var orphans: [Caller] = []
    if let region = unsafe state.pointee.region {
      unsafe orphans = Self.takeCallers(&region.pointee.ranges)
      if unsafe state.pointee.regionPins == 0 {
        unsafe state.pointee.dropRegion()
      } else if unsafe region.pointee.pages.canReclaim {
        // The shrinker loses sight of it, while deliveries may hold it for long.
        _ = unsafe region.pointee.pages.reclaim(upTo: .max)
      }
    }
    if unsafe state.pointee.regionPins + state.pointee.callPins > 0 {
      // INVARIANT: this retain stands for all pins; the last of them releases it.
      unsafe state.pointee.retainedByPins = true
      _ = unsafe Unmanaged.passRetained(self)
    }
    unsafe state.pointee.calls = CallTable()
    unlock()
    unsafe sync.pointee.arrivals.broadcast()
    unsafe sync.pointee.replies.broadcast()
    context.remove(self)
    for orphan in orphans { Self.fail(orphan, .calleeExited(pid)) }
  }

  /// Takes the callers out of all buffers, whatever state their delivery is in.
  private static func takeCallers(_ ranges: inout RangeAllocator<BufferRecord>) -> [Caller] {
    var committed: [Int] = []
    ranges.forEachRange { if $0.state == .committed { committed.append($0.offset) } }
    var callers: [Caller] = []
    for offset in committed {
      ranges.updateMetadata(at: offset) {
        if let caller = $0.caller { callers.append(caller) }
        $0.caller = nil
      }
    }
    return callers
  }
}
