import Foundation

/// A strict reading of HTML as reports write it: every element is closed, attributes are quoted.
enum Markup {
  private static let empty: Set<String> = ["meta", "!DOCTYPE"]

  /// The first thing that is wrong; nil for good markup.
  static func problem(in text: String) -> String? {
    var open: [Substring] = []
    var rest = text[...]
    while let start = rest.firstIndex(of: "<") {
      if rest[..<start].contains(">"), !open.contains("style") { return "a bare > in text" }
      guard let end = rest[start...].firstIndex(of: ">") else { return "an unclosed tag" }
      var tag = rest[rest.index(after: start)..<end]
      rest = rest[rest.index(after: end)...]
      let closesItself = tag.last == "/"
      if closesItself { tag = tag.dropLast() }
      let name = tag.prefix { !$0.isWhitespace }
      if name.first == "/" {
        guard open.popLast() == name.dropFirst() else { return "<\(tag)> closes nothing" }
      } else if !closesItself, !empty.contains(String(name)) {
        open.append(name)
      }
      if tag.filter({ $0 == "\"" }).count % 2 != 0 { return "quotes in <\(tag)>" }
      if name == "style" {
        guard let close = rest.range(of: "</style>") else { return "an unclosed style" }
        rest = rest[close.lowerBound...]
      }
    }
    return open.isEmpty ? nil : "never closed: \(open)"
  }
}
