internal import PageAlloc

/// A region at one moment: every buffer, and the state of every page.
public struct RegionInspection: Sendable {
  /// The counts of the same moment.
  public let statistics: ProcessStatistics
  /// The live buffers, by address.
  public let buffers: [BufferDescription]
  /// The state of every page, by index; empty without a region.
  public let pages: [PageState]

  /// That of a process without a region.
  public init(emptyOf pid: Int32) {
    self.init(statistics: ProcessStatistics(pid: pid), buffers: [], pages: [])
  }

  init(statistics: ProcessStatistics, buffers: [BufferDescription], pages: [PageState]) {
    self.statistics = statistics
    self.buffers = buffers
    self.pages = pages
  }

  /// The runs of pages that have a frame, low to high.
  public var framedPages: [Range<Int>] {
    var runs: [Range<Int>] = []
    var start: Int?
    for page in 0...pages.count {
      let isFramed = page < pages.count && pages[page] != .free
      if isFramed, start == nil { start = page }
      if !isFramed, let first = start {
        runs.append(first..<page)
        start = nil
      }
    }
    return runs
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

/// One live buffer of a process. Sizes in bytes.
public struct BufferDescription: Sendable, Equatable {
  /// How far its delivery is.
  public enum State: Sendable {
    /// Its sender fills it.
    case beingFilled
    /// The next `receive` may find it.
    case queued
    /// It comes when the oneway transaction before it is freed.
    case waiting
    /// A reply that has not been taken.
    case replied
    /// The receiver has it.
    case delivered
  }

  /// Where it begins in the region.
  public let offset: Int
  /// What it takes in the region.
  public let size: Int
  /// Bytes of the message; 0 while it is being filled, as the other parts.
  public let dataSize: Int
  /// Bytes of the offsets array.
  public let offsetsSize: Int
  /// Bytes of the room for extra buffers.
  public let extraSize: Int
  /// Whether it counts against the oneway half of the region.
  public let isOneway: Bool
  /// Who sent it.
  public let senderPID: Int32
  /// Its number: see `Receipt.debugID`.
  public let debugID: UInt32
  /// How far its delivery is.
  public let state: State
}

extension Inbox {
  mutating func inspect() -> RegionInspection {
    let statistics = statistics
    guard !space.isEmpty else {
      return RegionInspection(statistics: statistics, buffers: [], pages: [])
    }
    let (buffers, pages) = describeRegion()
    return RegionInspection(statistics: statistics, buffers: buffers, pages: pages)
  }
}

extension BufferSpace {
  /// The live ranges, by address.
  mutating func liveRanges() -> [RangeDescription] {
    var live: [RangeDescription] = []
    live.reserveCapacity(ranges.bufferCount)
    ranges.forEachRange { if $0.state != .free { live.append($0) } }
    return live
  }

  /// The state of every page, by index.
  mutating func pageStates(_ live: [RangeDescription]) -> [PageState] {
    var states = [PageState](repeating: .free, count: pages.pageCount)
    for run in pages.framedRuns() {
      for page in run { states[page] = .available }
    }
    for range in live {
      for page in RegionPages.pages(touching: range.offset, range.size) {
        states[page] = states[page] == .available ? .inUse : .shared
      }
    }
    return states
  }
}

extension BufferDescription {
  init(
    _ range: RangeDescription, dataSize: Int, offsetsSize: Int, extraSize: Int, state: State
  ) {
    offset = range.offset
    size = range.size
    self.dataSize = dataSize
    self.offsetsSize = offsetsSize
    self.extraSize = extraSize
    isOneway = range.isOneway
    senderPID = range.sender
    debugID = range.debugID
    self.state = state
  }

  init(_ range: RangeDescription, _ record: MessageRecord?) {
    let state: State =
      switch record?.state {
      case nil: .beingFilled
      case .queued: .queued
      case .waiting: .waiting
      case .replied: .replied
      case .delivered, .kept: .delivered
      }
    self.init(
      range, dataSize: Int(record?.dataSize ?? 0), offsetsSize: Int(record?.offsetsSize ?? 0),
      extraSize: Int(record?.extraSize ?? 0), state: state)
  }
}
