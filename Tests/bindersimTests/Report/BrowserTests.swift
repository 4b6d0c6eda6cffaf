import Testing

@testable import bindersim

/// Reports in a real browser, where there is one: laid out as on a phone and on a desk, in light
/// and dark.
@Suite(.timeLimit(.minutes(15))) struct BrowserTests {
  private static let browser = BuiltTool.installed([
    "chromium", "chromium-browser", "google-chrome",
  ])

  /// Shows each page in frames of both widths, and tells as text what it found in each: browsers
  /// make no window as narrow as a phone, but a frame is what a page takes for one.
  private static func harness(_ pages: [String]) -> String {
    let frames = pages.flatMap { page in
      [390, 1100].map { width in
        "<iframe width=\"\(width)\" height=\"900\" srcdoc=\"\(HTML.escaped(page))\"></iframe>"
      }
    }
    return """
      <!DOCTYPE html><meta charset="utf-8"><meta name="color-scheme" content="light dark">
      \(frames.joined())
      <script>addEventListener("load", () => {
        const found = [...document.querySelectorAll("iframe")].map(frame => {
          const view = frame.contentWindow, page = frame.contentDocument;
          const box = e => e.getBoundingClientRect(), width = page.documentElement.clientWidth;
          const clipped = e => e.closest("svg,.scroll,pre");
          return [
            "width " + frame.width,
            "plots " + page.querySelectorAll("svg").length,
            "empty " + [...page.querySelectorAll("svg")].filter(e =>
              box(e).width < 100 || box(e).height < 100
              || ![...e.querySelectorAll("path")].some(p => p.getTotalLength() > 0)).length,
            "outside " + [...page.querySelectorAll("body *")].filter(e =>
              box(e).right > width + 1 && !clipped(e)).length,
            "tall " + (page.documentElement.scrollHeight > 20000),
            "scrolls " + (page.documentElement.scrollWidth > width),
            "fetched " + view.performance.getEntriesByType("resource").length,
            "ground " + view.getComputedStyle(page.body).backgroundColor,
          ].join("; ");
        });
        document.body.textContent = "FOUND|" + found.join("|") + "|END";
      })</script>
      """
  }

  /// Made once for both schemes.
  private static let pages = Result { try makePages() }

  private static func makePages() throws -> [String] {
    let runs = try [Workload.leak, .onewayFlood, .fragmentation, .crowd].map {
      try ReportTests.page($0)
    }
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    return try runs + [ComparisonPageTests.page.get()]
      + SharedFiles.captures.map { capture in
        let tool = try BuiltTool.run(
          ["replay", capture, "--region", "64K,2M", "--html", scratch.path("page.html")])
        #expect(tool.errors == "")
        return try #require(readFile(scratch.path("page.html")))
      }
  }

  @Test(
    .enabled(if: browser != nil, "no browser is installed; apt-get install chromium"),
    arguments: [false, true])
  func reportsAreDrawn(_ isDark: Bool) throws {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    let pages = try Self.pages.get()
    writeFile(scratch.path("harness.html"), Self.harness(pages))
    let scheme = "--blink-settings=preferredColorScheme=\(isDark ? 0 : 1)"
    let shown = try BuiltTool.shell(
      """
      timeout 120 \(Self.browser!) --headless=new --no-sandbox --disable-gpu \
      --user-data-dir=profile \(scheme) --enable-logging=stderr --dump-dom \
      file://$PWD/harness.html
      """, in: scratch.directory)
    #expect(shown.status == 0, "\(shown.errors)")
    // What a page has to complain about goes to the console.
    #expect(!shown.errors.contains("CONSOLE"), "\(shown.errors)")
    let text = try #require(shown.output.components(between: "FOUND|", and: "|END").last)
    let found = text.split(separator: "|").map(String.init)
    #expect(found.count == pages.count * 2, "\(text)")
    let ground = isDark ? "rgb(20, 24, 28)" : "rgb(255, 255, 255)"
    for (index, line) in found.enumerated() {
      let plots = pages[index / 2].components(between: "<svg ", and: ">").count
      #expect(
        line == "width \(index % 2 == 0 ? 390 : 1100); plots \(plots); empty 0; outside 0; "
          + "tall false; scrolls false; fetched 0; ground \(ground)")
    }
  }
}
