/// Where a result goes beside standard output.
struct ExportRequest: Sendable {
  var json: String?
  var html: String?
  var trace: String?
  var ftrace: String?
  var hgrm: String?
  /// Of which step `hgrm` tells; nil for the first that there is.
  var hgrmStep: String?

  var recording: RecordingDepth {
    if trace != nil || ftrace != nil { return .events }
    return html != nil || hgrm != nil ? .timeline : .none
  }

  fileprivate var outputs: [(option: String, path: String)] {
    [("json", json), ("html", html), ("trace", trace), ("ftrace", ftrace), ("hgrm", hgrm)]
      .compactMap { option, path in path.map { (option, $0) } }
  }

  fileprivate var usesStandardOutput: Bool { outputs.contains { $0.path == "-" } }
}

/// The options that ask for exports; `run`, `replay` and `host` have them all.
enum ExportOptions {
  static let json = Option(
    optional: "json", .file,
    help: "also write the result to FILE as JSON; - writes it to standard output, and only that")
  static let html = Option(
    optional: "html", .file, help: "write a report with plots to FILE, to look at in a browser")
  static let trace = Option(
    optional: "trace", .file,
    help: "write all events to FILE as Chrome trace JSON, to open in Perfetto")
  static let ftrace = Option(
    optional: "ftrace", .file,
    help: "write all events to FILE as the kernel's ftrace text, to replay them")
  static let hgrm = Option(
    optional: "hgrm", .file,
    help: "write the latencies of one step to FILE as HdrHistogram percentiles")
  static let hgrmStep = Option(
    optional: "hgrm-step", .choice("STEP", LatencySeries.allNames.map { ($0, $0) }),
    help: "of which step --hgrm tells, such as send, delivery, roundTrip or requestLifetime "
      + "(default: the first of roundTrip, delivery, requestLifetime, onewayLifetime there is)")

  static let descriptions = [
    json.description, html.description, trace.description, ftrace.description, hgrm.description,
    hgrmStep.description,
  ]

  static func request(from arguments: Arguments) throws(CommandError) -> ExportRequest {
    try arguments.refuse(
      hgrmStep, when: !arguments.has(hgrm), "has no effect without --hgrm, which it is about")
    let request = ExportRequest(
      json: arguments[json], html: arguments[html], trace: arguments[trace],
      ftrace: arguments[ftrace], hgrm: arguments[hgrm], hgrmStep: arguments[hgrmStep])
    guard request.outputs.count(where: { $0.path == "-" }) <= 1 else {
      throw .usage(
        "only one file can be -, which is standard output", hint: "See 'bindersim help exports'.")
    }
    return request
  }
}

/// What a command found, in all the forms that can be asked for.
struct Outcome {
  var text: String
  var json: () throws(CommandError) -> String
  var page: () -> ReportPage
  /// Of the first setting, where there are several.
  var recording: Recording?
  /// By pid, where they are known.
  var names: [Int32: String] = [:]
  var latencies: [LatencySeries]
}

/// Opens all files that a result goes to before the work begins, so that one that cannot be
/// written is known then, and writes them at the end.
struct ExportFiles: ~Copyable {
  private let request: ExportRequest
  private let json: OutputFile?
  private let html: OutputFile?
  private let trace: OutputFile?
  private let ftrace: OutputFile?
  private let hgrm: OutputFile?

  /// - Parameter inputs: what the command reads, which no result may overwrite.
  static func open(
    _ request: ExportRequest, inputs: [String]
  ) throws(CommandError) -> ExportFiles {
    try FileIdentity.requireDistinct(inputs: inputs, outputs: request.outputs)
    return ExportFiles(
      request: request, json: try open(request.json), html: try open(request.html),
      trace: try open(request.trace), ftrace: try open(request.ftrace),
      hgrm: try open(request.hgrm))
  }

  private static func open(_ path: String?) throws(CommandError) -> OutputFile? {
    guard let path else { return nil }
    return try OutputFile(path: path)
  }

  consuming func write(_ outcome: Outcome) throws(CommandError) {
    if !request.usesStandardOutput { try StandardOutput.write(outcome.text) }
    try writeFiles(outcome)
  }

  /// The same without the text, which is for standard output.
  consuming func writeFiles(_ outcome: Outcome) throws(CommandError) {
    if let json { try json.commit(try outcome.json()) }
    if let html { try html.commit(outcome.page().html) }
    if let trace {
      try ChromeTrace(outcome.recording, names: outcome.names).write(to: trace)
      try trace.commit()
    }
    if let ftrace {
      try FtraceText(outcome.recording, names: outcome.names).write(to: ftrace)
      try ftrace.commit()
    }
    if let hgrm {
      let series = try LatencySeries.select(request.hgrmStep, from: outcome.latencies)
      try hgrm.commit(PercentileText.text(series))
    }
  }
}
