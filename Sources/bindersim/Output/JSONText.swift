internal import FoundationEssentials

/// The one place that needs Foundation.
enum JSONText {
  /// A result with the name and version of its schema, sorted keys and a final newline. Adding a
  /// field keeps the version; any other change raises it.
  static func encode(
    _ result: some Encodable, schema: String, version: Int
  ) throws(CommandError) -> String {
    try encode(Document(schema: schema, version: version, result: result), JSONEncoder())
  }

  /// A value without a schema, its keys `in_snake_case`.
  static func encodeSnakeCase(_ value: some Encodable) throws(CommandError) -> String {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    return try encode(value, encoder)
  }

  private static func encode(
    _ value: some Encodable, _ encoder: JSONEncoder
  ) throws(CommandError) -> String {
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    do {
      return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
    } catch {
      throw .failure("cannot write the result as JSON: \(error)")
    }
  }

  /// A string literal, quotes included.
  static func string(_ text: String) -> String {
    var literal = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": literal += "\\\""
      case "\\": literal += "\\\\"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        literal += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: literal.unicodeScalars.append(scalar)
      }
    }
    return literal + "\""
  }

  private struct Document<Result: Encodable>: Encodable {
    let schema: String
    let version: Int
    let result: Result
  }
}
