internal import CLinuxShims
@_spi(Engine) internal import PageAlloc
internal import Synchronization

/// Something with idle pages that a shrinker may take back: a process's region.
///
/// `oldestIdle` may be read without the owner's lock; it is a hint that the owner keeps up to date.
package protocol Reclaimable: AnyObject, Sendable {
  /// The stamp of the page that has been idle longest, `.max` when none is idle.
  var oldestIdle: UInt64 { get }

  /// Takes back up to `limit` pages that became idle before `deadline`, longest idle first.
  ///
  /// - Parameter waits: Whether to wait for the owner's lock.
  /// - Returns: how many went, nil when the owner is busy and was not waited for.
  func reclaim(upTo limit: Int, before deadline: UInt64, waits: Bool) -> Int?

  /// Gives back memory that readers brought in where no page has a frame.
  ///
  /// - Returns: how many pages came back.
  func reclaimStrays() -> Int
}

/// Takes idle pages back, longest idle first, over all the regions registered with it.
///
/// Each region keeps its own list; the shrinker's clock stamps every page that becomes idle, and
/// reclaim merges the lists by stamp, so that the order is one order over all processes although no
/// lock is shared between them. A region whose owner is busy is passed over, as in the driver; only
/// when that leaves pages wanting, its owner is waited for.
///
/// Thread-safe.
///
/// Lock order: shrinker → process. So nobody calls it who holds a process's lock.
@safe package final class Shrinker: @unchecked Sendable {
  // INVARIANT: alone in its cache line (and the neighbour that processors fetch with it): it may be
  // written with every free, while what else a context holds is only read.
  private let clock: UnsafeMutablePointer<Atomic<UInt64>>
  private let regions = Protected(RegionTable(), rank: .shrinker)

  package init() {
    // SAFETY: memory of our own, large enough and aligned; `deinit` gives it back.
    unsafe clock = UnsafeMutableRawPointer.allocate(byteCount: 128, alignment: 128)
      .bindMemory(to: Atomic<UInt64>.self, capacity: 1)
    unsafe clock.initialize(to: Atomic(1))
  }

  deinit {
    // SAFETY: initialised in `init`; nobody holds a reference any more.
    unsafe clock.deinitialize(count: 1)
    unsafe clock.deallocate()
  }

  /// What one region knows of the clock. Lives under its owner's lock.
  package struct Ticks: BitwiseCopyable {
    /// The moment of its last free.
    fileprivate var last = UInt64.max
    /// How many frees to go without looking whether others free too: they did not long ago.
    fileprivate var mixed: UInt8 = 0

    package init() {}
  }

  /// The moment of a free: later than those of all frees of other regions that came before it, not
  /// earlier than the last one of this region.
  ///
  /// While nobody else frees, the moment stays the same and the clock is only read, but for the first
  /// 255 frees and those after somebody else's.
  @inline(__always)
  package func tick(_ own: inout Ticks) -> UInt64 {
    // When the frees of several regions mix, reading first would only fetch the line twice.
    // SAFETY: the clock is initialised for as long as the shrinker lives.
    if own.mixed == 0, unsafe clock.pointee.load(ordering: .relaxed) == own.last &+ 1 {
      return own.last
    }
    let now = unsafe clock.pointee.wrappingAdd(1, ordering: .relaxed).oldValue
    own.mixed = now != own.last &+ 1 ? .max : own.mixed > 0 ? own.mixed &- 1 : 0
    own.last = now
    return now
  }

  /// Begins to fetch the clock for the next tick.
  @inline(__always)
  package func prepareTick(_ own: Ticks) {
    // SAFETY: an address to fetch, never read here.
    if own.mixed > 0 { unsafe bb_prefetch_to_write(clock) }
  }

  package func register(_ target: any Reclaimable) {
    regions.withLock { $0.targets[ObjectIdentifier(target)] = target }
  }

  package func unregister(_ target: any Reclaimable) {
    // The last reference may go here, outside the lock.
    _ = regions.withLock { $0.targets.removeValue(forKey: ObjectIdentifier(target)) }
  }

  /// How many regions it knows.
  package var targetCount: Int { regions.withLock { $0.targets.count } }

  package func isRegistered(_ target: any Reclaimable) -> Bool {
    regions.withLock { $0.targets[ObjectIdentifier(target)] != nil }
  }

  /// Pages taken back since the start.
  package var pagesReclaimed: Int { regions.withLock { $0.reclaimed } }

  /// Takes back up to `limit` pages.
  ///
  /// - Returns: how many went; fewer when no more are idle.
  /// - Complexity: O(regions + turns · log regions + pages); a turn takes all pages of one region
  ///   that are older than those of every other.
  @discardableResult
  package func reclaim(upTo limit: Int) -> Int {
    limit > 0 ? regions.withLock { $0.reclaim(upTo: limit) } : 0
  }
}

/// The regions that a shrinker knows.
private struct RegionTable {
  var targets: [ObjectIdentifier: any Reclaimable] = [:]
  var reclaimed = 0

  mutating func reclaim(upTo limit: Int) -> Int {
    var queue = IdleQueue()
    for target in targets.values where target.oldestIdle != .max { queue.append(target) }
    queue.heapify()
    var busy: [any Reclaimable] = []
    var taken = 0
    while taken < limit, let target = queue.popOldest() {
      guard
        let count = target.reclaim(
          upTo: limit - taken, before: queue.oldestStamp, waits: false)
      else {
        busy.append(target)
        continue
      }
      taken += count
      // A stale hint may have yielded nothing; the one that the owner left behind is fresh.
      if target.oldestIdle != .max { queue.push(target) }
    }
    for target in busy where taken < limit {
      taken += target.reclaim(upTo: limit - taken, before: .max, waits: true) ?? 0
    }
    reclaimed += taken
    if taken < limit {
      for target in targets.values { _ = target.reclaimStrays() }
    }
    return taken
  }
}

/// Regions by the stamp of their longest idle page: a binary heap.
private struct IdleQueue {
  private var heap: [(stamp: UInt64, target: any Reclaimable)] = []

  var oldestStamp: UInt64 { heap.first?.stamp ?? .max }

  mutating func append(_ target: any Reclaimable) {
    heap.append((target.oldestIdle, target))
  }

  mutating func heapify() {
    for index in stride(from: heap.count / 2 - 1, through: 0, by: -1) { siftDown(index) }
  }

  mutating func push(_ target: any Reclaimable) {
    append(target)
    var child = heap.count - 1
    while child > 0, heap[child].stamp < heap[(child - 1) / 2].stamp {
      heap.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  mutating func popOldest() -> (any Reclaimable)? {
    guard let oldest = heap.first else { return nil }
    heap[0] = heap[heap.count - 1]
    heap.removeLast()
    siftDown(0)
    return oldest.target
  }

  private mutating func siftDown(_ start: Int) {
    var parent = start
    while true {
      var child = 2 * parent + 1
      guard child < heap.count else { return }
      if child + 1 < heap.count, heap[child + 1].stamp < heap[child].stamp { child += 1 }
      guard heap[child].stamp < heap[parent].stamp else { return }
      heap.swapAt(parent, child)
      parent = child
    }
  }
}
