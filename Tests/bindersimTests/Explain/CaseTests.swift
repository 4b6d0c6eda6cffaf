import Testing

@testable import bindersim

/// Each of the cases, with the right answer.
@Suite(.timeLimit(.minutes(15))) struct CaseTests {
  @Test func aCaptureOfTheIncidentItself() throws {
    let report = try CaseFiles.replayed("c-refusal-without-alloc-buf.ftrace")
    #expect(report.refused == 1)
    #expect(report.status == .failure)
    let refusal = try #require(report.refusals.first)
    #expect(refusal.transaction == 110)
    #expect(refusal.sender == 280 && refusal.senderThread == 280)
    #expect(refusal.receiver == 271)
    #expect(refusal.line == 56)
    #expect(refusal.time == "30.005600 s")
    #expect(refusal.free == 122_304)
    #expect(refusal.regionLength == 1_040_384)
    #expect(refusal.holders == [ReplayHolder(pid: 280, bytes: 918_080, buffers: 9)])
    #expect(refusal.freedBefore == 0)
    #expect(report.neverFreed == 9)
    let text = ReplayText.text(report, for: .plain.wide(true))
    for word in ["transaction 110 of 280", "line 56", "122,304 of 1,040,384 bytes free", "918,080"]
    {
      #expect(text.contains(word), "\(word)")
    }
  }

  @Test(arguments: [false, true])
  func theLogHasTheSize(isLogFirst: Bool) throws {
    let files = ["dmesg.txt", "c-refusal-without-alloc-buf.ftrace"]
    let all = try CaseFiles.explained(isLogFirst ? files : files.reversed())
    let refusal = try #require(all.refusals.first { $0.receiver == 271 })
    #expect(
      all.refusals.count == 2, "the capture's and the log's are the same; the Rust line is another")
    #expect(refusal.requested == 131_152)
    #expect(refusal.transaction == 110 && refusal.line == 56)
    #expect(refusal.free == 122_304 && refusal.freeRanges == 1)
    #expect(refusal.cause == .full)
    #expect(refusal.holders == [ReplayHolder(pid: 280, bytes: 918_080, buffers: 9)])
    #expect(refusal.doubts.isEmpty)
    #expect(
      all.answer("Full, fragmented, or too large?").contains(
        "Full, not fragmented: 131,152 bytes did not fit into 122,304"))
    #expect(all.answer("Would 2 MiB help?").contains("At that moment yes"))
    #expect(all.answer("Leak or load?").contains("A leak: nothing was ever freed"))
    #expect(all.status == .failure)
  }

  @Test func aKernelLog() throws {
    let all = try CaseFiles.explained(["dmesg.txt"])
    #expect(all.refusals.count == 2)
    let first = all.refusals[0]
    #expect(first.time == "32.307962 s" && first.seconds == 32.307962)
    #expect(first.regionLength == 1_040_384 && !first.isRegionAssumed)
    #expect(first.requested == 131_152 && first.allocated == 918_080 && first.buffers == 9)
    #expect(first.sender == 280 && first.senderThread == 280 && first.receiver == 271)
    #expect(first.cause == .full && first.freeRanges == 1)
    #expect(first.sources == ["dmesg.txt:1", "dmesg.txt:2", "dmesg.txt:3"])
    let rust = all.refusals[1]
    #expect(rust.driver == .rust && rust.requested == 1_056_768)
    #expect(rust.sender == 236_122 && rust.senderThread == 236_482 && rust.receiver == 235_681)
    #expect(rust.cause == .neverFits)
    #expect(
      all.answer("Full, fragmented, or too large?").contains(
        "Can never fit: 1,056,768 bytes, and the region of 235681 has 1,040,384 bytes in all"))
    #expect(all.unknown.contains { $0.what.contains("who sent the buffers") })
    #expect(all.unknown.contains { $0.what.contains("leak or load") })
    #expect(!all.next.contains { $0.contains("235681") && $0.contains("frees") })
    #expect(all.next.contains { $0.contains("Freeing other buffers cannot help") })
  }

  @Test func whatAppsLog() throws {
    let all = try CaseFiles.explained(["logcat.txt"])
    #expect(all.refusals.count == 1)
    let refusal = try #require(all.refusals.first)
    #expect(refusal.sender == 5542 && refusal.senderThread == 5559)
    #expect(refusal.parcelSize == 144 && refusal.error == -28 && refusal.transaction == 3042)
    let why = all.answer("Full, fragmented, or too large?")
    #expect(why.contains("A parcel of 144 bytes is not refused for its size"))
    #expect(why.contains("the receiver's region was full"))
    #expect(all.unknown.contains { $0.what == "whose region it was" })
    #expect(all.status == .failure)
  }

  @Test func aConsoleLineInsideATrace() throws {
    let all = try CaseFiles.explained(["console-in-ftrace.ftrace"])
    #expect(all.refusals.count == 1)
    let refusal = try #require(all.refusals.first)
    #expect(refusal.requested == 131_152 && refusal.receiver == 271)
    #expect(refusal.sender == 280 && refusal.senderThread == 280 && refusal.transaction == 101)
    #expect(refusal.free == nil, "the capture has no buffers: what was free is unknown")
    #expect(refusal.cause == .noSpace)
    #expect(all.status == .failure)
  }

  @Test func aDumpOfTheWholeState() throws {
    let all = try CaseFiles.explained(["debugfs-state.txt"])
    #expect(all.regions.count == 1)
    let region = try #require(all.regions.first)
    #expect(region.process.pid == 31727 && region.process.context == "binder")
    #expect(region.process.buffers.count == 18)
    #expect(region.process.buffers[4].offset == 0x140 && region.process.buffers[4].size == 160)
    #expect(region.layout.allocated == 0x1168 && region.layout.holes.isEmpty)
    #expect(region.layout.free == 1_040_384 - 0x1168)
    #expect(region.layout.largestFree == 1_040_384 - 0x1168)
    let waiting = all.answer("Who waits for whom?")
    #expect(waiting.contains("Transaction 837172099"))
    #expect(waiting.contains("Transaction 837172420"))
    #expect(waiting.contains("2055 (thread 2131)"))
    #expect(waiting.contains("156,104 ms") && waiting.contains("156,014 ms"))
    #expect(all.answer("Leak or load?").contains("stuck"))
    #expect(!all.answer("What was refused?").contains("No"))
  }

  @Test func aDumpOfOneProcess() throws {
    let all = try CaseFiles.explained(["debugfs-proc.txt"])
    let region = try #require(all.regions.first)
    #expect(region.process.pid == nil)
    #expect(region.process.buffers.count == 19)
    #expect(
      region.layout.holes == [
        .init(offset: 0x80, size: 32), .init(offset: 0x360, size: 8),
        .init(offset: 0x778, size: 72),
        .init(offset: 0xb68, size: 34_112), .init(offset: 0x91a8, size: 480),
        .init(offset: 0x94c8, size: 1496),
      ])
    #expect(region.layout.largestHole == 34_112)
    #expect(region.count(.delivered).buffers == 6)
    #expect(all.unknown.contains { $0.what == "which process it is" })
    let text = ExplainText.text(all, for: .plain.wide(true))
    for place in ["0x0 ", "0xa0 ", "0x91a8 ", "0x9aa0 "] {
      #expect(text.contains(place), "\(place)")
    }
  }

  @Test func aCaptureWithoutSizes() throws {
    let report = try CaseFiles.replayed("no-alloc-buf-at-all.ftrace")
    #expect(report.status == .unanswered)
    #expect(report.refused == 0 && !report.tellsNoRefusal)
    #expect(report.answers[0].answer.hasPrefix("Unknown"))
    #expect(report.unknown.contains { $0.tells.contains("binder_transaction_alloc_buf") })
    #expect(report.runs.isEmpty)
    #expect(try CaseFiles.explained(["no-alloc-buf-at-all.ftrace"]).status == .unanswered)
  }

  @Test(
    arguments: [
      ("rust-events-android16.ftrace", [300, 200], [104, 40]),
      ("rust-events-mainline-1.ftrace", [40, 20], [4104, 64]),
      ("rust-events-mainline-2.ftrace", [40, 20], [4104, 64]),
      ("rust-events-as-c.ftrace", [40, 20], [4104, 64]),
    ])
  func theRustDriversEvents(_ name: String, _ pids: [Int], _ peaks: [Int]) throws {
    let report = try CaseFiles.replayed(name)
    let run = try #require(report.runs.first)
    #expect(run.policy == (name.contains("as-c") ? "c" : "rust"))
    #expect(run.processes.map { Int($0.pid) } == pids)
    #expect(run.processes.map(\.peakBytes) == peaks)
    #expect(report.used == 2 && report.neverFreed == 0 && report.unusedCount == 0)
    #expect(report.frees.map(\.key) == ["recorded"])
    #expect(report.status == .success)
  }

  @Test func supersededOneways() throws {
    let report = try CaseFiles.replayed("update-txn-release.ftrace")
    #expect(report.neverFreed == 1)
    #expect(report.unreleased.map(\.transaction) == [15])
    #expect(report.frees.map(\.key) == ["superseded"])
    #expect(report.leaked == 0 && report.waiting == 1)
    #expect(report.status == .success)
  }

  @Test func aStuckOneway() throws {
    let report = try CaseFiles.replayed("stuck-oneway.ftrace.gz")
    #expect(report.belief == .recorded)
    #expect(report.frees.map(\.key) == ["recorded"], "none is inferred")
    #expect(report.frees.map(\.count) == [103])
    #expect(report.neverFreed == 61 && report.leaked == 1 && report.waiting == 60)
    let stuck = try #require(report.unreleased.first)
    #expect(stuck.transaction == 45804 && stuck.node == 555 && stuck.receivedLine == 1037)
    #expect(stuck.sender == 3012 && stuck.receiver == 13930 && stuck.receiverThread == 13934)
    #expect(stuck.waitingBehind == 60)
    let leaks = report.answers.first { $0.question == "Does anything leak?" }?.answer ?? ""
    #expect(leaks.contains("Transaction 45804") && leaks.contains("node 555"))
    #expect(leaks.contains("received at line 1037") && leaks.contains("never released"))
    #expect(report.refused == 0 && report.status == .failure)
  }

  @Test func twoContextsInOneProcess() throws {
    let report = try CaseFiles.replayed("two-contexts-one-pid.ftrace")
    #expect(report.refused == 0 && report.failureCount == 0)
    let own = try #require(report.runs.first).processes.filter { $0.pid == 1537 }
    #expect(Set(own.map(\.context)) == [.binder, .hwbinder])
    #expect(Set(own.map(\.peakBytes)) == [600_000, 500_000])
    #expect(report.status == .success)
  }

  /// Where neither a thread's name nor a node tells the context, text and JSON say so.
  @Test func contextsThatNothingTells() throws {
    let line = "client-20 ( 20) [000] .... 1.00000"
    let nodes = (1...3).map { id in
      """
      \(line)\(id): binder_transaction: transaction=\(id) dest_node=\(id) dest_proc=9 dest_thread=0 \
      reply=0 flags=0x11 code=0x1
      \(line)\(id): binder_transaction_alloc_buf: transaction=\(id) data_size=8 offsets_size=0 \
      extra_buffers_size=0
      \(["HwBinder:9_1", "binder:9_2", "main"][id - 1])-9\(id) ( 9) [000] .... 1.00000\(id): \
      binder_transaction_received: transaction=\(id)

      """
    }
    let report = try CaseFiles.replayed(text: nodes.joined())
    let note =
      "9 has regions of binder and hwbinder; of 1 message to it nothing tells which: they were "
      + "placed in that of binder; --context chooses"
    #expect(report.notes.contains(note))
    // The text breaks it into lines.
    let text = ReplayText.text(report, for: .plain.wide(true))
    #expect(text.replacing(/\n +/, with: " ").contains("note: \(note)"))
    let json = try JSONText.encode(report, schema: "bindersim.replay", version: 1)
    #expect(json.contains(note) && json.contains("\"context\" : \"hwbinder\""))
    // Where all is told, nothing is said.
    let told = try CaseFiles.replayed(text: nodes.prefix(2).joined())
    #expect(!told.notes.contains { $0.contains("--context") })
    #expect(!told.runs.isEmpty)
  }

  @Test func aClientOf32Bits() throws {
    let report = try CaseFiles.replayed("32-bit-client.ftrace")
    #expect(report.failureCount == 0 && report.refused == 0)
    let run = try #require(report.runs.first)
    #expect(run.processes.first { $0.pid == 511 }?.buffers == 1)
    #expect(run.processes.first { $0.pid == 511 }?.regionLength == 2 << 20)
    #expect(report.notes.contains { $0.contains("rounded up to 4") })
    #expect(report.status == .success)
  }

  @Test(arguments: ["traceconv-generic-release.systrace", "systrace-in-json.json"])
  func extraSizesThatAConverterLost(_ name: String) throws {
    let report = try CaseFiles.replayed(name)
    #expect(report.notes.contains { $0.contains("without an extra size") })
    #expect(report.status == .success)
  }
}
