/// What a capture tells beside its events: the device's kernel and driver, what is missing, who is
/// who. Grows while the capture is read; bounded.
struct CaptureFacts: Equatable, Sendable {
  static let mostNames = 1 << 17

  /// What the capture says of the kernel that it was taken from.
  var kernel: ReportedKernel?
  var driver = DriverEvidence()
  var lost = LostEvents()
  /// Buffers whose extra size an old kernel or a converter left out.
  var missingExtraSizes = LineTally()
  /// Offsets of 4 bytes each: the kernel is one of 32 bits, and rounds sizes up to 4.
  var has32BitOffsets = false
  /// The kernel's log inside the trace: lines about Binder or the kernel's version.
  private(set) var consoleLines: [ConsoleLine] = []
  /// Of Perfetto's process tree: command lines by process, names and processes by thread.
  private(set) var processNames: [Int32: String] = [:]
  private(set) var threadNames: [Int32: TaskName] = [:]
  private(set) var threadGroups: [Int32: Int32] = [:]

  private static let mostConsoleLines = 1000

  mutating func add(_ line: ConsoleLine) {
    if let release = ReportedKernel.inLogLine(line.text) {
      learn(ReportedKernel(release: release, source: .logLine(line.line)))
    }
    guard line.text.contains("binder"), consoleLines.count < Self.mostConsoleLines else { return }
    consoleLines.append(line)
  }

  /// The first to tell counts.
  mutating func learn(_ kernel: ReportedKernel) {
    if self.kernel == nil { self.kernel = kernel }
  }

  mutating func learn(process: Int32, name: String) {
    guard process > 0, threadGroups.count < Self.mostNames else { return }
    threadGroups[process] = process
    if !name.isEmpty { processNames[process] = name }
  }

  mutating func learn(thread: Int32, name: TaskName, process: Int32) {
    guard thread > 0, threadGroups.count < Self.mostNames else { return }
    if process > 0 { threadGroups[thread] = process }
    if !name.isUnknown { threadNames[thread] = name }
  }

  /// What one event tells.
  mutating func note(_ record: CaptureRecord) {
    switch record.event {
    case .allocBuf(let buffer):
      if !buffer.hasExtraSize { missingExtraSizes.add(line: record.line) }
      if buffer.is32Bit { has32BitOffsets = true }
    case .bufferRelease(let buffer), .failedBufferRelease(let buffer):
      if buffer.hasSizes { driver.hasReleaseSizes = true } else { driver.lacksReleaseSizes = true }
    case .transaction(let transaction) where !transaction.hasThread: driver.hasRustNames = true
    case .threadSelected: driver.hasRustNames = true
    default: break
    }
  }
}

/// A kernel's release, as `uname -r` prints it, and what said so.
struct ReportedKernel: Equatable, Sendable {
  enum Source: Equatable, Sendable {
    /// Perfetto's record of the system.
    case systemInfo
    /// `Linux version …` in a line of the kernel's log.
    case logLine(Int)
    /// A comment at the top, of perf for instance.
    case header(Int)

    var text: String {
      switch self {
      case .systemInfo: "the trace's system info"
      case .logLine(let line): "the kernel's log in line \(line)"
      case .header(let line): "the header in line \(line)"
      }
    }
  }

  var release: String
  var source: Source

  /// The word behind `Linux version `.
  static func inLogLine(_ line: String) -> String? { word(behind: "Linux version ", in: line) }

  static func inHeader(_ line: String) -> String? {
    word(behind: "os release : ", in: line) ?? inLogLine(line)
  }

  private static func word(behind mark: String, in line: String) -> String? {
    guard let found = line.firstRange(of: mark) else { return nil }
    let word = line[found.upperBound...].prefix { !$0.isWhitespace && $0 != "," }
    return word.first?.isNumber == true ? String(word) : nil
  }
}

/// Which driver a capture is of, as far as its events tell.
struct DriverEvidence: Equatable, Sendable {
  enum Family: String, Equatable, Sendable, Codable { case c, rust }

  /// Events or fields are named as only the Rust driver names them.
  var hasRustNames = false
  /// `alloc_buf` comes before its `binder_transaction`.
  var allocatesFirst = false
  /// `binder_transaction` comes before its `alloc_buf`.
  var transactsFirst = false
  var lacksReleaseSizes = false
  var hasReleaseSizes = false

  /// Nil where nothing tells.
  var family: Family? {
    if hasRustNames || allocatesFirst || lacksReleaseSizes && !hasReleaseSizes { return .rust }
    return transactsFirst || hasReleaseSizes ? .c : nil
  }

  /// What it was told by; empty where nothing tells.
  var text: String {
    if hasRustNames { return "its events are named as the Rust driver names them" }
    if allocatesFirst { return "alloc_buf comes before binder_transaction" }
    if lacksReleaseSizes && !hasReleaseSizes { return "releases tell the transaction only" }
    if hasReleaseSizes { return "releases tell sizes" }
    return transactsFirst ? "binder_transaction comes before alloc_buf" : ""
  }
}

/// Where the recorder says that it lost events.
struct LostEvents: Equatable, Sendable {
  struct Mark: Equatable, Sendable {
    /// The line; for Perfetto the number of the event behind the gap.
    var position: Int
    var nanoseconds: UInt64?
    var cpu: Int?
    /// How many, where it is told.
    var events: Int?
  }

  static let marksKept = 64

  private(set) var count = 0
  /// The events lost, as far as marks tell how many.
  private(set) var events = 0
  /// The first marks.
  private(set) var marks: [Mark] = []

  mutating func add(_ mark: Mark) {
    count += 1
    events += mark.events ?? 0
    if marks.count < Self.marksKept { marks.append(mark) }
  }
}

/// A line of the kernel's log that was recorded in a trace.
struct ConsoleLine: Equatable, Sendable {
  var line: Int
  var nanoseconds: UInt64
  var thread: Int32
  /// Without the trace's own prefix, at most 1,000 bytes.
  var text: String
}
