import BinderBuffer
import Foundation
import Glibc
import Testing

/// The examples of README and Docs, compiled and run as printed.
@Suite struct ReadmeTests {
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

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

  // rule
  /// The lowest place of those that need the fewest new page frames.
  struct FewestFrames: PlacementRule {
    func place(_ request: PlacementRequest, in space: borrowing FreeSpace) -> Int? {
      var best: (offset: Int, frames: Int)?
      space.forEachRange { range in
        guard range.size >= request.size else { return }
        let frames = space.missingFrames(at: range.offset, size: request.size)
        if frames < best?.frames ?? .max { best = (range.offset, frames) }
      }
      return best?.offset
    }
  }

  func placeByARuleOfOnesOwn() throws -> Int {
    let frames = FrameMap(pageCount: 256)
    var ranges = try RangeAllocator<String>(length: 1 << 20, policy: .compact, frames: frames)
    var rule = FewestFrames()
    let taken = try ranges.reserve(10_000, by: &rule)
    try ranges.commit(taken.offset, "mine")
    return taken.offset
  }
  // /rule

  // loop
  func serve(_ server: BinderProcess, until isOver: () -> Bool) throws {
    let arrivals = try server.arrivalDescriptor()
    defer { close(arrivals) }
    var entry = pollfd(fd: arrivals, events: Int16(POLLIN), revents: 0)
    while !isOver() {
      guard poll(&entry, 1, 100) > 0 else { continue }  // one of many descriptors, in a real loop
      while let delivery = try server.receive() {
        if delivery.needsReply { try delivery.reply(Array("done".utf8)) }
      }
    }
  }

  func serveInATask(_ server: BinderProcess) async throws {
    for try await received in server.deliveries {
      guard let delivery = received.take() else { continue }
      if delivery.needsReply { try delivery.reply(Array("done".utf8)) }
    }
  }
  // /loop

  @Test func exampleRuns() throws {
    try deliverOneMessage()
  }

  @Test func aRuleOfOnesOwnPlaces() throws {
    #expect(try placeByARuleOfOnesOwn() == 0)
    let frames = FrameMap(pageCount: 256)
    frames.insert(100..<110)
    var ranges = try RangeAllocator<Void>(length: 1 << 20, policy: .compact, frames: frames)
    var rule = FewestFrames()
    let first = try ranges.reserve(400_000, by: &rule)
    #expect(first.offset == 0)
    let second = try ranges.reserve(8192, by: &rule)
    #expect(second.offset == 400_000, "pages 97 to 99 lack frames wherever it begins")
    _ = try ranges.abort(0)
    #expect(try ranges.reserve(8192, by: &rule).offset == 408_192, "pages 99 to 101: one frame")
  }

  @Test func loopsServe() async throws {
    let context = Context()
    let client = try context.makeProcess(pid: 1, regionLength: 1 << 16)
    for isInTask in [false, true] {
      let server = try context.makeProcess(pid: 2, regionLength: 1 << 16)
      let call = try client.call([1], to: server.makeNode())
      if isInTask {
        let task = Task { try await serveInATask(server) }
        while server.statistics.pendingTransactions > 0 { await Task.yield() }
        server.exit()
        try await task.value
      } else {
        try serve(server) { server.statistics.pendingTransactions == 0 }
        server.exit()
      }
      let reply = try takeReply(call)
      #expect(reply == Array("done".utf8))
    }
  }

  private func takeReply(_ call: consuming Call) throws -> [UInt8]? {
    guard case .replied(let delivery) = try call.takeReply() else { return nil }
    return delivery.data
  }

  @Test(
    arguments: [
      ("README.md", "example"), ("Docs/Architecture.md", "rule"), ("Docs/Architecture.md", "loop"),
    ])
  func examplesAreThosePrinted(_ page: String, _ name: String) throws {
    let page = try lines(of: Self.root.appendingPathComponent(page))
    let source = try lines(of: URL(fileURLWithPath: #filePath))
    let printed = try between("<!-- \(name) -->", "<!-- /\(name) -->", in: page)
      .filter { !$0.hasPrefix("```") && !$0.hasPrefix("import ") && !$0.isEmpty }
    let compiled = try between("// \(name)", "// /\(name)", in: source).filter { !$0.isEmpty }
    #expect(printed == compiled)
  }

  /// Every link of README and Docs leads to a file, and to a heading where it names one; at most five
  /// pages, each of which begins with what it answers.
  @Test func linksLeadSomewhere() throws {
    let docs = try FileManager.default.contentsOfDirectory(
      atPath: Self.root.appendingPathComponent("Docs").path
    ).filter { $0.hasSuffix(".md") }
    #expect(docs.count <= 5)
    for page in ["README.md"] + docs.map({ "Docs/" + $0 }) {
      let file = Self.root.appendingPathComponent(page)
      let text = try String(contentsOf: file, encoding: .utf8)
      if page != "README.md" {
        #expect(
          text.split(separator: "\n").dropFirst().first?.hasPrefix("**This page answers:**") == true
        )
      }
      for link in text.matches(of: /\]\(([^)\s]+)\)/).map({ String($0.1) })
      where !link.hasPrefix("http") {
        let parts = link.split(separator: "#", omittingEmptySubsequences: false).map(String.init)
        let target =
          parts[0].isEmpty
          ? file : file.deletingLastPathComponent().appendingPathComponent(parts[0])
        #expect(FileManager.default.fileExists(atPath: target.path), "\(page): \(link)")
        guard parts.count == 2, let other = try? String(contentsOf: target, encoding: .utf8) else {
          continue
        }
        let headings = other.split(separator: "\n").filter { $0.hasPrefix("#") }.map { line in
          line.drop { $0 == "#" || $0 == " " }.lowercased()
            .filter { $0.isLetter || $0.isNumber || $0 == " " || $0 == "-" || $0 == "_" }
            .replacing(" ", with: "-")
        }
        #expect(headings.contains(parts[1]), "\(page): \(link)")
      }
    }
  }

  /// Whoever looks up a rule finds the file that is named for it.
  @Test func filesThatFidelityNamesExist() throws {
    let page = try String(
      contentsOf: Self.root.appendingPathComponent("Docs/Fidelity.md"), encoding: .utf8)
    let names = page.matches(of: /`(?:(\w+)\/)?([\w+]+\.swift)`/)
    #expect(names.count > 20)
    for name in names {
      // A file without a folder stands behind one of the same folder.
      guard let folder = name.output.1 else { continue }
      let path = Self.root.appendingPathComponent("Sources/BinderBuffer/\(folder)/\(name.output.2)")
        .path
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
