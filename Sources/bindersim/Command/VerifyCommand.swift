/// `bindersim verify`: the options, and what they turn into.
enum VerifyCommand {
  static let subcommand = Subcommand(
    name: "verify", summary: "compare the engine with recordings of a driver",
    discussion: [
      """
      Does to the engine what was done to the driver, and compares every answer: offsets, \
      failures, spam reports, pages and figures. Prints a line for each file, and the first \
      difference below it. The exit status is 1 unless all agree.
      """
    ],
    operands: [Operand(name: "FILE", help: "a recording; - is standard input", repeats: true)],
    options: [], examples: ["bindersim verify rust-mixed.rec c-mixed.rec"]
  ) { arguments throws(CommandError) in
    let options = VerifyOptions(paths: arguments.operands)
    let allAgree = try runVerify(options, write: StandardOutput.write)
    return allAgree ? .success : .failure
  }
}
