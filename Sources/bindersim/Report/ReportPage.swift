/// A report as one self-contained page: no scripts, nothing fetched, readable on paper, on a phone,
/// and in light and dark mode.
struct ReportPage {
  /// A figure at the top.
  struct Tile {
    let label: String
    let value: String
    var isAlarming = false
  }

  struct Section {
    let title: String
    /// HTML.
    let body: String

    init(_ title: String, _ body: String) {
      self.title = title
      self.body = body
    }
  }

  let title: String
  let subtitle: String
  let tiles: [Tile]
  let findings: [Finding]
  /// What a reader must also know to trust the figures.
  let remarks: [String]
  let sections: [Section]

  var html: String {
    """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <meta name="generator" content="bindersim \(Dispatcher.version)">
    <title>\(HTML.escaped(title))</title>
    <style>
    \(ReportStyle.css)
    </style>
    </head>
    <body>
    <header><h1>\(HTML.escaped(title))</h1><p>\(HTML.escaped(subtitle))</p></header>
    <main>
    <section><h2>Summary</h2>
    <div class="tiles">
    \(tiles.map(Self.html).joined())</div>
    \(Self.html(findings))\(HTML.list(remarks))</section>
    \(sections.map(Self.html).joined())</main>
    </body>
    </html>

    """
  }

  private static func html(_ findings: [Finding]) -> String {
    "<dl class=\"findings\">\n"
      + findings.map {
        "<dt>\(HTML.escaped($0.question))</dt><dd>\(HTML.escaped($0.answer))</dd>\n"
      }.joined() + "</dl>\n"
  }

  private static func html(_ tile: Tile) -> String {
    "<div class=\"tile\(tile.isAlarming ? " bad" : "")\"><b>\(HTML.escaped(tile.value))</b>"
      + "<span>\(HTML.escaped(tile.label))</span></div>\n"
  }

  private static func html(_ section: Section) -> String {
    "<section><h2>\(HTML.escaped(section.title))</h2>\n\(section.body)</section>\n"
  }
}
