internal import BinderBuffer

/// All that the files hold, read once and kept in bounded memory.
struct Evidence {
  private(set) var log = LogEvidence()
  private(set) var dumps: [DumpProcess] = []
  private(set) var captures: [ReplayReport] = []
  private(set) var files: [ExplainedFile] = []
  /// Kernel releases, in the order in which they were met.
  private(set) var kernels: [String] = []
  private(set) var names: [Int32: String] = [:]

  /// Which driver the logs and dumps are of; nil where none tells, or both are met.
  var driver: BinderDriver? {
    let met = Set(log.refusals.compactMap(\.driver) + dumps.compactMap(\.driver))
    return met.count == 1 ? met.first == .rust ? .rust : .c : nil
  }

  /// Reads the files: logs and dumps first, since they tell what a capture lacks.
  ///
  /// - Parameter options: how captures are replayed.
  init(
    _ paths: [String], _ options: ReplayOptions, shouldStop: () -> Bool = { false }
  ) throws(ReplayError) {
    // Captures are read last, and stand where they were given.
    var order: [ExplainedFile?] = []
    var waiting: [(place: Int, input: Input)] = []
    do throws(InputError) {
      for path in paths {
        let input = try Input(path: path)
        if input.kind.isCapture {
          waiting.append((order.count, input))
          order.append(nil)
        } else {
          files = []
          try readText(input, path, shouldStop)
          for file in files { order.append(file) }
        }
      }
    } catch {
      throw .input(error)
    }
    for (place, input) in waiting {
      order[place] = try readCapture(input, options, shouldStop)
    }
    files = order.compactMap(\.self)
    for release in log.kernels where !kernels.contains(release) { kernels.append(release) }
    names.merge(log.names) { ours, _ in ours }
  }

  /// Lines in memory, handed on in chunks of at most `chunk` bytes.
  init(lines: [UInt8], name: String, chunk: Int = .max) {
    // Memory can always be read.
    try? readLines(MemorySource(lines, chunk: chunk), path: name, kind: "text") { false }
    kernels = log.kernels
    names = log.names
  }

  /// What the logs say of the regions' lengths.
  private var regionLengths: [Int32: Int] {
    var lengths: [Int32: Int] = [:]
    for refusal in log.refusals where !refusal.isRegionAssumed {
      if let receiver = refusal.receiver, let length = refusal.regionLength,
        length % 4096 == 0, (4096...Refusal.longestRegion).contains(length)
      {
        lengths[receiver] = length
      }
    }
    for dump in dumps where dump.context == nil || dump.context == "binder" {
      if let pid = dump.pid, let length = dump.regionLength, length <= Refusal.longestRegion {
        lengths[pid] = lengths[pid] ?? length
      }
    }
    return lengths
  }

  // MARK: Captures

  private mutating func readCapture(
    _ input: Input, _ options: ReplayOptions, _ shouldStop: () -> Bool
  ) throws(ReplayError) -> ExplainedFile {
    var options = options
    options.path = input.path
    var report = try replayed(input, options, shouldStop)
    let label = Self.label(input.path)
    let before = log.used
    for line in report.consoleLines {
      if let read = LogLine(Array(line.text.utf8)) {
        log.take(read, source: "\(label):\(line.line)")
      }
    }
    // The console's lines may have told a region's length.
    let told = regionLengths
    if report.runs.first?.processes.contains(where: {
      told[$0.pid] ?? $0.regionLength != $0.regionLength
    })
      ?? false
    {
      report = try replayed(input, options, shouldStop)
    }
    for (pid, name) in report.names { names[pid] = name }
    if let kernel = report.kernel, !kernels.contains(kernel) { kernels.append(kernel) }
    captures.append(report)
    return ExplainedFile(
      path: input.path, kind: report.took, lines: report.capture.lines,
      used: report.capture.binderLines + log.used - before, notes: report.notes)
  }

  private func replayed(
    _ input: Input, _ options: ReplayOptions, _ shouldStop: () -> Bool
  ) throws(ReplayError) -> ReplayReport {
    var options = options
    options.toldRegions = regionLengths
    options.toldKernel = log.kernels.first.map { ($0, "a log among the files") }
    return try runReplay(input, options, shouldStop: shouldStop)
  }

  // MARK: Logs and dumps

  private mutating func readText(
    _ input: Input, _ path: String, _ shouldStop: () -> Bool
  ) throws(InputError) {
    switch input.kind {
    case .zip: try readArchive(path, shouldStop)
    case .kernelLog, .logcat, .binderDump, .bugReport, .unknownText, .empty:
      try readLines(input.source, path: path, kind: input.description, shouldStop)
    default:
      throw input.refusal
        ?? InputError(path: path, reason: "this is \(input.description); nothing in it can be read")
    }
  }

  /// Lines of any kind, in any mixture.
  private mutating func readLines(
    _ source: any ByteSource, path: String, kind: String, _ shouldStop: () -> Bool
  ) throws(InputError) {
    let label = Self.label(path)
    var lines = LineReader(source)
    var dump = DumpParser(ownPID: Self.pid(ofFile: path))
    let before = log.used
    var log = self.log
    var header: LogStamp?
    while (try lines.next({ bytes, info in
      Self.take(bytes, "\(label):\(info.number)", &header, &dump, &log)
    })) != nil {
      if lines.lineCount & 0xFFFF == 0, shouldStop() { break }
    }
    self.log = log
    dumps += dump.processes
    var file = ExplainedFile(
      path: path, kind: kind, lines: lines.lineCount, used: dump.used + log.used - before)
    if file.used == 0 { file.notes.append("nothing in it is about Binder's buffers") }
    if dump.leftOut > 0 {
      file.notes.append(
        "\(Format.count(dump.leftOut, "line")) of a dump were left out: there are too many")
    }
    if let damage = source.damage { file.notes.append(damage) }
    files.append(file)
  }

  private static func take(
    _ bytes: Span<UInt8>, _ source: @autoclosure () -> String, _ header: inout LogStamp?,
    _ dump: inout DumpParser, _ log: inout LogEvidence
  ) {
    if let stamp = LogStamp(longHeader: bytes) { header = stamp }
    if bytes.count == 0 || bytes.count == 1 && bytes[0] == 0x0D { header = nil }
    let isDump = DumpParser.isWorthReading(bytes)
    guard isDump || LogLine.isWorthReading(bytes) else { return }
    var copy: [UInt8] = []
    // Longer lines are not of a driver.
    let count = min(bytes.count, 4096)
    copy.reserveCapacity(count)
    for index in 0..<count { copy.append(bytes[index]) }
    while copy.last == 0x0D || copy.last == 0x20 { copy.removeLast() }
    if isDump, dump.take(copy, source: source()) { return }
    guard var line = LogLine(copy) else { return }
    if let header, line.stamp == LogStamp() { line.stamp = header }
    log.take(line, source: source())
  }

  // MARK: Archives

  private mutating func readArchive(
    _ path: String, _ shouldStop: () -> Bool
  ) throws(InputError) {
    let archive = try ZipArchive(try RandomAccessBytes(path: path), path: path)
    let wanted = archive.entries.filter { Self.isWanted($0.name) }
    guard !wanted.isEmpty else {
      throw InputError(
        path: path,
        reason: "the archive holds no log, no bug report and no dump of Binder's state; unpack it "
          + "and give the files that may tell")
    }
    for entry in wanted {
      let source = try archive.source(of: entry)
      try readLines(source, path: "\(path)/\(entry.name)", kind: "in a zip archive", shouldStop)
      if shouldStop() { return }
    }
    let traces = archive.entries.filter { Self.isTrace($0.name) }
    if !traces.isEmpty {
      files[files.count - 1].notes.append(
        "the archive also holds \(traces.map(\.name).joined(separator: ", ")): unpack it, and give it "
          + "too if Binder's events were recorded")
    }
  }

  /// The text of a bug report, logs, and what lies in a folder of Binder's.
  static func isWanted(_ name: String) -> Bool {
    let parts = name.split(separator: "/")
    guard let last = parts.last, !name.hasSuffix("/") else { return false }
    let file = last.lowercased()
    if parts.dropLast().contains(where: { $0 == "binder" || $0 == "binder_logs" }) { return true }
    if file == "version.txt" || file == "main_entry.txt" || file == "dumpstate_log.txt" {
      return false
    }
    if parts.count == 1, file.hasSuffix(".txt") || file.hasSuffix(".log") { return true }
    return ["dmesg", "logcat", "last_kmsg", "console-ramoops", "kmsg", "bugreport", "binder"]
      .contains { file.contains($0) } && !isTrace(name)
  }

  private static func isTrace(_ name: String) -> Bool {
    [".pftrace", ".perfetto-trace", ".ftrace", ".perfetto"].contains { name.hasSuffix($0) }
  }

  /// The last part of a path is enough to find a line again.
  static func label(_ path: String) -> String {
    path == "-" ? "stdin" : path.split(separator: "/").last.map(String.init) ?? path
  }

  /// Of `binder_logs/proc/1234`.
  static func pid(ofFile path: String) -> Int32? {
    path.split(separator: "/").last.flatMap { Int32($0) }.flatMap { $0 > 0 ? $0 : nil }
  }
}
