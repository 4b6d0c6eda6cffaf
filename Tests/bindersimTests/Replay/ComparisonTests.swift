import BinderBuffer
import Testing

@testable import bindersim

/// Means, worst moments, and settings side by side.
@Suite(.timeLimit(.minutes(15))) struct ComparisonTests {
  @Test func meanIsWeightedByTime() {
    var gauge = MeanGauge()
    gauge.set(4, at: 0)
    gauge.set(1, at: 10)
    gauge.set(2, at: 10)
    #expect(gauge.mean(until: 40) == 2.5)
    #expect(gauge.mean(until: 9) == nil)
    #expect(gauge.peak == 4)
    #expect(MeanGauge().mean(until: 0) == nil)
    #expect(MeanGauge().mean(until: 5) == 0)
  }

  @Test func meanOfTheLongestTimes() {
    var gauge = MeanGauge()
    gauge.set(1024, at: 0)
    gauge.set(0, at: .max)
    #expect(gauge.mean(until: .max) == 1024)
  }

  @Test(
    arguments: [
      ([5], 0), ([5, 9], 4), ([100, 90, 110], 10), ([100, 90, 95], 0),
      // Another recording behind the first: its clock counts on.
      ([9_000_000_000, 9_000_000_005, 7, 20], 18), ([0, .max, 0, .max], .max),
    ] as [([UInt64], UInt64)])
  func elapsedTime(times: [UInt64], elapsed: UInt64) {
    var clock = CaptureClock()
    var before: UInt64 = 0
    for time in times {
      clock.advance(to: time)
      #expect(clock.elapsed >= before)
      before = clock.elapsed
    }
    #expect(clock.elapsed == elapsed)
  }

  /// Microseconds since the first line: two pages from 1 to 4 (3 µs), one more from 3 to 8 (5 µs).
  @Test func meanPages() throws {
    var capture = SyntheticCapture()
    capture.transaction(1, from: 20, 2, to: 3)
    capture.allocBuf(1, from: 20, 2, data: 8192)
    capture.transaction(2, from: 20, 2, to: 3)
    capture.allocBuf(2, from: 20, 2, data: 4096)
    capture.released(1, by: 30, 3)
    for _ in 0..<4 { capture.line(1, 1, "sched_switch: x") }
    let run = try capture.replayed().runs[0]
    #expect(run.processes.map(\.pid) == [3])
    #expect(run.processes[0].meanPages == 11.0 / 8)
    #expect(run.meanPages == run.processes[0].meanPages)
    #expect(run.peakPages == 3)
    #expect(run.peakBytes == 12_288)
    #expect(run.peakBuffers == 2)
  }

  /// Peaks of all regions together are those of one moment.
  @Test func totalsAreOfOneMoment() throws {
    var capture = SyntheticCapture()
    for process in 3...5 {
      capture.send(process, from: 20, 2, to: process, data: 4096)
      capture.released(process, by: 30 + process, process)
    }
    let run = try capture.replayed().runs[0]
    #expect(run.processes.map(\.peakBytes) == [4096, 4096, 4096])
    #expect(run.peakBytes == 4096)
    #expect(run.peakBuffers == 1)
    #expect(run.peakPages == 1)
    #expect(run.framesAllocated == 3)
  }

  @Test func worstFragmentation() throws {
    var capture = SyntheticCapture()
    for id in 1...4 { capture.send(id, from: 20, 2, to: 3, node: id, data: 1024) }
    // Free in two pieces of 1024 each, then in one.
    capture.released(1, by: 30, 3)
    capture.released(3, by: 30, 3)
    capture.released(2, by: 30, 3)
    let report = try capture.replayed(
      ReplayOptions(path: "synthetic", policies: [.c], regionLengths: [4096]))
    let worst = try #require(report.runs[0].worstFragmentation)
    #expect(worst.share == 0.5)
    #expect(worst.freeBytes == 2048)
    #expect(worst.largestFreeRange == 1024)
    #expect(report.runs[0].processes[0].worstFragmentation == worst)
  }

  @Test func sideBySide() throws {
    var capture = SyntheticCapture()
    for id in 1...3 { capture.send(id, from: 20, 2, to: 3, data: 3000) }
    capture.send(4, from: 50, 5, to: 3, node: 9, oneway: true, data: 2500)
    capture.send(5, from: 50, 5, to: 4, data: 5000)
    let report = try capture.replayed(
      ReplayOptions(path: "synthetic", policies: [.c, .rust], regionLengths: [4096, 65536]))
    #expect(report.runs.map(\.failed) == [4, 0, 4, 0])
    let run = report.runs[0]
    #expect(run.worstProcess?.pid == 3)
    #expect(run.failures == ["no space": 3, "no oneway space": 1])
    let first = try #require(run.firstFailure)
    #expect(first.line == 4)
    #expect(first.size == 3000)
    #expect(first.sender == 2)
    #expect(first.receiver == 3)
    #expect(
      first.kernelLog == [
        "binder_alloc: 3: binder_alloc_buf size 3000 failed, no address space",
        "binder_alloc: allocated: 3000 (num: 1 largest: 3000), free: 1096 (num: 1 largest: 1096)",
        "binder: 2:20 transaction call to 3:0 failed 2/29201/-28, code 1 size 3000-0 line ?",
      ])
    let text = ReplayText.text(report, for: .plain.wide(true))
    let rows = text.split(separator: "\n").filter {
      $0.hasPrefix("  c  ") || $0.hasPrefix("  rust")
    }
    #expect(rows.count == 4)
    #expect(rows[0].hasSuffix("3            3      3,000"))
    #expect(text.contains("c, 4K: refused: 1 no oneway space, 3 no space"))
    #expect(text.contains("by process: 3 3; 4 1"))
    #expect(text.contains("first at line 4, 1.000004 s"))
    #expect(text.contains("| binder_alloc: allocated: 3000 (num: 1 largest: 3000)"))
    #expect(!text.contains("c, 64K:"))
  }

  @Test func theRustDriverLogsItsOwn() throws {
    var capture = SyntheticCapture()
    capture.send(1, from: 20, 2, to: 3, oneway: true, data: 3000)
    let report = try capture.replayed(ReplayOptions(path: "synthetic", regionLengths: [4096]))
    #expect(report.runs[0].firstFailure?.kind == "no oneway space")
    #expect(
      report.runs[0].firstFailure?.kernelLog == [
        "rust_binder: Failed to allocate buffer. len:3000, is_oneway:true",
        "rust_binder: Failure in copy_transaction_data: ENOSPC",
        "rust_binder: 2:20 transaction to 3 failed: ENOSPC",
      ])
  }

  @Test(
    arguments: [
      (0, 0, 0, 8), (1, 0, 0, 8), (9, 8, 16, 40), (.max, 0, 0, .max), (8, .max, .max, .max),
    ] as [(Int, Int, Int, Int)])
  func size(data: Int, offsets: Int, extra: Int, size: Int) {
    let buffer = PlannedBuffer(
      slot: 0, transaction: 1, kind: .oneway, sender: 1, destination: 2, request: nil, code: 0,
      dataSize: data, offsetsSize: offsets, extraSize: extra, line: 1, nanoseconds: 0)
    #expect(buffer.size == size)
  }
}
