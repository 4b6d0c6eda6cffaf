/// How large buffers were: a bar for each power of two, by kind of message.
enum SizePlot {
  static func html(_ totals: TrafficTotals) -> String {
    guard let first = totals.sizes.firstIndex(where: { $0.contains { $0 > 0 } }) else { return "" }
    let buckets = Array(totals.sizes[first...])
    let largest = buckets.map { $0.reduce(0, +) }.max() ?? 1
    let axis = Axis.counts(to: largest)
    let marks = buckets.indices.map { index in
      Axis.Mark(
        place: Double(index) / Double(buckets.count), label: Axis.shortBytes(1 << (first + index)))
    }
    let all = buckets.flatMap(\.self).reduce(0, +)
    let common = buckets.enumerated().max { $0.element.reduce(0, +) < $1.element.reduce(0, +) }
    var paths = [String](repeating: "", count: MessageKind.allCases.count)
    for (index, counts) in buckets.enumerated() {
      var below = 0
      for (kind, count) in counts.enumerated() where count > 0 {
        paths[kind] += bar(index, of: buckets.count, from: below, to: below + count, axis)
        below += count
      }
    }
    return PlotFrame(
      title: "Sizes of buffers",
      description: "\(Format.grouped(all)) buffers; most common are those from "
        + "\(Axis.shortBytes(1 << (first + (common?.offset ?? 0)))) on, with "
        + "\(Format.grouped(common?.element.reduce(0, +) ?? 0)).",
      xName: "bytes taken, each bar up to twice its label", yName: "(buffers)", xMarks: marks,
      yMarks: axis.marks,
      viewBox: "0 0 \(Plot.side) \(Plot.side)",
      drawing: axis.marks.map {
        "<path class=\"grid\" d=\"M0 \(Plot.y($0.place))H\(Plot.side)\"/>"
      }.joined()
        + paths.enumerated().map { "<path class=\"bar k\($0.offset)\" d=\"\($0.element)\"/>" }
        .joined(),
      legend: MessageKind.allCases.filter { !paths[$0.rawValue].isEmpty }
        .map { PlotFrame.Key("bar k\($0.rawValue)", $0.name) }, style: "plot"
    ).html
  }

  private static func bar(
    _ index: Int, of count: Int, from low: Int, to high: Int, _ axis: Axis
  ) -> String {
    let step = Double(Plot.side) / Double(count)
    let (left, width) = (Int(Double(index) * step + step * 0.08), Int(step * 0.84))
    let (top, bottom) = (Plot.y(axis.place(Double(high))), Plot.y(axis.place(Double(low))))
    return "M\(left) \(top)h\(width)V\(bottom)h-\(width)z"
  }
}
