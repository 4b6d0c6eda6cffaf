/// How an option's value is written: what help calls it, what is accepted, how it is read.
struct ValueSyntax<Value: Sendable>: Sendable {
  /// As in `--region SIZE`; nil for a flag, which takes no value.
  let placeholder: String?
  /// Completes "expected …" in an error.
  let accepted: String
  /// What a shell offers to complete it with.
  let completion: Completion
  /// Nil when `text` is not accepted.
  let parse: @Sendable (_ text: String) -> Value?

  init(
    _ placeholder: String?, accepted: String, completion: Completion = .nothing,
    parse: @escaping @Sendable (_ text: String) -> Value?
  ) {
    self.placeholder = placeholder
    self.accepted = accepted
    self.completion = completion
    self.parse = parse
  }

  /// The same values, in an option that may also be absent.
  var optional: ValueSyntax<Value?> {
    ValueSyntax<Value?>(placeholder, accepted: accepted, completion: completion) { text in
      // Not `parse(text)` itself: a refusal has to stay nil at the outer level.
      guard let value = parse(text) else { return nil }
      return .some(value)
    }
  }

  /// Only the values that satisfy `condition`, which `accepted` puts in words.
  func filter(accepted: String, _ condition: @escaping @Sendable (Value) -> Bool) -> Self {
    Self(placeholder, accepted: accepted, completion: completion) { text in
      parse(text).flatMap { condition($0) ? $0 : nil }
    }
  }

  /// One or more values, separated by commas.
  var list: ValueSyntax<[Value]> {
    ValueSyntax<[Value]>(
      placeholder.map { $0 + ",…" }, accepted: accepted + ", comma-separated",
      completion: completion.list
    ) {
      var values: [Value] = []
      for part in $0.split(separator: ",", omittingEmptySubsequences: false) {
        guard let value = parse(String(part)) else { return nil }
        values.append(value)
      }
      return values
    }
  }
}

extension ValueSyntax<Bool> {
  static var flag: Self { Self(nil, accepted: "no value") { _ in true } }
}

extension ValueSyntax<String> {
  /// A path; `-` means standard output where a file is written.
  static var file: Self {
    Self("FILE", accepted: "a file name", completion: .file) { $0.isEmpty ? nil : $0 }
  }
}

extension ValueSyntax {
  /// One of a few names.
  static func choice(_ placeholder: String, _ choices: [(name: String, value: Value)]) -> Self {
    Self(
      placeholder, accepted: "one of " + choices.map(\.name).joined(separator: ", "),
      completion: .names(choices.map(\.name))
    ) { text in
      choices.first { $0.name == text }?.value
    }
  }
}

/// What a shell can complete a word with.
enum Completion: Sendable {
  case nothing, file
  case names([String])
  /// One or more of the names, separated by commas.
  case list([String])

  fileprivate var list: Completion {
    if case .names(let names) = self { .list(names) } else { self }
  }
}
