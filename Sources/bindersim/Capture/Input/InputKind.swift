/// What a file is, told by its content alone.
enum InputKind: String, Sendable, Codable, CaseIterable {
  /// Lines of ftrace, trace-cmd, atrace, perf script or a converter.
  case ftraceText
  /// A systrace page around such lines.
  case systracePage
  /// JSON that holds such lines as one string.
  case systraceJSON
  case perfetto
  /// Perfetto's protobuf written out as text.
  case perfettoText
  /// dmesg, last_kmsg, a console's log.
  case kernelLog
  case logcat
  /// A file of debugfs or binderfs: `state`, `proc/PID`, `stats`, `transactions`.
  case binderDump
  /// The text of a bug report.
  case bugReport
  case zip
  case traceDat
  case perfData
  /// Chrome trace events, which hold no Binder sizes.
  case chromeJSON
  case otherBinary
  case unknownText
  case empty

  /// Whether `CaptureReader` gets events out of it.
  var isCapture: Bool {
    switch self {
    case .ftraceText, .systracePage, .systraceJSON, .perfetto, .perfettoText: true
    default: false
    }
  }

  /// Whether it has packets instead of lines.
  var hasLines: Bool { self != .perfetto && self != .perfettoText }

  /// What a position in it counts, for people.
  var positionWord: String { hasLines ? "line" : "event" }

  var text: String {
    switch self {
    case .ftraceText: "ftrace text"
    case .systracePage: "a systrace page"
    case .systraceJSON: "ftrace text wrapped in JSON"
    case .perfetto: "a Perfetto trace"
    case .perfettoText: "a Perfetto trace as text (pbtxt)"
    case .kernelLog: "a kernel log"
    case .logcat: "a logcat log"
    case .binderDump: "a dump of Binder's state"
    case .bugReport: "a bug report"
    case .zip: "a zip archive"
    case .traceDat: "a binary recording of trace-cmd (trace.dat)"
    case .perfData: "a binary recording of perf (perf.data)"
    case .chromeJSON: "Chrome trace events (JSON)"
    case .otherBinary: "a binary file of an unknown kind"
    case .unknownText: "text of an unknown kind"
    case .empty: "an empty file"
    }
  }

  /// What to do with a file that is no capture; nil for captures and what may hold one.
  var remedy: String? {
    switch self {
    case .traceDat: "turn it into text with `trace-cmd report -i FILE > trace.txt` and read that"
    case .perfData: "turn it into text with `perf script -i FILE > trace.txt` and read that"
    case .chromeJSON:
      "its events hold no Binder buffers; use the trace that it was made from, or record with the "
        + "events of the binder group"
    case .zip: "unpack it and use the trace inside; `bindersim explain` reads a bug report's zip"
    case .kernelLog, .logcat, .binderDump, .bugReport:
      "it holds no trace to replay; `bindersim explain` reads it"
    default: nil
    }
  }
}

/// What was taken off before the content showed.
enum InputLayer: String, Sendable, Codable {
  case gzip, zlib, zstd
  /// Text as Windows shells write it.
  case utf16

  var text: String {
    switch self {
    case .gzip: "gzip"
    case .zlib: "zlib"
    case .zstd: "zstd"
    case .utf16: "UTF-16"
    }
  }
}
