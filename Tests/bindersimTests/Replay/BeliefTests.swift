import BinderBuffer
import Testing

@testable import bindersim

/// A capture is believed only as far as it reaches.
@Suite(.timeLimit(.minutes(15))) struct BeliefTests {
  private func replayed(_ capture: SyntheticCapture, adapts: Bool = true) throws -> ReplayReport {
    var reader = CaptureReader(bytes: Array(capture.text.utf8))
    var line = 0
    var options = ReplayOptions(path: "synthetic")
    options.adaptsRegions = adapts
    return try replay(&reader, options, line: &line)
  }

  private func failedReply(_ capture: inout SyntheticCapture, _ thread: Int, _ process: Int) {
    capture.line(thread, process, "binder_return: cmd=0x7211 BR_FAILED_REPLY")
  }

  /// What another setting would refuse is told of the messages whose sizes are known.
  @Test func aComparisonLeavesOutWhatTheDriverRefused() throws {
    var capture = SyntheticCapture()
    capture.send(1, from: 20, 2, to: 3)
    capture.received(1, by: 30, 3)
    for id in 2...3 {
      capture.transaction(id, from: 20, 2, to: 3)
      failedReply(&capture, 20, 2)
    }
    var options = ReplayOptions(path: "synthetic")
    options.policies = [.c, .rust]
    let report = try capture.replayed(options)
    let words = report.answers.map(\.answer).joined(separator: "\n")
    #expect(words.contains("1 more message was refused."))
    #expect(
      words.contains(
        "2 messages that the driver itself refused are not among them: a refused message leaves no sizes"
      ))
  }

  @Test func aRefusedReplyIsToldToItsCaller() throws {
    var capture = SyntheticCapture()
    capture.send(1, from: 20, 2, to: 3)
    capture.received(1, by: 30, 3)
    capture.transaction(2, from: 30, 3, to: 2, thread: 20, reply: true)
    capture.line(30, 3, "binder_return: cmd=0x7206 BR_TRANSACTION_COMPLETE")
    failedReply(&capture, 20, 2)
    let report = try replayed(capture)
    #expect(report.refused == 1 && report.unclear == 0)
    let refusal = try #require(report.refusals.first)
    #expect(refusal.kind == .reply && refusal.sender == 3 && refusal.receiver == 2)
    #expect(report.status == .failure)
  }

  @Test func withoutAnAnswerItIsUnknown() throws {
    var capture = SyntheticCapture()
    capture.send(1, from: 20, 2, to: 3)
    capture.received(1, by: 30, 3)
    capture.transaction(2, from: 21, 2, to: 3)
    let report = try replayed(capture)
    #expect(report.refused == 0 && report.unclear == 1 && !report.tellsNoRefusal)
    #expect(report.answers[0].answer.hasPrefix("Unknown of 1 message"))
    #expect(report.answers[0].answer.contains("record with binder_return"))
  }

  @Test func inAFullRegionItMustHaveBeenRefused() throws {
    var capture = SyntheticCapture()
    capture.send(1, from: 20, 2, to: 3, data: 1_040_384)
    capture.received(1, by: 30, 3)
    capture.transaction(2, from: 21, 2, to: 3)
    let report = try replayed(capture)
    #expect(report.refused == 1 && report.unclear == 0)
    #expect(report.refusals.first?.cause == .full)
    #expect(report.refusals.first?.doubts.isEmpty == false)
  }

  @Test func aDeadReceiverIsNoRefusalForSpace() throws {
    var capture = SyntheticCapture()
    capture.send(1, from: 20, 2, to: 3)
    capture.received(1, by: 30, 3)
    capture.transaction(2, from: 20, 2, to: 9)
    capture.line(20, 2, "binder_return: cmd=0x7205 BR_DEAD_REPLY")
    let report = try replayed(capture)
    #expect(report.refusals.first?.cause == .gone)
  }

  @Test func withoutReceivedNothingIsInvented() throws {
    var capture = SyntheticCapture()
    for id in 1...40 { capture.send(id, from: 20, 2, to: 3, node: id, oneway: true, data: 60_000) }
    let report = try replayed(capture)
    #expect(report.belief == .unknown && report.runs.isEmpty)
    #expect(report.refused == 0 && report.leaked == 0 && report.tellsNoRefusal)
    #expect(report.unknown.contains { $0.tells.contains("binder_transaction_received") })
    #expect(report.status == .success, "each message got its buffer: that is known")
  }

  /// A capture of one thread has what the thread received and released, and nothing of what became of
  /// its own messages.
  @Test func whatOneThreadReceivesTellsNothingOfWhatItSends() throws {
    var capture = SyntheticCapture()
    capture.send(1, from: 20, 2, to: 3)
    capture.received(90, by: 20, 2)
    capture.released(90, by: 20, 2)
    for id in 2...4 { capture.send(id, from: 20, 2, to: 3, node: id, oneway: true) }
    let report = try replayed(capture)
    #expect(report.belief == .unknown && report.waiting == 0 && report.runs.isEmpty)
    #expect(report.tellsNoRefusal && report.status == .success)
    #expect(report.unknown.contains { $0.what.contains("when buffers were freed") })
  }

  @Test func nearlyAllReleasesMeanThatNoneIsInferred() throws {
    var capture = SyntheticCapture()
    for id in 1...20 {
      capture.send(id, from: 20, 2, to: 3, node: 7, oneway: true)
      capture.received(id, by: 30, 3)
      capture.line(30, 3, "binder_wait_for_work: proc_work=1 transaction_stack=0 thread_todo=0")
      if id != 20 { capture.released(id, by: 30, 3) }
    }
    for id in 21...23 { capture.send(id, from: 20, 2, to: 3, node: 7, oneway: true) }
    let report = try replayed(capture)
    #expect(report.belief == .recorded && report.frees.map(\.key) == ["recorded"])
    #expect(report.leaked == 1 && report.waiting == 3 && report.neverFreed == 4)
    let stuck = try #require(report.unreleased.first)
    #expect(stuck.transaction == 20 && stuck.waitingBehind == 3)
    #expect(report.unreleased.last?.waitsFor == 20)
    #expect(report.status == .failure)
  }

  @Test func whatLivesAtTheEndIsNoLeak() throws {
    var capture = SyntheticCapture()
    for id in 1...10 {
      capture.send(id, from: 20, 2, to: 3)
      capture.received(id, by: 30, 3)
      if id < 10 { capture.released(id, by: 30, 3) }
    }
    let report = try replayed(capture)
    #expect(report.belief == .recorded && report.neverFreed == 1 && report.leaked == 0)
    #expect(report.status == .success)
  }

  @Test func whatTheDriverPlacedTellsTheRegion() throws {
    var capture = SyntheticCapture()
    capture.send(1, from: 20, 2, to: 3, data: 900_000)
    capture.received(1, by: 30, 3)
    capture.send(2, from: 21, 2, to: 3, data: 900_000)
    capture.received(2, by: 31, 3)
    let report = try replayed(capture)
    #expect(report.failureCount == 0 && report.status == .success)
    #expect(report.runs.first?.processes.first?.regionLength == 2 << 20)
    #expect(report.notes.contains { $0.contains("2,097,152") })
    // A length that was chosen stays.
    let chosen = try replayed(capture, adapts: false)
    #expect(chosen.failureCount == 1 && chosen.status == .failure)
  }

  @Test func moreThanAnyRegionHolds() throws {
    var capture = SyntheticCapture()
    for id in 1...6 {
      capture.send(id, from: 20, 2, to: 3, data: 900_000)
      capture.received(id, by: 30, 3)
    }
    let report = try replayed(capture)
    #expect(report.answers[0].answer.contains("frees must be missing"))
    #expect(report.status == .success)
  }

  @Test func theSummaryNamesItsSetting() throws {
    var capture = SyntheticCapture()
    for id in 1...3 {
      capture.send(id, from: 20, 2, to: 3, data: 3000)
      capture.received(id, by: 30, 3)
    }
    var options = ReplayOptions(path: "synthetic", policies: [.c, .rust], regionLengths: [8192])
    options.belief = .inferred
    let report = try capture.replayed(options)
    let other = report.answers.first { $0.question == "What would the other setting do?" }
    #expect(
      other?.answer.hasPrefix("Compared with c with 8,192 bytes: rust with 8,192 bytes") == true)
    let page = ReplayPage.page(report, []).html
    #expect(page.contains("the summary speaks of c with 8,192 bytes"))
    #expect(Markup.problem(in: page) == nil)
  }

  @Test func aPageAndJSONOfWhatIsUnknown() throws {
    let report = try CaseFiles.replayed("c-refusal-without-alloc-buf.ftrace")
    let page = ReplayPage.page(report, []).html
    #expect(Markup.problem(in: page) == nil)
    #expect(page.contains("What the driver refused") && page.contains(">110<"))
    let json = try JSONText.encode(report, schema: "bindersim.replay", version: 1)
    #expect(json.contains("\"transaction\" : 110") && json.contains("\"line\" : 56"))
    for names in [["dmesg.txt"], ["debugfs-state.txt"], ["debugfs-proc.txt"], ["logcat.txt"]] {
      let all = try CaseFiles.explained(names)
      #expect(Markup.problem(in: ExplainPage.page(all).html) == nil)
      #expect(try JSONText.encode(all, schema: "bindersim.explain", version: 1).contains("answers"))
    }
  }
}
