import BinderBuffer
import Testing

@testable import bindersim

/// What recording devices, file systems and editors do to captures: told by line, replayed as far
/// as it goes.
@Suite(.timeLimit(.minutes(5))) struct OddInputTests {
  private func report(
    _ bytes: [UInt8], _ options: ReplayOptions = ReplayOptions(path: "odd")
  ) throws -> ReplayReport {
    var reader = CaptureReader(bytes: bytes)
    var line = 0
    var options = options
    options.belief = .inferred
    return try replay(&reader, options, line: &line)
  }

  /// Everything at once; every usable transaction arrives.
  @Test func allAtOnce() throws {
    let nulls = String(repeating: "\0", count: 5000)
    let lines: [(text: String, ending: String)] = [
      ("# tracer: nop", "\r\n"),
      // 2: with group; 3: without extra sizes, group and flags, in ticks, which is back in time.
      (
        " app-20 (    2) [000] .... 5.000001: binder_transaction: transaction=1 dest_node=7 "
          + "dest_proc=3 dest_thread=0 reply=0 flags=0x10 code=0x1", "\r\n"
      ),
      (
        "app-20 [000] 6: binder_transaction_alloc_buf: transaction=1 data_size=64 offsets_size=0",
        "\n"
      ),
      ("", "\r\n"), (nulls, "\n"),
      // 6: five flags; 7: fields in another order.
      (
        "  a b-21  (-----) [011] d..2. 4.999999: binder_transaction: code=0x2 flags=0x11 reply=0 "
          + "dest_thread=0 dest_proc=3 dest_node=8 transaction=2", "\n"
      ),
      (
        nulls + "  a b-21  (-----) [011] d..2. 4.999999: binder_transaction_alloc_buf: "
          + "extra_buffers_size=8 data_size=24 transaction=2 offsets_size=8", "\r\n"
      ),
      ("CPU:2 [LOST 7 EVENTS]", "\n"),
      // 9: no number of the group's; 10, 11: sizes that no machine has, and one that is one.
      (
        "  x-22 (9) [0] .... 7.0: binder_transaction: transaction=3 dest_node=9 dest_proc=3 "
          + "dest_thread=0 reply=0 flags=0x11 code=0x1", "\n"
      ),
      (
        "  x-22 (9) [0] .... 7.1: binder_transaction_alloc_buf: transaction=3 "
          + "data_size=9223372036854775808 offsets_size=0", "\n"
      ),
      (
        "  x-22 (9) [0] .... 7.2: binder_transaction_alloc_buf: transaction=3 "
          + "data_size=9223372036854775807 offsets_size=0", "\n"
      ),
      // 12: the thread's number in another process.
      ("  y-22 (4) [0] .... 7.3: binder_transaction_received: transaction=99", "\n"),
      ("\u{1}\u{2}\u{3} binary", "\n"), ("words", "\n"),
      ("  y-22 (4) [0] .... 7.4: binder_transaction_rece", ""),
    ]
    let text = lines.map { $0.text + $0.ending }.joined()
    let report = try report(Array(text.utf8))
    #expect(report.capture.lines == lines.count)
    #expect(report.used == 3)
    #expect(report.runs[0].processes.map(\.pid) == [3])
    #expect(report.runs[0].processes[0].buffers == 2)
    #expect(report.runs[0].processes[0].liveBytes == 64 + 24 + 8 + 8)
    #expect(report.runs[0].failures == ["invalid argument": 1])
    #expect(report.runs[0].firstFailure?.line == 11)
    #expect(report.runs[0].firstFailure?.size == .max)
    #expect(report.unused.map(\.key) == ["noTransactionLine"])
    #expect(report.unused[0].lines == [12])
    let unusable = Dictionary(
      uniqueKeysWithValues: report.capture.unusableLines.map { ($0.key, $0.lines) })
    #expect(
      unusable == [
        "lostEvents": [8], "numberTooLarge": [10], "binary": [13], "notATraceLine": [14],
        "cutShort": [15],
      ])
    #expect(report.notes.contains { $0.contains("back in time") && $0.contains("(line 3)") })
    #expect(report.notes.contains { $0.contains("another process") && $0.contains("(line 12)") })
    let shown = ReplayText.text(report)
    for said in ["line 10: data_size: a number is out of range", "lost events here (line 8)"] {
      #expect(shown.contains(said))
    }
  }

  /// The end of the file may be anywhere.
  @Test func cutAnywhere() throws {
    var capture = SyntheticCapture()
    for id in 1...3 {
      capture.send(id, from: 20, 2, to: 3, oneway: true)
      capture.received(id, by: 30, 3)
    }
    let bytes = Array(capture.text.utf8)
    for end in stride(from: 0, to: bytes.count, by: 7) {
      let report = try report(Array(bytes[..<end]))
      let whole = bytes[..<end].count { $0 == 0x0A }
      #expect(report.capture.lines >= whole)
      #expect(report.used >= (whole + 1) / 3)
      #expect(report.failureCount == 0)
    }
  }

  @Test func anotherFormat() throws {
    let gzip: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 10] + (0..<200).map { UInt8($0) }
    let report = try report(gzip)
    #expect(report.notes.count { $0.contains("the gzip data is damaged") } == 1)
    #expect(report.used == 0)
  }

  /// Ids and processes that come again begin new buffers.
  @Test func numbersUsedAgain() throws {
    var capture = SyntheticCapture()
    for round in 0..<3 {
      // The destination's number, the sender's and the transaction's are those of the round before.
      capture.send(7, from: 20, 2, to: 3, node: round, oneway: true, data: 100)
      capture.received(7, by: 30, 3)
      capture.line(30, 3, "binder_ioctl: cmd=0x1 arg=0x2")
      capture.line(30, 40 + round, "binder_ioctl: cmd=0x1 arg=0x2")
    }
    capture.send(7, from: 20, 2, to: 3, data: 100)
    capture.send(7, from: 20, 2, to: 3, data: 100)
    let report = try report(Array(capture.text.utf8))
    #expect(report.runs[0].processes.map(\.buffers) == [5])
    #expect(report.runs[0].processes.map(\.liveBuffers) == [2])
    #expect(report.notes.contains { $0.contains("another process than before") })
    #expect(report.notes.contains { $0.contains("id of a buffer that is still live") })
  }

  /// Times far apart and backwards neither stop a replay nor make a mean that is none.
  @Test func timesOfAllSizes() throws {
    var text = ""
    for (index, time) in ["5.0", "18446744072.5", "3.0", "0.000001", "18446744073.7", "4.0"]
      .enumerated()
    {
      text +=
        "a-20 (2) [000] .... \(time): binder_transaction: transaction=\(index + 1) dest_node=1 "
        + "dest_proc=3 dest_thread=0 reply=0 flags=0x10 code=0x1\n"
        + "a-20 (2) [000] .... \(time): binder_transaction_alloc_buf: transaction=\(index + 1) "
        + "data_size=8 offsets_size=0\n"
    }
    let report = try report(Array(text.utf8))
    #expect(report.used == 6)
    let mean = try #require(report.runs[0].processes[0].meanPages)
    #expect(mean > 0.999 && mean <= 1)
    #expect(report.notes.contains { $0.contains("go back in time") })
  }

  /// More processes and threads than a replay keeps anything for.
  @Test func manyProcesses() throws {
    var capture = SyntheticCapture()
    for process in 1...300 {
      capture.send(process, from: 100_000 + process, process, to: 1 + process % 300, data: 64)
    }
    let report = try report(
      Array(capture.text.utf8), ReplayOptions(path: "odd", policies: [.c, .rust]))
    #expect(report.runs.map(\.processes.count) == [300, 300])
    #expect(report.runs.map(\.peakBuffers) == [300, 300])
    #expect(report.runs.map(\.failed) == [0, 0])
  }
}
