internal import BinderBuffer

/// One process's region over time.
struct ProcessTrack: Sendable {
  let process: any TrackedRegion
  let regionLength: Int
  private(set) var columns: [Column] = []
  /// Who held the region's bytes when it was fullest, largest first.
  private(set) var peakHolders: [Holder] = []
  private(set) var peakTime: UInt64 = 0
  private(set) var peak: RegionUsage
  private(set) var sent = 0
  private(set) var failed = 0
  private var last: RegionUsage
  private var lastPages: [PageRun] = []
  private var bytesAtHolders = 0
  // Whether the region has changed since `lastPages`.
  private var isStale = false

  /// Nil for a process that has no region.
  init?(_ process: any TrackedRegion) {
    let statistics = process.statistics
    guard statistics.policy != nil else { return nil }
    self.process = process
    regionLength = statistics.regionLength
    last = RegionUsage(empty: statistics.regionLength)
    peak = last
  }

  /// Opens columns up to `index`; in those without an event the region is as it is now.
  mutating func open(_ column: Int) {
    guard columns.count <= column else { return }
    if isStale {
      lastPages = PageRun.runs(process.inspect().pages)
      isStale = false
    }
    while columns.count <= column { columns.append(Column(last, pages: lastPages)) }
  }

  /// Records what a step did to the region; a column must be open.
  mutating func add(_ usage: RegionUsage, at time: UInt64) {
    last = usage
    isStale = true
    let process = process
    columns[columns.count - 1].add(usage) { PageRun.runs(process.inspect().pages) }
    if usage.bytesInUse > peak.bytesInUse {
      peak = usage
      peakTime = time
      // Not at every step of a slow rise, since it visits all live buffers.
      if usage.bytesInUse > bytesAtHolders + bytesAtHolders / 16 {
        peakHolders = Holder.all(of: process)
        bytesAtHolders = usage.bytesInUse
      }
    }
  }

  mutating func countSent() { sent += 1 }
  mutating func countFailed() { failed += 1 }

  /// Merges each pair of columns.
  mutating func mergePairs() {
    columns = stride(from: 0, to: columns.count, by: 2).map { index in
      var column = columns[index]
      if index + 1 < columns.count { column.merge(columns[index + 1]) }
      return column
    }
  }

  /// The highest page that was seen with a frame, plus one.
  var pageHeight: Int {
    columns.reduce(0) { max($0, $1.pages.last?.pages.upperBound ?? 0) }
  }
}

/// The part of a region that one sender's buffers take.
struct Holder: Equatable, Sendable {
  let sender: Int32
  var buffers = 0
  var bytes = 0

  /// All senders with live buffers in the process's region, largest total first.
  static func all(of process: any TrackedRegion) -> [Holder] {
    var bySender: [Int32: Holder] = [:]
    for buffer in process.inspect().buffers {
      bySender[buffer.senderPID, default: Holder(sender: buffer.senderPID)].add(buffer.size)
    }
    return bySender.values.sorted { ($0.bytes, $1.sender) > ($1.bytes, $0.sender) }
  }

  private mutating func add(_ size: Int) {
    buffers += 1
    bytes += size
  }
}
