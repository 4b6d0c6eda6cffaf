/// Where a command's result goes: in words to standard output and, if asked for, as JSON to a file.
enum ResultOutput {
  static let json = Option(
    optional: "json", .file,
    help: "also write the result to FILE as JSON; - writes it to standard output, and only that")

  /// Does the work between opening the file, so that one that cannot be written is known before,
  /// and writing it.
  static func deliver<Result: Encodable>(
    jsonPath: String?, schema: String, version: Int, text: (Result) -> String,
    of work: () throws(CommandError) -> Result
  ) throws(CommandError) -> Result {
    Interrupt.catchSignals()
    guard let jsonPath else {
      let result = try work()
      try StandardOutput.write(text(result))
      return result
    }
    let file = try OutputFile(path: jsonPath)
    let result = try work()
    if jsonPath != "-" { try StandardOutput.write(text(result)) }
    try file.commit(try JSONText.encode(result, schema: schema, version: version))
    return result
  }
}
