/// One option of a command: its names, how its value is written, what it means when absent.
struct Option<Value: Sendable>: Sendable {
  let long: String
  let short: Character?
  let syntax: ValueSyntax<Value>
  /// The value when the option is not given.
  let fallback: Value
  /// The fallback as the user would write it; nil where there is nothing to write.
  let shownDefault: String?
  let help: String

  init(
    _ long: String, short: Character? = nil, _ syntax: ValueSyntax<Value>, default fallback: Value,
    shown: String? = nil, help: String
  ) {
    self.long = long
    self.short = short
    self.syntax = syntax
    self.fallback = fallback
    shownDefault = shown
    self.help = help
  }

  /// An option that may be absent, which is nil.
  init<Wrapped>(
    optional long: String, short: Character? = nil, _ syntax: ValueSyntax<Wrapped>, help: String
  ) where Value == Wrapped? {
    self.init(long, short: short, syntax.optional, default: nil, help: help)
  }

  /// The option without the type of its value, for tables of options.
  var description: OptionDescription {
    OptionDescription(
      long: long, short: short, placeholder: syntax.placeholder, accepted: syntax.accepted,
      shownDefault: shownDefault, help: help, completion: syntax.completion,
      parse: { syntax.parse($0) })
  }
}

extension Option<Bool> {
  /// An option without a value: present or not.
  init(_ long: String, short: Character? = nil, help: String) {
    self.init(long, short: short, .flag, default: false, help: help)
  }
}

/// What the parser and the help text need to know about an option of any type.
struct OptionDescription: Sendable {
  let long: String
  let short: Character?
  let placeholder: String?
  let accepted: String
  let shownDefault: String?
  let help: String
  let completion: Completion
  let parse: @Sendable (_ text: String) -> (any Sendable)?

  var isFlag: Bool { placeholder == nil }

  /// As in help: `-j, --json FILE`.
  var usage: String {
    (short.map { "-\($0), " } ?? "") + "--\(long)" + (placeholder.map { " \($0)" } ?? "")
  }
}
