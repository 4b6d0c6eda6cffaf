/// Text as HTML.
enum HTML {
  /// Text escaped for elements and attributes; control characters, which HTML does not allow, become
  /// a replacement mark.
  static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      case "\n", "\t": result.unicodeScalars.append(scalar)
      case _ where scalar.value < 0x20 || scalar.value == 0x7f: result += "\u{FFFD}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  static func paragraph(_ text: String) -> String { "<p>\(escaped(text))</p>\n" }

  static func list(_ items: [String]) -> String {
    guard !items.isEmpty else { return "" }
    return "<ul>\n" + items.map { "<li>\(escaped($0))</li>\n" }.joined() + "</ul>\n"
  }

  /// A table whose first column names the row; wide tables scroll separately.
  static func table(_ header: [String], _ rows: [[String]], caption: String) -> String {
    var text = "<div class=\"scroll\"><table><caption>\(escaped(caption))</caption>\n<thead><tr>"
    text += header.map { "<th scope=\"col\">\(escaped($0))</th>" }.joined() + "</tr></thead>\n"
    text += "<tbody>\n"
    for row in rows {
      text += "<tr>"
      for (index, cell) in row.enumerated() {
        text +=
          index == 0
          ? "<th scope=\"row\">\(escaped(cell))</th>" : "<td>\(escaped(cell))</td>"
      }
      text += "</tr>\n"
    }
    return text + "</tbody></table></div>\n"
  }
}
