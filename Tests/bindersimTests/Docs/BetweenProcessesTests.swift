import BinderBuffer
import Foundation
import Glibc
import PageAlloc
import Testing

/// The example of the page "Between processes": printed as it is compiled, and run, by two processes.
@Suite(.timeLimit(.minutes(15))) struct BetweenProcessesTests {
  private static let program = BuiltTool.program("BetweenProcesses")

  @Test func itIsWhatThePageShows() throws {
    let root = SharedFiles.package
    let page = try String(
      contentsOf: root.appendingPathComponent(
        "Sources/BinderBuffer/BinderBuffer.docc/BetweenProcesses.md"), encoding: .utf8)
    let source = try String(
      contentsOf: root.appendingPathComponent(
        "Tests/Examples/BetweenProcesses/BetweenProcesses.swift"), encoding: .utf8)
    #expect(page.components(between: "```swift\n", and: "```\n") == [source])
  }

  @Test func oneProcessAnswersAnother() throws {
    let path = try #require(Self.program)
    let long = String(repeating: "every byte ", count: 5000)
    let run = try BuiltTool.run(program: path, ["one copy", "", long, "ünd back"])
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.output == "ONE COPY\n\n\(long.uppercased())\nÜND BACK\n")
  }

  /// The asking half, with this test in the place of the process that has the engine.
  private func startAsking(_ questions: [String]) throws -> (Process, socket: Int32, Pipe) {
    var ends: [Int32] = [-1, -1]
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    try #require(socketpair(AF_UNIX, kind, 0, &ends) == 0)
    let asker = Process()
    asker.executableURL = URL(fileURLWithPath: try #require(Self.program))
    asker.arguments = ["ask"] + questions
    asker.standardInput = FileHandle(fileDescriptor: ends[1])
    let output = Pipe()
    asker.standardOutput = output
    try asker.run()
    close(ends[1])
    return (asker, ends[0], output)
  }

  private func hearPlace(_ socket: Int32) throws -> UserSlice.Place {
    var numbers: [UInt] = [0, 0]
    try #require(recv(socket, &numbers, 16, Int32(MSG_WAITALL)) == 16)
    return (numbers[0], Int(numbers[1]))
  }

  /// The region goes on being readable, and whoever waits is told.
  @Test func theProcessThatHasTheEngineEnds() throws {
    let (asker, socket, output) = try startAsking(["first", "second"])
    let context = Context()
    let server = try context.makeProcess(pid: 1, regionLength: 1 << 16)
    var client: BinderProcess? = try context.makeProcess(
      pid: 2, regionLength: 1 << 16, sharing: .exportable)
    let region = try client!.readOnlyDescriptor()
    try RegionReader.send(region, over: socket)
    close(region)
    _ = try hearPlace(socket)
    try server.send(Array("answer".utf8), to: client!.makeNode())
    guard let delivery = try client!.receive() else {
      Issue.record("nothing was received")
      return
    }
    let place = [UInt(delivery.offset), UInt(delivery.dataSize)]
    // All that it had is gone before it says where the answer is.
    delivery.free()
    client = nil
    _ = context.reclaim()
    #expect(send(socket, place, 16, 0) == 16)
    var done: UInt = 0
    #expect(recv(socket, &done, 8, Int32(MSG_WAITALL)) == 8)
    _ = try hearPlace(socket)
    close(socket)
    let text = try #require(try output.fileHandleForReading.readToEnd())
    asker.waitUntilExit()
    #expect(asker.terminationStatus == 1)
    #expect(String(decoding: text, as: UTF8.self).hasSuffix("nobody answers any more\n"))
  }

  /// Nothing is copied from a process that is gone, and nothing of it is left.
  @Test func theAskingProcessIsKilled() throws {
    let (asker, socket, _) = try startAsking(["question"])
    defer { close(socket) }
    let budget = PageBudget(pages: 100)
    let context = Context(budget: budget)
    let server = try context.makeProcess(pid: 1, regionLength: 1 << 16)
    let client = try context.makeProcess(pid: 2, regionLength: 1 << 16, sharing: .exportable)
    let region = try client.readOnlyDescriptor()
    try RegionReader.send(region, over: socket)
    close(region)
    let memory = try UserProcess(pid: asker.processIdentifier)
    let place = try hearPlace(socket)
    let question = UserSlice(address: place.address, length: place.length, in: memory)
    try client.send(Transaction(data: question), to: server.makeNode())
    var received: [UInt8] = []
    if let delivery = try server.receive() { received = delivery.data }
    #expect(received == Array("question".utf8))
    kill(asker.processIdentifier, SIGKILL)
    asker.waitUntilExit()
    let error = #expect(throws: BinderError.self) {
      try client.send(Transaction(data: question), to: server.makeNode())
    }
    #expect(error?.kind == .badSource)
    #expect("\(try #require(error))".contains("has exited"))
    #expect(server.statistics.bufferCount == 0)
    // The socket tells too.
    var byte: UInt8 = 0
    #expect(recv(socket, &byte, 1, 0) == 0)
    client.exit()
    server.exit()
    _ = context.reclaim()
    #expect(budget.pagesInUse == 0)
  }
}

extension UserSlice {
  fileprivate typealias Place = (address: UInt, length: Int)
}
