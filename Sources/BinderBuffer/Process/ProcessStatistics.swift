internal import PageAlloc

/// The counts of a process at one moment, taken under its lock. Sizes in bytes.
public struct ProcessStatistics: Sendable, Equatable {
  public var pid: Int32
  /// Nil while the process has no region, and after it has exited; the counts below are then zero.
  public var policy: PlacementPolicy?
  public var regionLength = 0

  /// Live buffers, whatever their state.
  public var bufferCount = 0
  public var peakBuffers = 0
  /// Bytes that live buffers take.
  public var bytesInUse = 0
  public var peakBytes = 0
  public var freeBytes = 0
  public var largestFreeRange = 0
  public var freeOnewaySpace = 0
  public var lowestFreeOnewaySpace = 0

  /// Pages that live buffers touch.
  public var pagesInUse = 0
  public var peakPagesInUse = 0
  /// Pages with a frame that nothing touches: they wait on the LRU.
  public var pagesAvailable = 0
  /// Pages without a frame.
  public var pagesFree = 0
  /// The highest page index that ever had to be given a frame, plus one.
  public var pageHighWatermark = 0
  /// Frames given to pages so far, repeats counted.
  public var framesAllocated = 0
  /// Frames that were taken back so far.
  public var framesReclaimed = 0

  public var nodeCount = 0
  /// Calls that this process has made and not seen the end of.
  public var outstandingCalls = 0
  /// Transactions that wait to be received, those behind their node's order included.
  public var pendingTransactions = 0
  /// Transactions and replies received so far.
  public var received = 0
  /// Payload bytes copied into this region so far.
  public var bytesCopied = 0
  /// Reservations that told their sender of suspected oneway spam.
  public var spamReports = 0
  /// Failed attempts to send to this process, and failed frees, by kind.
  public var failures: [FailureKind: Int] = [:]

  /// How much of the free space the largest free range does not cover: 0 is one range.
  public var fragmentation: Double {
    freeBytes == 0 ? 0 : 1 - Double(largestFreeRange) / Double(freeBytes)
  }
}

extension BinderProcess {
  /// The counts of this moment.
  ///
  /// - Complexity: O(live buffers), under the process's lock.
  public var statistics: ProcessStatistics { core.statistics }

  /// The pages of the region by state. O(1), unlike `statistics`.
  public var pageCounts: PageCounts { core.pageCounts }

  /// The runs of pages that have a frame now, low to high.
  public func framedPages() -> [Range<Int>] { core.framedPages() }

  /// The live buffers, by address.
  public func buffers() -> [BufferDescription] { core.buffers() }
}

/// How many pages of a region are in each state.
public struct PageCounts: Hashable, Sendable, BitwiseCopyable {
  public var inUse: Int
  public var available: Int
  public var free: Int

  public init(inUse: Int, available: Int, free: Int) {
    self.inUse = inUse
    self.available = available
    self.free = free
  }
}

/// One live buffer of a process. Sizes in bytes.
public struct BufferDescription: Sendable, Equatable {
  public enum State: Sendable { case beingFilled, queued, waiting, replied, delivered }

  public let offset: Int
  /// What it takes in the region.
  public let size: Int
  public let dataSize: Int
  public let offsetsSize: Int
  public let extraSize: Int
  public let isOneway: Bool
  public let senderPID: Int32
  public let debugID: UInt32
  public let state: State
}

extension ProcessCore {
  var statistics: ProcessStatistics {
    lock.lock()
    defer { lock.unlock() }
    let counters = unsafe state.pointee.counters
    var result = ProcessStatistics(pid: pid)
    result.peakBuffers = counters.peakBuffers
    result.peakBytes = counters.peakBytes
    result.received = counters.received
    result.bytesCopied = counters.bytesCopied
    result.spamReports = counters.spamReports
    for kind in FailureKind.allCases where counters.failures[kind.rawValue] > 0 {
      result.failures[kind] = counters.failures[kind.rawValue]
    }
    result.nodeCount = unsafe state.pointee.nodes.count
    result.outstandingCalls = unsafe state.pointee.calls.count
    guard let region = unsafe state.pointee.region else { return result }
    unsafe region.pointee.describe(into: &result)
    result.bytesInUse = counters.bytesInUse
    result.lowestFreeOnewaySpace = min(counters.lowestFreeOnewaySpace, result.freeOnewaySpace)
    return result
  }

  var pageCounts: PageCounts {
    lock.lock()
    defer { lock.unlock() }
    guard let region = unsafe state.pointee.region else {
      return PageCounts(inUse: 0, available: 0, free: 0)
    }
    return unsafe PageCounts(
      inUse: region.pointee.pages.pagesInUse, available: region.pointee.pages.pagesAvailable,
      free: region.pointee.pages.pagesFree)
  }

  func framedPages() -> [Range<Int>] {
    lock.lock()
    defer { lock.unlock() }
    guard let region = unsafe state.pointee.region else { return [] }
    return unsafe region.pointee.pages.framedRuns()
  }

  func buffers() -> [BufferDescription] {
    lock.lock()
    defer { lock.unlock() }
    guard let region = unsafe state.pointee.region else { return [] }
    return unsafe region.pointee.buffers()
  }
}

extension RegionState {
  fileprivate mutating func describe(into result: inout ProcessStatistics) {
    result.policy = ranges.policy
    result.regionLength = ranges.length
    result.bufferCount = ranges.bufferCount
    result.freeBytes = ranges.freeBytes
    result.largestFreeRange = ranges.largestFreeRange
    result.freeOnewaySpace = ranges.freeOnewaySpace
    result.pagesInUse = pages.pagesInUse
    result.peakPagesInUse = pages.peakPagesInUse
    result.pagesAvailable = pages.pagesAvailable
    result.pagesFree = pages.pagesFree
    result.pageHighWatermark = pages.highWatermark
    result.framesAllocated = pages.framesAllocated
    result.framesReclaimed = pages.framesReclaimed
    result.pendingTransactions =
      buffers().count { $0.state == .queued || $0.state == .waiting || $0.state == .replied }
  }

  fileprivate mutating func buffers() -> [BufferDescription] {
    var live: [RangeDescription] = []
    ranges.forEachRange { if $0.state != .free { live.append($0) } }
    var result: [BufferDescription] = []
    for range in live {
      var record: BufferRecord?
      if range.state == .committed {
        ranges.updateMetadata(at: range.offset) { record = $0 }
      }
      result.append(BufferDescription(range, record))
    }
    return result
  }
}

extension BufferDescription {
  fileprivate init(_ range: RangeDescription, _ record: BufferRecord?) {
    offset = range.offset
    size = range.size
    dataSize = Int(record?.dataSize ?? 0)
    offsetsSize = Int(record?.offsetsSize ?? 0)
    extraSize = Int(record?.extraSize ?? 0)
    isOneway = range.isOneway
    senderPID = range.sender
    debugID = range.debugID
    state =
      switch record?.state {
      case nil: .beingFilled
      case .queued: .queued
      case .waiting: .waiting
      case .replied: .replied
      case .delivered, .kept: .delivered
      }
  }
}
