import Testing

@testable import bindersim

/// Logs of other kernels, tags, prefixes and mixtures than the cases have.
@Suite(.timeLimit(.minutes(15))) struct LogTests {
  private static let refusal = """
    binder_alloc: 271: binder_alloc_buf size 131152 failed, no address space
    binder_alloc: allocated: 918080 (num: 9 largest: 131152), free: 122304 (num: 1 largest: 122304)
    binder: 280:281 transaction failed 29201/-28, size 131152-0 line 2758
    """

  private static func prefixed(_ prefix: String) -> String {
    refusal.split(separator: "\n").map { prefix + $0 + "\n" }.joined()
  }

  @Test(
    arguments: [
      ("[   32.307962] ", "32.307962 s"), ("<4>[   32.307962] ", "32.307962 s"),
      ("[   32.307962][  T280] ", "32.307962 s"), ("[   32.307962] [    T1] ", "32.307962 s"),
      ("[Mon Mar 10 12:01:02 2025] ", "Mon Mar 10 12:01:02 2025"), ("", nil),
      ("03-10 12:01:02.123     0     0 E ", "03-10 12:01:02.123"),
      ("2025-03-10 12:01:02.123  root     0     0 I ", "2025-03-10 12:01:02.123"),
      ("Mar 10 12:01:02 host kernel: [   32.307962] ", "32.307962 s"),
      ("Mar 10 12:01:02 host kernel: ", "Mar 10 12:01:02"),
      ("kern  :warn  : [   32.307962] ", "32.307962 s"),
      ("4,1234,32307962,-;", "32.307962 s"),
      ("2024-03-10T12:01:02,307962+01:00 ", "2024-03-10T12:01:02,307962+01:00"),
      ("         1710072062.123     0     0 E ", "1710072062.123 s"),
      ("03-10 12:01:02.123456 +0100  root     0     0 I ", "03-10 12:01:02.123456"),
      ("  client-280 ( 280) [000] d... 32.5: console: [   32.307962] ", "32.307962 s"),
    ] as [(String, String?)])
  func prefixes(_ prefix: String, _ time: String?) throws {
    // Of a console in a trace only lines that name the driver are kept.
    let tags = ["binder_alloc: ", "binder_linux: ", "binder_dkms: "]
    for tag in tags + (prefix.contains("console") ? [] : [""]) {
      let text = Self.prefixed(prefix).replacing("binder_alloc: ", with: tag)
      let all = try CaseFiles.explained(text: text)
      #expect(all.refusals.count == 1)
      let refusal = try #require(all.refusals.first)
      #expect(refusal.time == time)
      #expect(refusal.requested == 131_152 && refusal.regionLength == 1_040_384)
      #expect(refusal.sender == 280 && refusal.senderThread == 281 && refusal.receiver == 271)
      #expect(refusal.cause == .full)
    }
  }

  /// Everything that `logcat -v` offers tells who wrote a line, and when.
  @Test(
    arguments: [
      ("03-10 12:01:02.123  5542  5559 E JavaBinder: ", "03-10 12:01:02.123", 5559),
      (
        "2024-03-10 12:01:02.123456789 -0500 u0_a12  5542  5559 E JavaBinder: ",
        "2024-03-10 12:01:02.123456789", 5559
      ),
      ("03-10 12:01:02.123 10123  5542  5559 E JavaBinder: ", "03-10 12:01:02.123", 5559),
      ("     1710072062.123  5542  5559 E JavaBinder: ", "1710072062.123 s", 5559),
      ("        32.307  5542  5559 E JavaBinder: ", "32.307 s", 5559),
      ("[ 03-10 12:01:02.123  5542: 5559 E/JavaBinder ]\n", "03-10 12:01:02.123", 5559),
      ("[ 1710072062.123  5542: 5559 E/JavaBinder ]\n", "1710072062.123", 5559),
      ("E/JavaBinder( 5542): ", nil, nil), ("JavaBinder: ", nil, nil),
    ] as [(String, String?, Int32?)], ["\n", "\r\n"])
  func whatLogcatPrints(line: (prefix: String, time: String?, thread: Int32?), end: String) throws {
    let text = line.prefix + "!!! FAILED BINDER TRANSACTION !!!  (parcel size = 1048700)\n\n"
    let all = try CaseFiles.explained(text: text.replacing("\n", with: end))
    let refusal = try #require(all.refusals.first)
    #expect(all.refusals.count == 1 && refusal.cause == .neverFits)
    #expect(refusal.time == line.time && refusal.senderThread == line.thread)
    #expect(refusal.sender == (line.prefix.contains("5542") ? 5542 : nil))
  }

  @Test func newerKernelsNameTheReceiver() throws {
    let all = try CaseFiles.explained(
      text: """
        [9.1] binder_alloc: 4711: binder_alloc_buf size 4104 failed, no async space left (4096)
        [9.1] binder: 99:101 transaction async to 4711:0 failed 812/29201/-28, code 7 size 4096-8 line 3301
        [9.2] binder: 99:101 transaction call to 4712:0 failed 813/29201/-28, size 64-8 line 3301
        """)
    #expect(all.refusals.count == 2)
    #expect(all.refusals[0].cause == .onewayExhausted && all.refusals[0].kind == .oneway)
    #expect(all.refusals[0].freeOneway == 4096 && all.refusals[0].transaction == 812)
    #expect(all.answer("Full, fragmented, or too large?").contains("4,096 bytes were left"))
    #expect(all.refusals[1].receiver == 4712 && all.refusals[1].requested == nil)
    #expect(all.refusals[1].leastSize == 72 && all.refusals[1].cause == .noSpace)
  }

  @Test func fragmentation() throws {
    let all = try CaseFiles.explained(
      text: """
        [9.1] binder_alloc: 12: binder_alloc_buf size 70000 failed, no address space
        [9.1] binder_alloc: allocated: 740384 (num: 30 largest: 60000), free: 300000 (num: 25 largest: 60000)
        """)
    #expect(all.refusals[0].cause == .fragmented)
    let why = all.answer("Full, fragmented, or too large?")
    #expect(why.contains("Fragmented, not full: 300,000 bytes were free in 25 ranges"))
    #expect(all.next.contains { $0.contains("not in one piece") })
  }

  @Test func whatCanNeverFit() throws {
    let all = try CaseFiles.explained(
      text: """
        [1.1] binder_alloc: 12: binder_alloc_buf size 1040392 failed, no address space
        [1.1] binder_alloc: allocated: 0 (num: 0 largest: 0), free: 1040384 (num: 1 largest: 1040384)
        [1.2] binder_alloc: 13: binder_alloc_buf size 5000000 failed, no address space
        [1.3] binder_alloc: 14: binder_alloc_buf size 600000 failed, no async space left (520192)
        """)
    #expect(all.refusals.map(\.cause) == [.neverFits, .neverFits, .neverFitsOneway])
    #expect(
      all.answer("Full, fragmented, or too large?").contains("no driver uses more than 4,194,304"))
    #expect(!all.next.contains { $0.contains("never frees") })
  }

  @Test func twoProcessesMixed() throws {
    let all = try CaseFiles.explained(
      text: """
        [1.000001] binder_alloc: 10: binder_alloc_buf size 500000 failed, no address space
        [1.000002] binder_alloc: 11: binder_alloc_buf size 8000 failed, no address space
        [1.000003] binder_alloc: allocated: 800000 (num: 9 largest: 400000), free: 240384 (num: 1 largest: 240384)
        [1.000004] binder_alloc: allocated: 1034384 (num: 3 largest: 600000), free: 6000 (num: 2 largest: 4000)
        [1.000005] binder: 6:7 transaction failed 29201/-28, size 8000-0 line 1
        [1.000006] binder: 5:5 transaction failed 29201/-28, size 500000-0 line 1
        """)
    #expect(all.refusals.map(\.receiver) == [10, 11])
    #expect(all.refusals.map(\.sender) == [5, 6])
    #expect(all.refusals.map(\.free) == [240_384, 6000])
  }

  @Test func manyRefusalsAreGrouped() throws {
    var text = ""
    for index in 0..<40 {
      let second = "\(100 + index).000000"
      text += "[\(second)] binder_alloc: 10: binder_alloc_buf size 8000 failed, no address space\n"
      text +=
        "[\(second)] binder_alloc: allocated: \(1_034_384 + 8 * index) (num: 3 largest: 600000), "
        + "free: \(6000 - 8 * index) (num: 2 largest: 4000)\n"
    }
    text += "[140.5] binder_alloc_new_buf_locked: 12 callbacks suppressed\n"
    let all = try CaseFiles.explained(text: text)
    #expect(all.refusals.count == 40 && all.suppressedLines == 12)
    let refused = all.answer("What was refused?")
    #expect(refused.contains("39 more refusals like it, the last at 139.000000 s"))
    #expect(refused.contains("left out 12 lines"))
    #expect(all.answer("Leak or load?").contains("never fell"))
  }

  @Test func veryManyRefusalsAreCounted() throws {
    let text = (0..<2000).map {
      "[\($0).5] binder_alloc: \($0 % 7 + 1): binder_alloc_buf size 8 failed, no address space\n"
    }
    .joined()
    let all = try CaseFiles.explained(text: text)
    #expect(all.refusals.count == LogEvidence.mostRefusals)
    #expect(all.moreRefusals == 2000 - LogEvidence.mostRefusals)
  }

  @Test func failuresThatAreNotAboutSpace() throws {
    let all = try CaseFiles.explained(
      text: """
        [2.5] binder: 5:6 transaction failed 29189/-22, size 88-0 line 3
        [2.6] rust_binder: 1:2 transaction to 3 failed: ESRCH
        """)
    #expect(all.refusals.isEmpty)
    #expect(all.otherFailures.map(\.error) == [-22, -3])
    #expect(all.answer("What else failed?").contains("dead or dying"))
    #expect(all.status == .success)
  }

  @Test func spamAndStarvation() throws {
    let all = try CaseFiles.explained(
      text: """
        [7.5] binder_alloc: 1000: pid 2000 spamming oneway? 51 buffers allocated for a total size of 270000
        [7.6] binder_alloc: 1000: pid 2000 spamming oneway? 60 buffers allocated for a total size of 280000
        03-10 12:01:03.000  1000  1200 W IPCThreadState: binder thread pool (15 threads) starved for 2310 ms
        03-10 12:01:03.100  2000  2001 E IPCThreadState: Process seems to be sending too many oneway calls.
        """)
    #expect(all.answer("Who spams oneway?").contains("2000 was told that it sends too many oneway"))
    #expect(all.spam.count == 1 && all.spam[0].count == 2 && all.spam[0].mostBuffers == 60)
    #expect(all.answer("Who spams oneway?").contains("2000 into 1000"))
    #expect(all.answer("Who waits for whom?").contains("2,310 ms"))
  }

  @Test func logcatAndKernelLogTogether() throws {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    writeFile(
      scratch.path("logcat"),
      """
      03-10 12:01:02.123  280  281 E IPCThreadState: Binder transaction failure. id: 9, BR_*: 29201, error: -28 (No space left on device)
      03-10 12:01:02.124  280  281 E JavaBinder: !!! FAILED BINDER TRANSACTION !!!  (parcel size = 131152)
      03-10 12:00:00.000  1000  1010 I ActivityManager: Start proc 271:com.example.server/u0a99 for service

      """)
    writeFile(scratch.path("dmesg"), Self.refusal + "\n")
    let all = try CaseFiles.explained(paths: [scratch.path("logcat"), scratch.path("dmesg")])
    #expect(all.refusals.count == 1)
    #expect(all.refusals[0].parcelSize == 131_152 && all.refusals[0].cause == .full)
    #expect(all.answer("What was refused?").contains("271 com.example.server"))
  }

  @Test func aFileAboutSomethingElse() throws {
    let all = try CaseFiles.explained(text: "[1.0] usb 1-1: new device\nhello\n")
    #expect(all.status == .unanswered)
    #expect(ExplainText.text(all, for: .plain.wide(true)).contains("answer nothing"))
  }

  @Test func numbersThatCannotBe() throws {
    let all = try CaseFiles.explained(
      text: """
        [1.0] binder_alloc: 99999999999: binder_alloc_buf size 10 failed, no address space
        [1.0] binder_alloc: 1: binder_alloc_buf size 99999999999999999999 failed, no address space
        [1.0] binder_alloc: 1: binder_alloc_buf size -8 failed, no address space
        [1.0] binder_alloc: allocated: -1 (num: 9 largest: 1), free: 1 (num: 1 largest: 1)
        """)
    #expect(all.refusals.isEmpty)
  }
}
