internal import BinderBuffer

/// `bindersim explain`: the options, and what they turn into.
enum ExplainCommand {
  private static let region = Option(
    "region", short: "r", .region, default: Refusal.usualRegion, shown: "1016K",
    help: "bytes of a region whose length no file tells")

  static let subcommand = Subcommand(
    name: "explain", summary: "say what logs, dumps, bug reports and captures tell of a failure",
    discussion: [
      """
      Reads what people hold when Binder fails them: kernel logs (dmesg, last_kmsg), logcat, the \
      files of binder_logs or debugfs (state, proc/PID, stats, transactions), bug reports as text \
      or zip, and captures. Several files complete each other: the log has the size that a \
      capture lacks.
      """,
      """
      Says in words what was refused, when, to whom, from whom and how large; whether the region \
      was full, fragmented, out of oneway space or too small; who held it; whether it is a leak or \
      load; whether 2 MiB would help; what to do next. What the files cannot tell is said to be \
      unknown, with the file or event that would tell.
      """,
    ],
    operands: [Operand(name: "FILE", help: "what you have; - is standard input", repeats: true)],
    options: [
      region.description, ExportOptions.html.description, ExportOptions.json.description,
    ] + RuleOptions.descriptions,
    examples: [
      "bindersim explain dmesg.txt", "bindersim explain state.txt --html state.html",
      "bindersim explain dmesg.txt capture.ftrace --json -",
      "bindersim explain bugreport.zip --kernel 5.10.149-android12-9",
    ]
  ) { arguments throws(CommandError) in
    let request = ExportRequest(
      json: arguments[ExportOptions.json], html: arguments[ExportOptions.html])
    guard request.json != "-" || request.html != "-" else {
      throw .usage(
        "only one file can be -, which is standard output", hint: "See 'bindersim explain --help'.")
    }
    let kernel = arguments[RuleOptions.kernel]
    // Refused here when it is not modelled, whichever driver the files are of.
    if kernel != nil { _ = try RuleOptions.choose(nil, kernel, []) }
    var options = ReplayOptions(path: "")
    options.kernel = kernel?.text
    options.rules = arguments[RuleOptions.rules]
    options.regionLengths = [arguments[region]]
    options.adaptsRegions = true
    return try run(arguments.operands, options, request)
  }

  static func run(
    _ paths: [String], _ options: ReplayOptions, _ request: ExportRequest
  ) throws(CommandError) -> ExitStatus {
    let files = try ExportFiles.open(request, inputs: paths)
    let evidence: Evidence
    do throws(ReplayError) {
      evidence = try Evidence(paths, options, shouldStop: { Interrupt.wasRequested })
    } catch {
      throw .failure("\(error)")
    }
    let explanation = Explanation(evidence, options)
    try files.write(
      Outcome(
        text: ExplainText.text(explanation),
        json: { () throws(CommandError) in
          try JSONText.encode(explanation, schema: "bindersim.explain", version: 1)
        },
        page: { ExplainPage.page(explanation) }, recording: nil, latencies: []))
    return explanation.status
  }
}
