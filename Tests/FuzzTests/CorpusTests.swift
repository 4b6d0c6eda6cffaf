import Glibc
import Testing

/// Every input of the committed corpora, and every one that once found something, through the same
/// entry functions that libFuzzer calls.
@Suite(.serialized, .timeLimit(.minutes(5))) struct CorpusTests {
  @Test(arguments: FuzzTarget.allCases)
  func corpus(target: FuzzTarget) throws {
    let names = Self.files(in: target.corpus)
    #expect(names.count >= 20, "the corpus of \(target) is not there")
    for name in names {
      let input = try Self.bytes(of: target.corpus + "/" + name)
      #expect(throws: Never.self, "\(target)/\(name)") { try target.run(input) }
    }
  }

  /// Cut short anywhere, an input is one of a kind of its own.
  @Test(arguments: FuzzTarget.allCases)
  func cutInputs(target: FuzzTarget) throws {
    for name in Self.files(in: target.corpus).prefix(8) {
      let input = try Self.bytes(of: target.corpus + "/" + name)
      for count in stride(from: 0, to: input.count, by: max(1, input.count / 40)) {
        #expect(throws: Never.self, "the first \(count) bytes of \(target)/\(name)") {
          try target.run(Array(input.prefix(count)))
        }
      }
    }
  }

  private static func files(in directory: String) -> [String] {
    guard let handle = opendir(directory) else { return [] }
    defer { closedir(handle) }
    var names: [String] = []
    while let entry = readdir(handle) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names.sorted()
  }

  private static func bytes(of path: String) throws -> [UInt8] {
    let file = try #require(fopen(path, "r"), "\(path)")
    defer { fclose(file) }
    return [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, count in
      count = fread(buffer.baseAddress, 1, buffer.count, file)
    }
  }
}

extension FuzzTarget {
  /// The folder of this target's committed inputs.
  fileprivate var corpus: String {
    #filePath.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 }
      + "/Corpus/\(rawValue)"
  }
}
