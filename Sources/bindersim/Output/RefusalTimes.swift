/// When messages were refused, as a table: a row for each interval in which any was, a column for
/// each setting that refused any. Empty where none did.
enum RefusalTimes {
  typealias Series = (name: String, times: TimeCounts)

  /// - Parameter time: a time in words.
  static func text(
    _ series: [Series], indent: String = "", for terminal: Terminal, _ time: (UInt64) -> String
  ) -> String {
    let series = series.filter { !$0.times.isEmpty }
    guard !series.isEmpty else { return "" }
    var table = Table(header(series))
    for row in rows(series, time) { table.add(row, isAlarming: true) }
    return table.text(indent: indent, for: terminal)
  }

  static func html(_ series: [Series], _ time: (UInt64) -> String) -> String {
    let series = series.filter { !$0.times.isEmpty }
    guard !series.isEmpty else { return "" }
    return HTML.table(header(series), rows(series, time), caption: "Refusals over time")
  }

  private static func header(_ series: [Series]) -> [String] {
    ["refused from", "to"] + (series.count > 1 ? series.map(\.name) : ["messages"])
  }

  private static func rows(_ series: [Series], _ time: (UInt64) -> String) -> [[String]] {
    TimeCounts.intervals(of: series.map(\.times)).map { interval in
      [time(interval.from), time(interval.to)] + interval.counts.map(Format.grouped)
    }
  }
}

extension LeakGroup {
  /// A row for each group.
  static func html(_ groups: [LeakGroup], _ label: (Int32) -> String) -> String {
    HTML.table(
      columns.map(\.title), groups.map { $0.cells(label) },
      caption: "Buffers that were never released, those alike together")
  }
}
