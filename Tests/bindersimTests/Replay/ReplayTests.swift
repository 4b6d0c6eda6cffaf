import BinderBuffer
import PageAlloc
import Testing

@testable import bindersim

/// Captures through the engine.
@Suite(.timeLimit(.minutes(5))) struct ReplayTests {
  private func call(_ capture: inout SyntheticCapture, _ id: Int, data: Int, reply: Int) {
    capture.send(id, from: 20, 2, to: 3, data: data)
    capture.received(id, by: 30, 3)
    capture.reply(id + 1, from: 30, 3, to: 2, thread: 20, data: reply)
    capture.received(id + 1, by: 20, 2)
  }

  @Test func exactSizes() throws {
    var capture = SyntheticCapture()
    capture.transaction(1, from: 20, 2, to: 3)
    capture.allocBuf(1, from: 20, 2, data: 100, offsets: 16, extra: 24)
    let result = try #require(capture.replayed().runs[0].processes.first)
    #expect(result.pid == 3)
    #expect(result.peakBytes == 104 + 16 + 24)
    #expect(result.liveBytes == 144)
    #expect(result.buffers == 1)
    #expect(result.failed == 0)
  }

  @Test func callsLandInBothRegions() throws {
    var capture = SyntheticCapture()
    for index in 0..<50 { call(&capture, 1 + 2 * index, data: 4096, reply: 8 * index) }
    let report = try capture.replayed()
    #expect(report.used == 100)
    let results = report.runs[0].processes
    #expect(results.map(\.pid) == [3, 2])
    #expect(results.map(\.buffers) == [50, 50])
    #expect(results.map(\.peakBuffers) == [1, 1])
    #expect(results.map(\.peakBytes) == [4096, 392])
    #expect(results.map(\.liveBuffers) == [0, 0])
    #expect(results.map(\.name) == ["task30", "task20"])
  }

  @Test func replyWithoutItsRequest() throws {
    var capture = SyntheticCapture()
    capture.reply(2, from: 30, 3, to: 2, thread: 20, data: 64)
    let result = try #require(capture.replayed().runs[0].processes.first)
    #expect(result.pid == 2)
    #expect(result.buffers == 1)
    #expect(result.liveBytes == 64)
  }

  @Test func requestReleasedBeforeItsReply() throws {
    var capture = SyntheticCapture()
    for index in 0..<20 {
      let id = 1 + 2 * index
      capture.send(id, from: 20, 2, to: 3, data: 64)
      capture.received(id, by: 30, 3)
      capture.released(id, by: 30, 3)
      capture.reply(id + 1, from: 30, 3, to: 2, thread: 20, data: 32)
      capture.received(id + 1, by: 20, 2)
    }
    let report = try capture.replayed()
    #expect(report.failureCount == 0)
    #expect(report.neverFreed == 0)
    #expect(report.runs[0].processes.map(\.buffers) == [20, 20])
    #expect(report.runs[0].processes.map(\.liveBuffers) == [0, 0])
  }

  @Test func failuresAreResults() throws {
    var capture = SyntheticCapture()
    for id in 1...3 { capture.send(id, from: 20, 2, to: 3, data: 4000) }
    capture.send(4, from: 20, 2, to: 3, data: .max)
    capture.transaction(5, from: 20, 2, to: 3)
    capture.allocBuf(5, from: 20, 2, data: 8, extra: 12)
    let report = try capture.replayed(
      ReplayOptions(path: "synthetic", regionLengths: [8192]))
    let result = try #require(report.runs[0].processes.first)
    #expect(result.buffers == 2)
    #expect(result.failed == 3)
    #expect(report.failureCount == 3)
    #expect(result.failures["\(FailureKind.noSpace)"] == 1)
    #expect(result.failures["\(FailureKind.invalidArgument)"] == 2)
    let first = try #require(result.firstFailure)
    #expect(first.line == 6)
    #expect(first.largestFreeRange == 192)
    #expect(first.holders == [ReplayHolder(pid: 2, bytes: 8000, buffers: 2)])
    // A failed request's reply has its place nevertheless.
    let text = ReplayText.text(report)
    #expect(text.contains("first at line 6"))
  }

  @Test func replyToAFailedRequest() throws {
    var capture = SyntheticCapture()
    capture.send(1, from: 20, 2, to: 3, data: 5000)
    capture.reply(2, from: 30, 3, to: 2, thread: 20, data: 16)
    capture.received(2, by: 20, 2)
    let report = try capture.replayed(ReplayOptions(path: "synthetic", regionLengths: [4096]))
    #expect(report.runs[0].processes.map(\.failed).reduce(0, +) == 1)
    #expect(report.runs[0].processes.map(\.buffers).reduce(0, +) == 1)
    #expect(report.runs[0].processes.allSatisfy { $0.liveBuffers == 0 })
  }

  @Test func allSettingsFromOneReading() throws {
    var capture = SyntheticCapture()
    for id in 1...40 { capture.send(id, from: 20, 2, to: 3, node: id, oneway: true, data: 500) }
    let report = try capture.replayed(
      ReplayOptions(path: "synthetic", policies: [.rust, .c], regionLengths: [16384, 65536]))
    #expect(report.runs.map(\.policy) == ["rust", "rust", "c", "c"])
    #expect(report.runs.map(\.regionLength) == [16384, 65536, 16384, 65536])
    // Half of the smaller region is room for 16 of them.
    #expect(report.runs.map { $0.processes[0].buffers } == [16, 40, 16, 40])
    #expect(report.used == 40)
  }

  @Test func budgets() throws {
    var capture = SyntheticCapture()
    for id in 1...4 { capture.send(id, from: 20, 2, to: 3, data: 4096) }
    let report = try capture.replayed(ReplayOptions(path: "synthetic", budget: 2))
    #expect(report.runs[0].processes[0].buffers == 2)
    #expect(report.runs[0].processes[0].failures["\(FailureKind.noMemory)"] == 2)
  }

  @Test func stopping() throws {
    var capture = SyntheticCapture()
    for id in 1...2500 { capture.send(id, from: 20, 2, to: 3, oneway: true, data: 8) }
    var reader = CaptureReader(bytes: Array(capture.text.utf8))
    var line = 0
    let report = try replay(
      &reader, ReplayOptions(path: "synthetic"), line: &line, shouldStop: { true })
    #expect(report.wasInterrupted)
    #expect(report.used < 2500)
    #expect(report.used > 0)
    #expect(ReplayText.text(report).contains("interrupted"))
  }

  @Test func emptyCapture() throws {
    let report = try SyntheticCapture().replayed()
    #expect(report.used == 0)
    #expect(report.notes == ["the file is empty"])
    #expect(!ReplayText.text(report).isEmpty)
  }

  @Test(arguments: [0, 1, 100, -4096])
  func regionThatCannotBe(length: Int) {
    #expect(throws: ReplayError.self) {
      _ = try SyntheticCapture().replayed(
        ReplayOptions(path: "synthetic", regionLengths: [length]))
    }
  }

  @Test func destinationsThatCannotBe() throws {
    var capture = SyntheticCapture()
    for process in [0, -3, 5_000_000, Int(Int32.max)] {
      capture.send(process & 0xFFFF, from: 20, 2, to: process)
    }
    capture.send(1, from: 9_999_999, nil, to: 3)
    let report = try capture.replayed()
    #expect(report.unused.map(\.key) == ["noDestination"])
    #expect(report.unusedCount == 4)
    #expect(report.runs[0].processes.map(\.buffers) == [1])
  }

  @Test func unusableLinesAreTold() throws {
    var capture = SyntheticCapture()
    capture.allocBuf(1, from: 20, 2, data: -4)
    let text = ReplayText.text(try capture.replayed())
    #expect(text.contains("a size is negative (line 1)"))
    #expect(text.contains("line 1: data_size: a size is negative"))
  }

  @Test func paceIsKeptUntilStopped() {
    var asap = ReplayPace(speed: nil)
    #expect(asap.wait(until: .max) { true })
    var pace = ReplayPace(speed: 1)
    #expect(pace.wait(until: 1000) { true })
    #expect(pace.wait(until: 500) { true })
    #expect(!pace.wait(until: .max) { true })
  }

  @Test func missingFile() {
    #expect(throws: ReplayError.self) {
      _ = try runReplay(ReplayOptions(path: "/nowhere/x"))
    }
  }

  @Test func releaseIndex() {
    var index = ReleaseIndex()
    let ids: [UInt32] = [0, 1, 63, 64, 4095, 4096, 70_000, .max]
    for id in ids + ids { index.insert(id) }
    #expect(index.count == ids.count)
    for id in ids {
      #expect(index.contains(id))
      #expect(ids.contains(id ^ 2) == index.contains(id ^ 2))
    }
  }

  @Test func objectPattern() {
    let pattern = ObjectPattern()
    for size in [1, 24, 100, 70_000, 300_000] { #expect(pattern.dataSlice(size).length == size) }
    #expect(pattern.dataSlice(.max).length == .max)
    #expect(pattern.dataSlice(0).length == 0)
    #expect(ObjectPattern.largestOffsetsSize(dataSize: 47) == 8)
    #expect(ObjectPattern.largestOffsetsSize(dataSize: 48) == 16)
  }
}
