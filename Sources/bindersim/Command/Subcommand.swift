/// One thing that bindersim can do, described well enough to parse its arguments and print its
/// help; everything that is said about it to the user is said here.
struct Subcommand: Sendable {
  let name: String
  /// One line, for the list of commands.
  let summary: String
  /// Paragraphs under the usage line.
  var discussion: [String] = []
  var operands: [Operand] = []
  let options: [OptionDescription]
  /// Lists under the options, such as the names that one of them accepts.
  var lists: [HelpList] = []
  var examples: [String] = []
  let run: @Sendable (_ arguments: Arguments) throws(CommandError) -> ExitStatus
}

/// An argument that is no option, such as the file to replay.
struct Operand: Sendable {
  let name: String
  let help: String
  var isRequired = true
  /// Whether more than one may be given; only the last operand of a command may.
  var repeats = false
  var completion = Completion.file
}

/// A titled list of names and what they mean.
struct HelpList: Sendable {
  let title: String
  let entries: [(name: String, text: String)]
}

/// What a command was given.
struct Arguments: Sendable {
  private(set) var operands: [String] = []
  private var values: [String: any Sendable] = [:]

  /// The option's value, or its default when it was not given.
  subscript<Value>(_ option: Option<Value>) -> Value {
    // INVARIANT: `values[long]` came out of the parser of the option of that name.
    values[option.long].map { $0 as! Value } ?? option.fallback
  }

  func has<Value>(_ option: Option<Value>) -> Bool { values[option.long] != nil }

  /// Refuses an option that was given and would do nothing.
  ///
  /// - Parameter reason: follows its name: "has no effect with --job, which …".
  func refuse<Value>(
    _ option: Option<Value>, when isIdle: Bool, _ reason: String
  ) throws(CommandError) {
    guard isIdle, has(option) else { return }
    throw .usage("--\(option.long) \(reason)", hint: "Leave one of them out.")
  }

  mutating func set(_ option: OptionDescription, _ value: any Sendable) {
    values[option.long] = value
  }

  mutating func append(operand: String) { operands.append(operand) }
}
