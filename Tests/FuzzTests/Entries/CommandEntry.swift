@testable import bindersim

/// The bytes are a command line, one word on each line, parsed for each command.
func fuzzCommandLine(_ bytes: [UInt8]) throws {
  let words = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    .map { String(decoding: $0, as: UTF8.self) }
  for command in Bindersim.commands.commands { try parse(words, for: command) }
}

private func parse(_ words: [String], for command: Subcommand) throws {
  let parser = ArgumentParser(command: command)
  let arguments: Arguments
  do throws(CommandError) {
    guard let parsed = try parser.parse(words) else { return }
    arguments = parsed
  } catch {
    guard case .usage(let message, let hint) = error else {
      throw Finding(description: "a parser failed otherwise: \(error)")
    }
    try require(message.hasPrefix(command.name + ": "), "whose message is '\(message)'?")
    return try require(hint != nil, "no hint for '\(message)'")
  }
  try require(
    arguments.operands.count >= command.operands.count { $0.isRequired }
      && (arguments.operands.count <= command.operands.count
        || command.operands.last?.repeats == true),
    "\(command.name) accepted \(arguments.operands.count) operands")
  if command.name == RunCommand.subcommand.name {
    let options: RunOptions
    do throws(CommandError) {
      options = try WorkloadOptions.options(from: arguments, isDeterministic: true)
    } catch {
      // A job file that is not there, or is none.
      return
    }
    try require(
      (2...64).contains(options.processes) && (2...64).contains(options.threads)
        && options.region % 4096 == 0 && (options.duration != nil || options.transactions != nil),
      "accepted options out of their bounds: \(options)")
  }
}
