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
    try client.send(oneway: true, data: message.span.bytes, to: node)  // the one copy
    if let delivery = try server.receive() {
      delivery.withData { print("\($0.byteCount) bytes, read in place") }
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
