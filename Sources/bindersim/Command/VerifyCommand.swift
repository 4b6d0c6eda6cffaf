/// `bindersim verify`: the options, and what they turn into.
enum VerifyCommand {
  static let subcommand = Subcommand(
    name: "verify", summary: "compare the engine with recordings of a driver",
    discussion: [
      """
      Does to the engine what was done to the driver, and compares every answer: offsets, \
      failures, spam reports, pages and figures. Prints a line for each file, and the first \
      difference below it. Ctrl-C ends the comparison with what was compared so far. The exit \
      status is 1 when one differs, 3 when one cannot be used.
      """
    ],
    operands: [Operand(name: "FILE", help: "a recording; - is standard input", repeats: true)],
    options: [], examples: ["bindersim verify rust-mixed.rec c-mixed.rec"]
  ) { arguments throws(CommandError) in
    let options = VerifyOptions(paths: arguments.operands)
    var progress = Progress()
    var start = MonotonicClock.now()
    return try runVerify(
      options,
      progress: { path, now in
        progress.show {
          path + ": "
            + Format.progress(
              now.lines, "lines", in: MonotonicClock.now() - start, done: now.bytes,
              of: now.ofBytes)
        }
      },
      write: { text throws(CommandError) in
        progress.clear()
        try StandardOutput.write(text)
        start = MonotonicClock.now()
      })
  }
}
