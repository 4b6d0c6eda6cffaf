internal import PageAlloc

/// How full a region is at one moment. Sizes in bytes.
///
/// The part of `ProcessStatistics` that costs nothing to ask for, for those who watch a region
/// while it works.
public struct RegionUsage: Hashable, Sendable, BitwiseCopyable {
  public let bufferCount: Int
  public let bytesInUse: Int
  public let freeBytes: Int
  public let largestFreeRange: Int
  public let freeOnewaySpace: Int
  public let pages: PageCounts

  public init(
    bufferCount: Int, bytesInUse: Int, freeBytes: Int, largestFreeRange: Int, freeOnewaySpace: Int,
    pages: PageCounts
  ) {
    self.bufferCount = bufferCount
    self.bytesInUse = bytesInUse
    self.freeBytes = freeBytes
    self.largestFreeRange = largestFreeRange
    self.freeOnewaySpace = freeOnewaySpace
    self.pages = pages
  }
}

/// What holds a page of a region.
public enum PageState: UInt8, CaseIterable, Sendable, BitwiseCopyable {
  /// It has no frame.
  case free
  /// It has a frame that nothing touches: it waits on the LRU.
  case available
  /// One live buffer touches it.
  case inUse
  /// Several live buffers touch it: it stays until the last of them is freed.
  case shared
}

extension BinderProcess {
  /// How full the region is now; nil without a region.
  ///
  /// - Complexity: O(1) under the `rust` policy, O(log free ranges) under the others; under the
  ///   process's lock.
  public var usage: RegionUsage? { core.usage }

  /// The state of every page now, by index; empty without a region.
  ///
  /// - Complexity: O(pages + live buffers), under the process's lock.
  public func pageStates() -> [PageState] { core.pageStates() }
}

extension ProcessCore {
  fileprivate var usage: RegionUsage? {
    lock.lock()
    defer { lock.unlock() }
    guard let region = unsafe state.pointee.region else { return nil }
    let bytesInUse = unsafe state.pointee.counters.bytesInUse
    return unsafe region.pointee.usage(bytesInUse: bytesInUse)
  }

  fileprivate func pageStates() -> [PageState] {
    lock.lock()
    defer { lock.unlock() }
    guard let region = unsafe state.pointee.region else { return [] }
    return unsafe region.pointee.pageStates()
  }
}

extension RegionState {
  fileprivate func usage(bytesInUse: Int) -> RegionUsage {
    RegionUsage(
      bufferCount: ranges.bufferCount, bytesInUse: bytesInUse, freeBytes: ranges.freeBytes,
      largestFreeRange: ranges.largestFreeRange, freeOnewaySpace: ranges.freeOnewaySpace,
      pages: PageCounts(
        inUse: pages.pagesInUse, available: pages.pagesAvailable, free: pages.pagesFree))
  }

  fileprivate func pageStates() -> [PageState] {
    var states = [PageState](repeating: .free, count: pages.pageCount)
    for run in pages.framedRuns() {
      for page in run { states[page] = .available }
    }
    ranges.forEachRange { range in
      guard range.state != .free else { return }
      for page in RegionPages.pages(touching: range.offset, range.size) {
        states[page] = states[page] == .available ? .inUse : .shared
      }
    }
    return states
  }
}
