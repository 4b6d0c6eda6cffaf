internal import BinderBuffer

/// Plots of a region over time: for each column of time a band from the lowest to the highest
/// value, with a line along the end that matters.
struct TimePlot {
  let recording: Recording
  let track: ProcessTrack

  /// Which end of the band is the worst case.
  enum Emphasis { case high, low }

  func plots() -> [String] {
    [bytes, buffers, pages, oneway, fragmentation].map(\.html)
  }

  private var columns: [Column] { track.columns }

  private var bytes: Plot {
    let region = track.regionLength
    return plot(
      "Bytes in use", \.bytes, .bytes(to: limitIfNear(region, largest(\.bytes))), "bytes",
      limit: (region, "region"), text: Format.bytes)
  }

  private var buffers: Plot {
    plot(
      "Live buffers", \.buffers, .counts(to: largest(\.buffers)), "buffers",
      text: Format.grouped)
  }

  private var oneway: Plot {
    let half = track.regionLength / 2
    return plot(
      "Free oneway space", \.freeOneway, .bytes(to: half), "bytes", .low,
      limit: (half / 5, "spam is looked for below"), text: Format.bytes)
  }

  private var fragmentation: Plot {
    plot(
      "Fragmentation: outside the largest free range", \.fragmentation, .percent(),
      "% of the free bytes"
    ) { "\(Format.tenths($0, of: 10)) %" }
  }

  /// Two stacked areas instead of a band.
  private var pages: Plot {
    let inUse = columns.map { Double($0.pagesInUse.high) }
    let framed = columns.map { Double($0.framedPages.high) }
    let axis = Axis.counts(to: max(1, Int(framed.max() ?? 0)))
    let ground = columns.map { _ in 0.0 }
    var plot = plot(
      "Pages with a frame", \.pagesInUse, axis, "pages of 4 KiB", text: Format.grouped)
    plot.layers = [
      Plot.Layer(path: area(inUse, framed, axis), style: "area available", name: "available"),
      Plot.Layer(path: area(ground, inUse, axis), style: "area inuse", name: "in use"),
    ]
    return plot
  }

  private func plot(
    _ title: String, _ figure: KeyPath<Column, Extremes>, _ axis: Axis, _ unit: String,
    _ emphasis: Emphasis = .high, limit: (value: Int, name: String)? = nil,
    text: (Int) -> String
  ) -> Plot {
    let lows = columns.map { Double($0[keyPath: figure].low) }
    let highs = columns.map { Double($0[keyPath: figure].high) }
    let low = columns.map { $0[keyPath: figure].low }.min() ?? 0
    let high = largest(figure)
    let last = columns.last?[keyPath: figure].last ?? 0
    var plot = Plot(
      title: title,
      description: "Over \(Format.time(nanoseconds: recording.end)): lowest \(text(low)), "
        + "highest \(text(high)), at the end \(text(last)), in \(unit).",
      xAxis: time, yAxis: axis, xName: "time since the beginning", yName: "(\(unit))")
    plot.layers = [
      Plot.Layer(path: area(lows, highs, axis), style: "area band", name: nil),
      Plot.Layer(path: line(emphasis == .high ? highs : lows, axis), style: "line s0", name: title),
    ]
    plot.limit = limit.flatMap { limit in
      Double(limit.value) <= axis.end ? (axis.place(Double(limit.value)), limit.name) : nil
    }
    plot.alarms = recording.failures.filter { $0.receiver == track.process.pid }.prefix(3)
      .map { time.place(Double($0.firstTime)) }
    return plot
  }

  private var time: Axis { .time(to: max(1, recording.end)) }

  private func largest(_ figure: KeyPath<Column, Extremes>) -> Int {
    columns.map { $0[keyPath: figure].high }.max() ?? 0
  }

  /// The whole region is shown when it is nearly full; otherwise the curve would be flat.
  private func limitIfNear(_ limit: Int, _ value: Int) -> Int { value * 3 > limit ? limit : value }

  // MARK: Paths

  /// Where column `index` begins: a column's width is its time span.
  private func x(_ index: Int) -> Int {
    Plot.x(time.place(Double(UInt64(index) * recording.grid.width)))
  }

  private func line(_ values: [Double], _ axis: Axis) -> String {
    var path = ""
    for (index, value) in values.enumerated() {
      let y = Plot.y(axis.place(value))
      path += (index == 0 ? "M0 \(y)" : "H\(x(index))V\(y)")
    }
    return path + "H\(x(values.count))"
  }

  private func area(_ lows: [Double], _ highs: [Double], _ axis: Axis) -> String {
    guard !lows.isEmpty else { return "" }
    var path = line(highs, axis)
    for index in lows.indices.reversed() {
      path += "V\(Plot.y(axis.place(lows[index])))H\(x(index))"
    }
    return path + "Z"
  }
}
