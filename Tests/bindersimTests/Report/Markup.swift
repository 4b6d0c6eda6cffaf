/// A strict reading of HTML as reports write it: every element is closed, attributes are quoted.
enum Markup {
  private static let empty: Set<String> = ["meta", "!DOCTYPE"]

  /// The first thing that is wrong; nil for good markup.
  static func problem(in text: String) -> String? {
    let bytes = Array(text.utf8)
    var open: [String] = []
    var at = 0
    while let start = bytes[at...].firstIndex(of: UInt8(ascii: "<")) {
      // A style sheet is not markup, and may hold a bare >.
      if open.last != "style", bytes[at..<start].contains(UInt8(ascii: ">")) {
        return "a bare > in text"
      }
      guard let end = bytes[start...].firstIndex(of: UInt8(ascii: ">")) else {
        return "an unclosed tag"
      }
      let tag = String(decoding: bytes[start + 1..<end], as: UTF8.self)
      at = end + 1
      if tag.utf8.count(where: { $0 == UInt8(ascii: "\"") }) % 2 != 0 {
        return "quotes in <\(tag)>"
      }
      let name = String(tag.prefix { $0 != " " })
      if name.hasPrefix("/") {
        guard open.popLast() == String(name.dropFirst()) else { return "<\(tag)> closes nothing" }
      } else if !tag.hasSuffix("/"), !empty.contains(name) {
        open.append(name)
      }
    }
    return open.isEmpty ? nil : "never closed: \(open)"
  }
}
