import BinderBuffer
import Foundation
import Testing

/// The README's example, compiled and run as printed.
@Suite struct ReadmeTests {
  // example
  func deliverOneMessage() throws {
    let context = Context()
    let server = try context.makeProcess(pid: 1, regionLength: 1 << 20)
    let client = try context.makeProcess(pid: 2, regionLength: 1 << 20)
    let node = server.makeNode()
    let message: [UInt8] = Array("hello".utf8)
    try client.send(message, to: node)  // the one copy
    if let delivery = try server.receive() {
      delivery.withData { print("\($0.count) bytes, read in place") }
    }  // the buffer is freed when `delivery` goes
  }
  // /example

  @Test func exampleRuns() throws {
    try deliverOneMessage()
  }

  @Test func exampleIsTheOnePrinted() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let readme = try lines(of: root.appendingPathComponent("README.md"))
    let source = try lines(of: URL(fileURLWithPath: #filePath))
    let printed = try between("<!-- example -->", "<!-- /example -->", in: readme)
      .filter { !$0.hasPrefix("```") && !$0.hasPrefix("import ") && !$0.isEmpty }
    let compiled = try between("// example", "// /example", in: source)
    #expect(printed == compiled)
  }

  /// Whoever looks up a rule finds the file that is named for it.
  @Test func filesThatFidelityNamesExist() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let page = try String(
      contentsOf: root.appendingPathComponent("Docs/Fidelity.md"), encoding: .utf8)
    let names = page.matches(of: /`(?:(\w+)\/)?([\w+]+\.swift)`/)
    #expect(names.count > 20)
    for name in names {
      // A file without a folder stands behind one of the same folder.
      guard let folder = name.output.1 else { continue }
      let path = root.appendingPathComponent("Sources/BinderBuffer/\(folder)/\(name.output.2)").path
      #expect(FileManager.default.fileExists(atPath: path), "\(name.output.0)")
    }
  }

  private func lines(of file: URL) throws -> [String] {
    try String(contentsOf: file, encoding: .utf8).split(
      separator: "\n", omittingEmptySubsequences: false
    )
    .map { $0.trimmingCharacters(in: .whitespaces) }
  }

  private func between(_ start: String, _ end: String, in lines: [String]) throws -> [String] {
    let first = try #require(lines.firstIndex(of: start))
    let last = try #require(lines[first...].firstIndex(of: end))
    return Array(lines[(first + 1)..<last])
  }
}
