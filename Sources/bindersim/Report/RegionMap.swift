internal import BinderBuffer

/// A region over time: a column for each moment, a row for each page, coloured by the page's
/// state. Gaps between used pages are fragmentation.
struct RegionMap {
  let recording: Recording
  let track: ProcessTrack

  var html: String {
    let height = max(track.pageHeight, 8)
    let total = track.regionLength / 4096
    // Drawn in units of columns and pages; the last column may extend beyond the end.
    let width = Double(max(1, recording.end)) / Double(recording.grid.width)
    return PlotFrame(
      title: "Region map: \(Format.grouped(height)) of \(Format.grouped(total)) pages"
        + (height < total ? ", those above never had a frame" : ""),
      description: description, xName: "time since the beginning", yName: "(number of the page)",
      xMarks: Axis.time(to: max(1, recording.end)).marks, yMarks: Axis.exactly(height).marks,
      viewBox: "0 0 \(Format.decimal(max(width, 0.001), digits: 3)) \(height)",
      drawing: drawing(height),
      legend: [
        PlotFrame.Key("inuse", "in use by one buffer"),
        PlotFrame.Key("shared", "shared by several"),
        PlotFrame.Key("available", "available (idle, has a frame)"), PlotFrame.Key("free", "free"),
      ], style: "map"
    ).html
  }

  private var description: String {
    let worst = track.columns.max { $0.bytes.high < $1.bytes.high }
    var counts: [PageState: Int] = [:]
    for run in worst?.pages ?? [] { counts[run.state, default: 0] += run.pages.count }
    return "Rows are pages of 4 KiB from low addresses at the bottom to high ones at the top. Each "
      + "column shows the moment of its span when most bytes were in use. At the fullest moment "
      + "\(counts[.inUse, default: 0]) pages were in use by one buffer, "
      + "\(counts[.shared, default: 0]) shared, \(counts[.available, default: 0]) available."
  }

  /// One path for each state; equal runs of neighbouring columns are one rectangle.
  private func drawing(_ height: Int) -> String {
    var open: [PageRun.Key: (run: PageRun, since: Int)] = [:]
    var paths: [PageState: String] = [:]
    func close(_ key: PageRun.Key, at column: Int) {
      guard let (run, since) = open.removeValue(forKey: key) else { return }
      let (top, depth) = (height - run.pages.upperBound, run.pages.count)
      let width = column - since
      paths[run.state, default: ""] += "M\(since) \(top)h\(width)v\(depth)h-\(width)z"
    }
    for (index, column) in track.columns.enumerated() {
      let keys = Set(column.pages.map(\.key))
      // In a fixed order, so that the same run gives the same page.
      for key in open.keys.filter({ !keys.contains($0) }).sorted() { close(key, at: index) }
      for run in column.pages where open[run.key] == nil { open[run.key] = (run, index) }
    }
    for key in open.keys.sorted() { close(key, at: track.columns.count) }
    return PageState.allCases.compactMap { state in
      paths[state].map { "<path class=\"\(state.style)\" d=\"\($0)\"/>" }
    }.joined()
  }
}

extension PageRun {
  /// Identifies runs and orders them.
  fileprivate struct Key: Hashable, Comparable {
    let lower: Int
    let upper: Int
    let state: UInt8

    static func < (a: Key, b: Key) -> Bool {
      (a.lower, a.upper, a.state) < (b.lower, b.upper, b.state)
    }
  }

  fileprivate var key: Key {
    Key(lower: pages.lowerBound, upper: pages.upperBound, state: state.rawValue)
  }
}

extension PageState {
  fileprivate var style: String {
    switch self {
    case .free: "free"
    case .available: "available"
    case .inUse: "inuse"
    case .shared: "shared"
    }
  }
}
