internal import BinderBuffer

/// One of the settings that a page compares.
struct ComparedSetting {
  let policy: String
  /// Bytes of each process's region.
  let regionLength: Int
  let recording: Recording

  var name: String { "\(policy), \(Format.size(regionLength))" }
}

/// The same messages in several settings, side by side: each figure in one plot with a line for
/// each setting, and what is equal in several settings once.
struct ComparisonSections {
  private static let shownProcesses = 4
  private static let shownFailures = 6

  let settings: [ComparedSetting]
  let names: ProcessNames

  var sections: [ReportPage.Section] {
    guard let first = settings.first else { return [] }
    let once = RecordingSections(recording: first.recording, names: names)
    return [
      ReportPage.Section("Refusals", refusals), ReportPage.Section("Regions", regions),
      ReportPage.Section("Sizes and senders", once.traffic),
    ]
  }

  private var clock: RecordedClock { settings[0].recording.clock }

  // MARK: Refusals

  private var refusals: String {
    let groups = settings.flatMap { setting in setting.recording.failures.map { (setting, $0) } }
    guard !groups.isEmpty else { return HTML.paragraph("No setting refused a message.") }
    var keys: [(kind: FailureKind, receiver: Int32)] = []
    for (_, group) in groups
    where !keys.contains(where: { $0.kind == group.kind && $0.receiver == group.receiver }) {
      keys.append((group.kind, group.receiver))
    }
    var text = HTML.table(
      ["refused"] + settings.map(\.name),
      keys.map { key in
        ["\(key.kind), to \(names.label(key.receiver))"]
          + settings.map { setting in
            Format.grouped(
              setting.recording.failures.first {
                $0.kind == key.kind && $0.receiver == key.receiver
              }?.count ?? 0)
          }
      }, caption: "Messages that each setting refused")
    text += RefusalTimes.html(
      settings.map { ($0.name, $0.recording.refusedTimes) }, clock.text)
    // The same in another setting tells little more.
    for key in keys.prefix(Self.shownFailures) {
      guard
        let (setting, group) = groups.first(where: {
          $0.1.kind == key.kind && $0.1.receiver == key.receiver
        })
      else { continue }
      text += HTML.paragraph("In the setting \(setting.name):")
      text += FailureText.html([group], names, clock)
    }
    return text
  }

  // MARK: Regions

  /// The processes whose regions were put to use in any setting, fullest first.
  private var busy: [Int32] {
    var peaks: [Int32: Int] = [:]
    for setting in settings {
      for track in RecordingSections.split(setting.recording.fullestTracks).busy {
        peaks[track.process.pid] = max(peaks[track.process.pid] ?? 0, track.peak.bytesInUse)
      }
    }
    return peaks.sorted { ($0.value, $1.key) > ($1.value, $0.key) }.map(\.key)
  }

  private var regions: String {
    let busy = busy
    let idle = settings[0].recording.fullestTracks.filter { !busy.contains($0.process.pid) }
    var text = table("peak pages", busy) { $0.columns.map(\.pagesInUse.high).max() ?? 0 }
    text += RecordingSections.fold(idle, names) + legend
    for (index, pid) in busy.prefix(Self.shownProcesses).enumerated() {
      text += "<section class=\"process\"><h3>Process \(HTML.escaped(names.label(pid)))</h3>\n"
      text += "<div class=\"plots\">" + plots(pid).joined() + "</div>\n"
      if index == 0 {
        text += "<h4>Region maps</h4>\n" + PlotFrame.html(RegionMap.legend)
        text += "<div class=\"plots\">" + maps(pid).joined() + "</div>\n"
      }
      text += "</section>\n"
    }
    if busy.count > 1 {
      text += HTML.paragraph(
        busy.count > Self.shownProcesses
          ? "Plots are shown of the \(Self.shownProcesses) processes whose regions were fullest; the "
            + "region map is that of the fullest."
          : "The region map is that of the fullest process.")
    }
    return text
  }

  /// One for all plots: a colour for each policy, a kind of line for each length of region.
  private var legend: String {
    PlotFrame.html(settings.map { PlotFrame.Key(style($0), $0.name) })
      + HTML.paragraph("Where settings do not differ, the line of the first of them is drawn.")
  }

  private func table(
    _ title: String, _ processes: [Int32], _ figure: (ProcessTrack) -> Int
  ) -> String {
    HTML.table(
      ["process"] + settings.map(\.name),
      processes.prefix(16).map { pid in
        [names.label(pid)]
          + settings.map { setting in
            setting.recording.tracks[pid].map { Format.grouped(figure($0)) } ?? "-"
          }
      }, caption: "Of each process: \(title)")
  }

  /// Region maps, those that look alike once.
  private func maps(_ pid: Int32) -> [String] {
    let maps = settings.compactMap { setting -> (name: String, map: RegionMap)? in
      setting.recording.tracks[pid].map {
        (setting.name, RegionMap(recording: setting.recording, track: $0))
      }
    }
    return Self.grouped(maps.map { ($0.name, $0.map.picture) }).map { members in
      maps[members[0]].map.html(
        Self.title(members.map { maps[$0].name }, of: settings.count), legend: [])
    }
  }

  // MARK: Plots

  private struct Figure: Sendable {
    let title: String
    let unit: String
    let value: @Sendable (Column) -> Int
    let axis: @Sendable (Int) -> Axis
  }

  private static let figures = [
    Figure(
      title: "Bytes in use", unit: "bytes", value: { $0.bytes.high }, axis: { .bytes(to: $0) }),
    Figure(
      title: "Live buffers", unit: "buffers", value: { $0.buffers.high },
      axis: { .counts(to: $0) }),
    Figure(
      title: "Pages in use", unit: "pages of 4 KiB", value: { $0.pagesInUse.high },
      axis: { .counts(to: $0) }),
    Figure(
      title: "Pages with a frame", unit: "pages of 4 KiB", value: { $0.framedPages.high },
      axis: { .counts(to: $0) }),
    Figure(
      title: "Free oneway space", unit: "bytes", value: { $0.freeOneway.low },
      axis: { .bytes(to: $0) }),
    Figure(
      title: "Fragmentation: outside the largest free range", unit: "% of the free bytes",
      value: { $0.fragmentation.high }, axis: { _ in .percent() }),
  ]

  private func plots(_ pid: Int32) -> [String] {
    let tracks = settings.compactMap { setting in
      setting.recording.tracks[pid].map { (setting: setting, track: $0) }
    }
    let end = settings.map(\.recording.end).max() ?? 1
    let time = Axis.time(to: max(1, end))
    return Self.figures.map { figure in
      let values = tracks.map { $0.track.columns.map(figure.value) }
      let axis = figure.axis(values.flatMap(\.self).max() ?? 0)
      let paths = tracks.indices.map { index in
        let recording = tracks[index].setting.recording
        return TimePlot.line(values[index].map(Double.init), axis) { column in
          Plot.x(time.place(Double(min(recording.end, UInt64(column) * recording.grid.width))))
        }
      }
      let named = tracks.indices.map { (tracks[$0].setting.name, paths[$0]) }
      var plot = Plot(
        title: figure.title,
        description: Self.grouped(named).map { members in
          Self.title(members.map { named[$0].0 }, of: settings.count)
            + ": at most \(Format.grouped(values[members[0]].max() ?? 0))"
        }.joined(separator: "; ") + ".",
        xAxis: time, yAxis: axis, xName: clock.axisName, yName: "(\(figure.unit))")
      plot.layers = Self.grouped(named).map { members in
        Plot.Layer(
          path: paths[members[0]], style: style(tracks[members[0]].setting), name: nil)
      }
      return plot.html
    }
  }

  /// A colour for each policy, a kind of line for each length of region.
  private func style(_ setting: ComparedSetting) -> String {
    var policies: [String] = []
    var regions: [Int] = []
    for setting in settings {
      if !policies.contains(setting.policy) { policies.append(setting.policy) }
      if !regions.contains(setting.regionLength) { regions.append(setting.regionLength) }
    }
    let colour = (policies.firstIndex(of: setting.policy) ?? 0) % 8
    return "line s\(colour) d\((regions.firstIndex(of: setting.regionLength) ?? 0) % 3)"
  }

  /// The places of those that look alike, in the order of the first of each.
  static func grouped(_ entries: [(name: String, picture: String)]) -> [[Int]] {
    var groups: [[Int]] = []
    var places: [String: Int] = [:]
    for (index, entry) in entries.enumerated() {
      if let place = places[entry.picture] {
        groups[place].append(index)
      } else {
        places[entry.picture] = groups.count
        groups.append([index])
      }
    }
    return groups
  }

  private static func title(_ names: [String], of count: Int) -> String {
    names.count == count && count > 1 ? "all settings" : names.joined(separator: "; ")
  }
}
