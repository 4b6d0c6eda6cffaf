internal import BinderBuffer

/// How full a region is at one moment, as recorders follow it. Sizes in bytes.
struct RegionUsage: Hashable, Sendable {
  var bufferCount = 0
  var bytesInUse = 0
  var freeBytes: Int
  var largestFreeRange: Int
  var freeOnewaySpace: Int
  var pages: PageCounts

  /// How many pages are in each state.
  struct PageCounts: Hashable, Sendable {
    var inUse = 0
    var available = 0
    var free: Int
  }

  /// An untouched region.
  init(empty length: Int) {
    freeBytes = length
    largestFreeRange = length
    freeOnewaySpace = length / 2
    pages = PageCounts(free: length / 4096)
  }
}

extension TrackedRegion {
  /// How full the region is now; nil without a region.
  var usage: RegionUsage? {
    let statistics = statistics
    guard statistics.policy != nil else { return nil }
    var usage = RegionUsage(empty: 0)
    usage.bufferCount = statistics.bufferCount
    usage.bytesInUse = statistics.bytesInUse
    usage.freeBytes = statistics.freeBytes
    usage.largestFreeRange = statistics.largestFreeRange
    usage.freeOnewaySpace = statistics.freeOnewaySpace
    usage.pages.inUse = statistics.pagesInUse
    usage.pages.available = statistics.pagesAvailable
    usage.pages.free = statistics.pagesFree
    return usage
  }
}
