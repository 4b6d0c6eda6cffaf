internal import BinderBuffer

/// The bounds of a figure within a column of time, and its value at the column's end.
struct Extremes: Equatable, Sendable {
  var low: Int
  var high: Int
  var last: Int

  init(_ value: Int) {
    low = value
    high = value
    last = value
  }

  mutating func add(_ value: Int) {
    low = min(low, value)
    high = max(high, value)
    last = value
  }

  mutating func merge(_ later: Extremes) {
    low = min(low, later.low)
    high = max(high, later.high)
    last = later.last
  }
}

/// Consecutive pages in the same state.
struct PageRun: Equatable, Sendable {
  let state: PageState
  let pages: Range<Int>

  /// The runs of all pages that are not free.
  static func runs(_ states: [PageState]) -> [PageRun] {
    var runs: [PageRun] = []
    var start = 0
    while start < states.count {
      let end = states[start...].firstIndex { $0 != states[start] } ?? states.count
      if states[start] != .free { runs.append(PageRun(state: states[start], pages: start..<end)) }
      start = end
    }
    return runs
  }
}

/// One region within a column of time.
struct Column: Sendable {
  var buffers: Extremes
  var bytes: Extremes
  var pagesInUse: Extremes
  /// Pages in use and available.
  var framedPages: Extremes
  var freeOneway: Extremes
  /// The share of the free bytes outside the largest free range, in permille.
  var fragmentation: Extremes
  /// The region at the moment of the column when buffers took the most bytes.
  private(set) var pages: [PageRun]
  private var bytesAtPages: Int

  init(_ usage: RegionUsage, pages: [PageRun]) {
    buffers = Extremes(usage.bufferCount)
    bytes = Extremes(usage.bytesInUse)
    pagesInUse = Extremes(usage.pages.inUse)
    framedPages = Extremes(usage.pages.inUse + usage.pages.available)
    freeOneway = Extremes(usage.freeOnewaySpace)
    fragmentation = Extremes(usage.fragmentationPermille)
    self.pages = pages
    bytesAtPages = usage.bytesInUse
  }

  /// - Parameter pages: Called for the region's pages only when it has become markedly fuller, at
  ///   most a few dozen times per column.
  mutating func add(_ usage: RegionUsage, pages: () -> [PageRun]) {
    buffers.add(usage.bufferCount)
    bytes.add(usage.bytesInUse)
    pagesInUse.add(usage.pages.inUse)
    framedPages.add(usage.pages.inUse + usage.pages.available)
    freeOneway.add(usage.freeOnewaySpace)
    fragmentation.add(usage.fragmentationPermille)
    if usage.bytesInUse > bytesAtPages + bytesAtPages / 8 {
      self.pages = pages()
      bytesAtPages = usage.bytesInUse
    }
  }

  mutating func merge(_ later: Column) {
    buffers.merge(later.buffers)
    bytes.merge(later.bytes)
    pagesInUse.merge(later.pagesInUse)
    framedPages.merge(later.framedPages)
    freeOneway.merge(later.freeOneway)
    fragmentation.merge(later.fragmentation)
    if later.bytesAtPages > bytesAtPages {
      pages = later.pages
      bytesAtPages = later.bytesAtPages
    }
  }
}

extension RegionUsage {
  /// Of less than this part of a region nobody asks in how many pieces it is: a sixteenth.
  static var worthCutting: Int { 16 }

  fileprivate var fragmentationPermille: Int {
    // In a region that is nearly full, how the rest lies does not matter.
    freeBytes * Self.worthCutting < freeBytes + bytesInUse
      ? 0 : 1000 - largestFreeRange * 1000 / max(1, freeBytes)
  }
}
