internal import FoundationEssentials

/// The one place that needs Foundation.
enum JSONText {
  /// `value` as JSON with sorted keys, ended by a newline.
  static func encode(_ value: some Encodable) throws(CommandError) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    do {
      return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
    } catch {
      throw .failure("cannot write the result as JSON: \(error)")
    }
  }
}
