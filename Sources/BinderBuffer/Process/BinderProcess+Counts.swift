internal import PageAlloc

/// The counts of a process that cost nothing to ask for. Sizes in bytes.
///
/// Choose them over `statistics` where they are asked for after every operation.
public struct ProcessCounts: Hashable, Sendable, BitwiseCopyable {
  /// Live buffers, whatever their state.
  public var buffers = 0
  public var bytesInUse = 0
  public var freeOnewaySpace = 0
  public var pagesInUse = 0
  public var pagesAvailable = 0
  /// Frames given to pages so far, repeats counted.
  public var framesAllocated = 0
  /// Frames taken back so far.
  public var framesReclaimed = 0
  /// Calls made and not seen the end of.
  public var outstandingCalls = 0

  public init() {}
}

extension BinderProcess {
  /// The counts of this moment; zeros where there is no region. O(1), under the process's lock.
  public var counts: ProcessCounts { core.counts }
}

extension ProcessCore {
  fileprivate var counts: ProcessCounts {
    lock.lock()
    defer { lock.unlock() }
    var result = ProcessCounts()
    result.outstandingCalls = unsafe state.pointee.calls.count
    guard let region = unsafe state.pointee.region else { return result }
    result.buffers = unsafe region.pointee.ranges.bufferCount
    result.bytesInUse = unsafe state.pointee.counters.bytesInUse
    result.freeOnewaySpace = unsafe region.pointee.ranges.freeOnewaySpace
    result.pagesInUse = unsafe region.pointee.pages.pagesInUse
    result.pagesAvailable = unsafe region.pointee.pages.pagesAvailable
    result.framesAllocated = unsafe region.pointee.pages.framesAllocated
    result.framesReclaimed = unsafe region.pointee.pages.framesReclaimed
    return result
  }
}
