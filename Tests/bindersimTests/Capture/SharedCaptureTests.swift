import Testing

@testable import bindersim

/// The captures of real devices, where they are at hand.
@Suite(.enabled(if: !SharedFiles.captures.isEmpty, SharedFiles.absent), .timeLimit(.minutes(5)))
struct SharedCaptureTests {
  @Test(arguments: SharedFiles.captures)
  func everyLineIsUsable(path: String) throws {
    var reader = try CaptureReader(path: path)
    while try reader.next() != nil {}
    #expect(reader.summary.lines > 0)
    #expect(reader.summary.unusableLines == 0)
    #expect(reader.summary.otherEvents == 0)
  }

  @Test func appStart() throws {
    let path = try #require(SharedFiles.captures.first { $0.contains("api32_startup_warm") })
    let report = try runReplay(ReplayOptions(path: path))
    #expect(report.used == 1365)
    #expect(report.unused.isEmpty)
    #expect(report.failureCount == 0)
    #expect(report.frees.reduce(0) { $0 + $1.count } + report.neverFreed == 1365)
    #expect(report.runs[0].processes.map(\.peakBuffers).max() == 16)
    #expect(report.runs[0].processes.reduce(0) { $0 + $1.liveBuffers } == report.neverFreed)
  }

  @Test func nestedCall() throws {
    let path = try #require(SharedFiles.captures.first { $0.contains("openharmony") })
    let report = try runReplay(ReplayOptions(path: path))
    #expect(report.used == 6)
    #expect(report.neverFreed == 0)
  }

  @Test func withoutSizes() throws {
    let path = try #require(SharedFiles.captures.first { $0.contains("difftest") })
    let report = try runReplay(ReplayOptions(path: path))
    #expect(report.used == 0)
    #expect(report.unused.map(\.key) == ["noAllocBuf"])
    // The two others, a call and a reply, got BR_FAILED_REPLY.
    #expect(report.unusedCount == 4)
    #expect(report.refusals.map(\.transaction) == [5135, 5121])
    #expect(report.notes.contains { $0.contains("no sizes") })
  }
}
