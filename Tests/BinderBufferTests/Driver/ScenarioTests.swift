import BinderBuffer
import Glibc
import Testing

/// Every scenario, played on the library, gives the trace that a real driver gave, byte for byte.
@Suite struct ScenarioTests {
  static let folder: String = {
    let file = #filePath
    let tests = file.split(separator: "/", omittingEmptySubsequences: false).dropLast(2)
    return tests.joined(separator: "/") + "/Fixtures/Protocol"
  }()

  static func names(in folder: String, suffix: String) -> [String] {
    guard let directory = opendir(folder) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name.hasSuffix(suffix) { names.append(String(name.dropLast(suffix.count))) }
    }
    return names.sorted()
  }

  static func text(_ path: String) -> String? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65536)
    while true {
      let n = fread(&chunk, 1, chunk.count, file)
      if n == 0 { break }
      bytes += chunk[..<n]
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  static let scenarios = names(in: folder + "/scenarios", suffix: ".scene")

  @Test(.timeLimit(.minutes(1)))
  func thereAreScenarios() {
    #expect(Self.scenarios.count >= 96)
    #expect(Self.names(in: Self.folder + "/recordings", suffix: ".trace") == Self.scenarios)
    #expect(Self.names(in: Self.folder + "/recordings/6.1", suffix: ".trace").count == 3)
  }

  @Test(.timeLimit(.minutes(1)), arguments: scenarios)
  func linux612(_ name: String) throws {
    let scene = try #require(Self.text("\(Self.folder)/scenarios/\(name).scene"))
    let recorded = try #require(Self.text("\(Self.folder)/recordings/\(name).trace"))
    expectSame(SceneRunner.play(scene, kernel: .linux612), recorded)
  }

  @Test(.timeLimit(.minutes(1)), arguments: scenarios)
  func linux61(_ name: String) throws {
    let scene = try #require(Self.text("\(Self.folder)/scenarios/\(name).scene"))
    let recorded = try #require(
      Self.text("\(Self.folder)/recordings/6.1/\(name).trace")
        ?? Self.text("\(Self.folder)/recordings/\(name).trace"))
    expectSame(SceneRunner.play(scene, kernel: .linux61), recorded)
  }

  /// Shows the first line that differs.
  private func expectSame(_ played: String, _ recorded: String) {
    guard played != recorded else { return }
    let ours = played.split(separator: "\n", omittingEmptySubsequences: false)
    let theirs = recorded.split(separator: "\n", omittingEmptySubsequences: false)
    let i = zip(ours, theirs).enumerated().first { $0.element.0 != $0.element.1 }?.offset
    let line = i ?? min(ours.count, theirs.count)
    Issue.record(
      """
      line \(line + 1):
        recorded: \(line < theirs.count ? theirs[line] : "(end)")
        played:   \(line < ours.count ? ours[line] : "(end)")
      """)
  }
}
