/// Rows in aligned columns: the first is left-aligned; the others hold figures and are
/// right-aligned.
///
/// Where a line has no room for all columns, the least important ones are left out, and a line below
/// the table names them.
struct Table {
  /// A title, and what stands under it, for help.
  struct Column: Sendable {
    let title: String
    let help: String

    init(_ title: String, _ help: String) {
      self.title = title
      self.help = help
    }
  }

  private var rows: [[String]]
  /// Rows that tell of failures.
  private var alarming: Set<Int> = []
  private let leastImportant: [String]

  /// - Parameter leastImportant: titles of columns that can be spared, the first of them first. When
  ///   they are used up, columns go from the right.
  init(_ header: [String], leastImportant: [String] = []) {
    rows = [header]
    self.leastImportant = leastImportant
  }

  init(_ columns: [Column], leastImportant: [String] = []) {
    self.init(columns.map(\.title), leastImportant: leastImportant)
  }

  mutating func add(_ row: [String], isAlarming: Bool = false) {
    if isAlarming { alarming.insert(rows.count) }
    rows.append(row)
  }

  /// The same as the terminal shows it, rows that tell of failures in red.
  func text(indent: String = "", for terminal: Terminal) -> String {
    let lines = text(indent: indent, columns: terminal.columns)
      .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    return lines.enumerated().map { index, line in
      alarming.contains(index) ? terminal.red(line) : line
    }.joined(separator: "\n")
  }

  /// The lines, each ending in a newline and without trailing blanks.
  ///
  /// - Parameter columns: how wide a line may be.
  func text(indent: String = "", columns: Int = .max) -> String {
    let count = rows.map(\.count).max() ?? 0
    let widths = (0..<count).map { column in
      rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
    }
    let shown = shown(widths, in: columns - indent.count)
    var text = rows.map { row in
      var line = indent
      for column in shown where column < row.count {
        let padding = String(repeating: " ", count: widths[column] - row[column].count)
        line += column == shown[0] ? row[column] + padding : "  " + padding + row[column]
      }
      while line.last == " " { line.removeLast() }
      return line + "\n"
    }.joined()
    let hidden = (0..<count).filter { !shown.contains($0) }.map { rows[0][$0] }
    if !hidden.isEmpty {
      text += Self.wrapped(
        "\(indent)(--wide: \(hidden.joined(separator: ", ")))", in: columns, indent: indent + "  ")
    }
    return text
  }

  /// The columns that have room, in order.
  private func shown(_ widths: [Int], in room: Int) -> [Int] {
    var shown = Array(widths.indices)
    var spare = leastImportant.compactMap(rows[0].firstIndex)
    while shown.count > 1, shown.reduce(2 * (shown.count - 1), { $0 + widths[$1] }) > room {
      let next = spare.isEmpty ? shown[shown.count - 1] : spare.removeFirst()
      shown.removeAll { $0 == next }
    }
    return shown
  }

  /// Breaks a text at blanks into lines that fit; all but the first begin with `indent`.
  static func wrapped(_ text: String, in columns: Int, indent: String = "") -> String {
    var lines: [String] = []
    for word in text.split(separator: " ", omittingEmptySubsequences: false) {
      if let line = lines.last, line.count + 1 + word.count <= columns {
        lines[lines.count - 1] += " " + word
      } else {
        lines.append((lines.isEmpty ? "" : indent) + word)
      }
    }
    return lines.map { $0 + "\n" }.joined()
  }
}
