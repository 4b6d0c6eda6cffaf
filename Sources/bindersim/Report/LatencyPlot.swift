/// Latencies by percentile: how long the slowest half, tenth and hundredth of the steps took.
enum LatencyPlot {
  static func html(_ series: [LatencySeries], title: String) -> String {
    let shown = series.filter { $0.histogram.count > 0 }
    guard !shown.isEmpty else { return "" }
    // The very fastest say little and would flatten the rest.
    let smallest = shown.map { $0.histogram.quantile(0.01) }.min() ?? 1
    let largest = shown.map(\.histogram.maximum).max() ?? 1
    let xAxis = Axis.percentiles(of: shown.map(\.histogram.count).max() ?? 1)
    let yAxis = Axis.logTime(from: smallest, to: largest)
    var plot = Plot(
      title: title + ", by percentile",
      description: shown.map(words).joined(separator: " "),
      xAxis: xAxis, yAxis: yAxis, xName: "share of all (each nine takes the same room)",
      yName: "(time, logarithmic)")
    plot.layers = shown.enumerated().map { index, one in
      Plot.Layer(
        path: path(one.histogram, xAxis, yAxis), style: "line s\(index % 8)", name: one.title)
    }
    return plot.html + table(shown, title)
  }

  private static func path(_ histogram: LatencyHistogram, _ xAxis: Axis, _ yAxis: Axis) -> String {
    var path = ""
    for share in PercentileText.shares(of: histogram.count) where share < 1 {
      let (x, y) = (xAxis.place(share), yAxis.place(Double(histogram.quantile(share))))
      path += (path.isEmpty ? "M" : "L") + "\(Plot.x(x)) \(Plot.y(y))"
    }
    return path
  }

  private static func words(_ series: LatencySeries) -> String {
    "\(series.title): half took at most "
      + "\(Format.time(nanoseconds: series.histogram.quantile(0.5))), 99 % at most "
      + "\(Format.time(nanoseconds: series.histogram.quantile(0.99)))."
  }

  private static func table(_ series: [LatencySeries], _ title: String) -> String {
    HTML.table(
      ["step", "count", "p50", "p90", "p99", "p99.9", "max"],
      series.map { one in
        [one.title, Format.grouped(Int(one.histogram.count))]
          + [0.5, 0.9, 0.99, 0.999].map { Format.time(nanoseconds: one.histogram.quantile($0)) }
          + [Format.time(nanoseconds: one.histogram.maximum)]
      }, caption: title)
  }
}
