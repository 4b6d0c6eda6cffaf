import Foundation
import Testing

/// Every public declaration of the two libraries has a doc comment: the line above it, or above its
/// attributes, starts with `///`.
@Suite(.timeLimit(.minutes(15))) struct DocCommentTests {
  @Test(arguments: ["PageAlloc", "BinderBuffer"])
  func publicDeclarationsAreDocumented(library: String) throws {
    let sources = try Self.sources(of: library)
    #expect(sources.count >= 20, "the sources of \(library) are not there")
    for (name, text) in sources {
      for line in Self.undocumented(in: text) {
        Issue.record("\(library)/\(name):\(line) has no doc comment")
      }
    }
  }

  /// What a landing page links to is a public declaration of its library.
  @Test(arguments: ["PageAlloc", "BinderBuffer"])
  func landingPagesNameWhatIsThere(library: String) throws {
    let page = try String(
      contentsOf: SharedFiles.package.appendingPathComponent(
        "Sources/\(library)/\(library).docc/\(library).md"), encoding: .utf8)
    let code = try Self.sources(of: library).map(\.text).joined(separator: "\n")
    let names = Set(
      page.split(separator: "``", omittingEmptySubsequences: false).enumerated()
        .filter { $0.offset % 2 == 1 }.map { String($0.element) }
    ).subtracting([library])
    #expect(names.count >= 8)
    for name in names {
      let declared = ["struct", "class", "enum", "protocol", "typealias"].contains {
        code.contains(try! Regex("public .*\\b\($0) \(name)\\b"))
      }
      #expect(declared, "\(library).md links to \(name), which is not declared")
    }
  }

  @Test func findsWhatIsMissing() {
    let source = """
      /// Documented.
      @frozen
      public enum Kind: Int {
        case bare
        /// Documented.
        case documented
        public var description: String { "" }
        func helper() {}
        public init(_ value: Int) {
          switch value { case 0: break }
        }
      }
      extension Kind {
        public static func make() -> Kind { .bare }
      }
      /// Documented.
      public protocol Source {
        func next() -> Int
      }
      """
    #expect(Self.undocumented(in: source) == [4, 9, 14, 18])
  }

  private static func sources(of library: String) throws -> [(name: String, text: String)] {
    let folder = SharedFiles.package.appendingPathComponent("Sources/\(library)")
    let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
    return try (files?.compactMap { $0 as? URL } ?? []).filter { $0.pathExtension == "swift" }
      .map { ($0.lastPathComponent, try String(contentsOf: $0, encoding: .utf8)) }
  }

  /// The numbers of lines that declare something public without a doc comment. What a protocol of the
  /// standard library requires takes its comment from there.
  private static func undocumented(in text: String) -> [Int] {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    var found: [Int] = []
    // The public enum or protocol whose members are being read: these need no `public` of their own.
    var openType: (keyword: String, indent: Int)?
    for (index, line) in lines.enumerated() {
      let words = line.split { " (:{<".contains($0) }.drop { $0.hasPrefix("@") }.map(String.init)
      guard let first = words.first, !first.hasPrefix("//") else { continue }
      let indent = line.prefix { $0 == " " }.count
      if let type = openType, indent <= type.indent { openType = nil }

      let isMember = openType.map { type in
        indent == type.indent + 2
          && (type.keyword == "enum" ? ["case"] : ["func", "var", "init", "static", "mutating"])
            .contains(first)
      }
      let declares =
        first == "public" && !words.contains("extension") && words.dropFirst().first != "import"
      guard declares || isMember == true else { continue }
      if first == "public", openType == nil,
        let keyword = words.first(where: { ["enum", "protocol"].contains($0) })
      {
        openType = (keyword, indent)
      }
      if required.contains(where: line.contains) { continue }
      var above = index - 1
      while above >= 0, lines[above].drop(while: { $0 == " " }).hasPrefix("@") { above -= 1 }
      if above < 0 || !lines[above].drop(while: { $0 == " " }).hasPrefix("///") {
        found.append(index + 1)
      }
    }
    return found
  }

  private static let required = [
    "public var description: String", "public var rawValue", "public let rawValue",
    "public init(rawValue:", "public static func == ", "public func hash(into",
  ]
}
