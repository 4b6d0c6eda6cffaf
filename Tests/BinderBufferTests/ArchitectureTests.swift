import Foundation
import Testing

/// The table of layers in Docs/Architecture.md is true: no folder uses a name that a later one
/// declares, and what has no locks names none.
@Suite struct ArchitectureTests {
  /// The folders of the engine, in the order of the table.
  static let layers = ["PageSets", "Ranges", "Pages", "Buffers", "Messages", "Process"]

  private let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  private func sources(of layer: String) throws -> [(name: String, text: String)] {
    let folder = root.appendingPathComponent("Sources/BinderBuffer/\(layer)")
    return try FileManager.default.contentsOfDirectory(atPath: folder.path)
      .filter { $0.hasSuffix(".swift") }.sorted().map { name in
        let text = try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
        let code: [Substring] = text.split(separator: "\n").map { line in
          line.firstRange(of: "//").map { line[..<$0.lowerBound] } ?? line
        }
        return (name, code.joined(separator: "\n") as String)
      }
  }

  /// The types that a layer declares at the top of its files.
  private func declared(in layer: String) throws -> Set<String> {
    var names: Set<String> = []
    for (_, text) in try sources(of: layer) {
      let pattern =
        /(?:^|\n)(?:@\w+(?:\([^)]*\))?\s+)*(?:(?:public|package|final|private|fileprivate)\s+)*(?:struct|class|enum|protocol)\s+(\w+)/
      for match in text.matches(of: pattern) { names.insert(String(match.1)) }
    }
    return names
  }

  private func words(of text: String) -> Set<String> {
    Set(text.split { !$0.isLetter && !$0.isNumber && $0 != "_" }.map(String.init))
  }

  @Test func noFolderUsesALaterOne() throws {
    for (index, layer) in Self.layers.enumerated() {
      var later: Set<String> = []
      for other in Self.layers[(index + 1)...] { later.formUnion(try declared(in: other)) }
      #expect(layer == "Process" || !later.isEmpty)
      later.subtract(try declared(in: layer))
      for (name, text) in try sources(of: layer) {
        #expect(words(of: text).isDisjoint(with: later), "\(layer)/\(name)")
      }
    }
  }

  @Test(arguments: ["PageSets", "Ranges", "Buffers", "Messages"])
  func rulesKnowNoLocks(_ layer: String) throws {
    for (name, text) in try sources(of: layer) {
      let found = words(of: text).intersection([
        "Lock", "Condition", "Protected", "Atomic", "Mutex",
      ])
      #expect(found.isEmpty, "\(layer)/\(name)")
    }
  }

  @Test func theTableNamesTheFolders() throws {
    let page = try String(
      contentsOf: root.appendingPathComponent("Docs/Architecture.md"), encoding: .utf8)
    let named = page.matches(of: /\| `Sources\/BinderBuffer\/(\w+)` \|/).map { String($0.1) }
    #expect(named.filter(Self.layers.contains) == Self.layers)
  }
}
