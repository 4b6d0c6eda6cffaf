import Foundation
import Testing

@testable import bindersim

/// Reports in a real browser, where there is one.
@Suite struct BrowserTests {
  private static let browser = BuiltTool.installed([
    "chromium", "chromium-browser", "google-chrome",
  ])

  @Test(
    .enabled(if: browser != nil, "no browser is installed; apt-get install chromium"),
    arguments: [(1100, false), (390, false), (1100, true)])
  func aReportIsDrawn(_ width: Int, _ isDark: Bool) throws {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    writeFile(scratch.path("report.html"), try ReportTests.page(.leak))
    let mode = isDark ? "--blink-settings=preferredColorScheme=0" : ""
    let shot = try BuiltTool.shell(
      """
      \(Self.browser!) --headless=new --no-sandbox --disable-gpu --hide-scrollbars \
      --user-data-dir=profile \(mode) --window-size=\(width),1600 --screenshot=page.png \
      file://$PWD/report.html
      """, in: scratch.directory)
    #expect(shot.status == 0, "\(shot.errors)")
    let image = try #require(FileManager.default.contents(atPath: scratch.path("page.png")))
    #expect(image.starts(with: [0x89, 0x50, 0x4e, 0x47]))
    // Without its plots and tables the page is a few kilobytes.
    #expect(image.count > 40_000, "\(image.count) bytes")
  }
}
