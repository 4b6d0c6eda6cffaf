import Testing

@testable import bindersim

/// The spellings of other recorders and converters, and of the Rust driver: read as the usual form.
@Suite(.timeLimit(.minutes(15))) struct RecorderDialectTests {
  private func records(_ text: String) throws -> [CaptureRecord] {
    try records(Array(text.utf8))
  }

  private func records(_ bytes: [UInt8]) throws -> [CaptureRecord] {
    var reader = CaptureReader(bytes: bytes)
    var records: [CaptureRecord] = []
    while let record = try reader.next() { records.append(record) }
    #expect(reader.summary.unusableLines == 0, "\(reader.summary.firstIssues)")
    return records
  }

  private let request = CaptureEvent.transaction(
    TransactionEvent(
      id: 7, node: 3, process: 40, thread: 0, isReply: false, flags: 0x10, code: 1))

  private static let sent =
    "binder_transaction: transaction=7 dest_node=3 dest_proc=40 dest_thread=0 reply=0 flags=0x10 "
    + "code=0x1"

  @Test(
    arguments: [
      ("client    20 [001]    10.000100:       binder:\(sent)", "client", 20, nil),
      ("client    20 [001]    10.000100: binder:\(sent)", "client", 20, nil),
      ("my client 2    20 [001] 10.000100: binder:\(sent)", "my client 2", 20, nil),
      ("client 20/21 [001] 10.000100: binder:\(sent)", "client", 21, 20),
      ("20/21 [001] 10.000100: binder:\(sent)", "", 21, 20),
      ("client 20 10.000100: binder:\(sent)", "client", 20, nil),
      ("client-20 10.000100: \(sent)", "client", 20, nil),
      ("client-20 (   20) 10.000100: \(sent)", "client", 20, 20),
      ("client-20 (   20) ...1 10.000100: \(sent)", "client", 20, 20),
      ("client-20 ( 20 ) [001] .... 10.000100: \(sent)", "client", 20, 20),
      ("client-20 (-------) [001] d..4. 10.000100:    \(sent)   ", "client", 20, nil),
      ("  [x] (y) -z-20 [1] 10.000100: \(sent)", "[x] (y) -z", 20, nil),
      ("a:b: c-20\t(20)\t[001]\t....\t10.000100:\t\(sent)\r", "a:b: c", 20, 20),
      ("20 [001] 10.000100: \(sent)", "", 20, nil),
      ("client    20 [001]    10.000100:          1 binder:\(sent)", "client", 20, nil),
      ("client-20 (20) [001] ....1.. 10.000100: rust_\(sent)", "client", 20, 20),
    ] as [(String, String, Int32, Int32?)])
  func prefixes(line: String, task: String, thread: Int32, process: Int32?) throws {
    let record = try #require(try records(line + "\n").first)
    #expect(record.event == request)
    #expect(record.task.description == task)
    #expect(record.thread == thread)
    #expect(record.nanoseconds == 10_000_100_000)
    if let process {
      #expect(record.process == .known(process))
    } else {
      #expect(record.process == .absent || record.process == .unknown)
    }
  }

  @Test(arguments: [
    "debug_id=7 target_node=3 to_proc=40 to_thread=0 reply=0 code=1 flags=16",
    "debug_id=7 target_node=3 to_proc=40 to_thread=0 reply=0 code=0x1 flags=0x10",
    "transaction=7 target_node=3 dest_proc=40 dest_thread=0 reply=0 flags=0x10 code=0x1",
    "  flags=16   code=1  reply=0 to_thread=0 to_proc=40 target_node=3 debug_id=7",
    "transaction=7 dest_node=3 dest_proc=40 dest_thread=0 from_proc=20 reply=0 flags=0x10 code=0x1",
  ])
  func fieldNames(fields: String) throws {
    for name in ["binder_transaction", "rust_binder_transaction", "binder:binder_transaction"] {
      let record = try #require(try records("c-20 [001] 10.000100: \(name): \(fields)\n").first)
      #expect(record.event == request, "\(name): \(fields)")
    }
  }

  @Test(arguments: [
    "debug_id=7 data_size=4096 offsets_size=8 extra_buffers_size=16",
    "offsets_size=8 extra_buffers_size=16 debug_id=7 data_size=4096",
    "transaction=7 data_size=4096 offsets_size=8 extra_buffers_size=16",
  ])
  func sizes(fields: String) throws {
    let buffer = BufferEvent(transaction: 7, dataSize: 4096, offsetsSize: 8, extraSize: 16)
    for (name, event) in [
      ("binder_transaction_alloc_buf", CaptureEvent.allocBuf(buffer)),
      ("binder_transaction_buffer_release", .bufferRelease(buffer)),
      ("binder_transaction_failed_buffer_release", .failedBufferRelease(buffer)),
      ("binder_transaction_update_buffer_release", .updateBufferRelease(buffer)),
    ] {
      #expect(try records("c-20 [001] 1.5: \(name): \(fields)\n").map(\.event) == [event])
    }
  }

  @Test func releasesThatTellTheTransactionOnly() throws {
    var reader = CaptureReader(
      bytes: Array("c-20 [1] 1.5: binder_transaction_buffer_release: transaction=7\n".utf8))
    let record = try #require(try reader.next())
    #expect(
      record.event
        == .bufferRelease(
          BufferEvent(
            transaction: 7, dataSize: 0, offsetsSize: 0, extraSize: 0, hasExtraSize: false,
            hasSizes: false)))
    #expect(reader.facts.driver.family == .rust)
  }

  @Test func whatATransactionNeeds() throws {
    var reader = CaptureReader(
      bytes: Array(
        """
        c-20 [1] 1.5: binder_transaction: dest_node=3 dest_proc=40 dest_thread=0 reply=0 flags=0x10 code=0x1
        c-20 [1] 1.5: binder_transaction: transaction=7 dest_node=3 dest_thread=0 reply=0 flags=0x10 code=0x1
        c-20 [1] 1.5: binder_transaction: transaction=7 dest_node=3 dest_proc=40 reply=0 flags=0x10 code=0x1

        """.utf8))
    #expect(try reader.next() == nil)
    #expect(reader.summary.issues[.missingField]?.lines == [1, 2, 3])
  }

  // MARK: The cases

  /// What the events of the case are, whoever recorded it.
  @Test(
    arguments: [
      ("debug-id-spelling.ftrace", 42), ("trace-cmd-R.txt", 7), ("perf-script.txt", 7),
      ("traceconv-generic-release.systrace", 7), ("systrace-in-json.json", 7), ("atrace-z.bin", 7),
      ("rust-events-as-c.ftrace", 7), ("rust-events-mainline-1.ftrace", 7),
      ("rust-events-mainline-2.ftrace", 7), ("rust-events-android16.ftrace", 11),
    ] as [(String, UInt32)])
  func cases(name: String, id: UInt32) throws {
    var reader = try CaptureReader(path: CaptureCase.path(name))
    var kinds: [String] = []
    while let record = try reader.next() {
      switch record.event {
      case .transaction(let event) where event.id == id: kinds.append("transaction")
      case .allocBuf(let event) where event.transaction == id:
        #expect(event.dataSize > 0)
        kinds.append("allocBuf")
      case .received(let other) where other == id: kinds.append("received")
      default: break
      }
    }
    // One case has the same calls many times.
    #expect(kinds.prefix(3) == ["transaction", "allocBuf", "received"])
    #expect(reader.summary.unusableLines == 0, "\(reader.summary.firstIssues)")
    let isRust = name.hasPrefix("rust") && !name.contains("as-c")
    #expect(reader.facts.driver.family == (isRust ? .rust : .c))
  }

  /// The three spellings of the same two calls, event by event.
  @Test func theRustDriversSpellings() throws {
    func events(_ name: String) throws -> [CaptureEvent] {
      var reader = try CaptureReader(path: CaptureCase.path(name))
      var events: [CaptureEvent] = []
      while let record = try reader.next() {
        switch record.event {
        case .transaction(var event):
          event.sender = 0
          event.hasThread = true
          events.append(.transaction(event))
        case .bufferRelease(let event): events.append(.received(transaction: event.transaction))
        case .threadSelected: break
        default: events.append(record.event)
        }
      }
      return events
    }
    let usual = try events("rust-events-as-c.ftrace")
    #expect(usual.count == 8)
    #expect(try events("rust-events-mainline-1.ftrace") == usual)
    #expect(try events("rust-events-mainline-2.ftrace") == usual)
  }

  @Test func extraSizesThatAreMissingAreCounted() throws {
    var reader = try CaptureReader(path: CaptureCase.path("systrace-in-json.json"))
    while try reader.next() != nil {}
    #expect(reader.facts.missingExtraSizes.count == 2)
    reader = try CaptureReader(path: CaptureCase.path("traceconv-generic-release.systrace"))
    while try reader.next() != nil {}
    #expect(reader.facts.missingExtraSizes.count == 1)
  }

  // MARK: Beside events

  @Test func consoleLines() throws {
    var reader = try CaptureReader(path: CaptureCase.path("console-in-ftrace.ftrace"))
    while try reader.next() != nil {}
    #expect(
      reader.facts.consoleLines == [
        ConsoleLine(
          line: 2, nanoseconds: 32_307_962_000, thread: 280,
          text:
            "[   32.307962] binder_alloc: 271: binder_alloc_buf size 131152 failed, no address space"
        )
      ])
    #expect(reader.summary.failedReplies == 1)
  }

  @Test(arguments: [
    (
      "a-1 [000] d... 1.0: console: [ 0.0] Linux version 5.10.149-android12-9 (build@host) #1 SMP\n",
      ReportedKernel(release: "5.10.149-android12-9", source: .logLine(1))
    ),
    (
      "# hostname : x\n# os release : 6.1.90\na-1 [000] 1.0: binder_ioctl: x\n",
      ReportedKernel(release: "6.1.90", source: .header(2))
    ),
    (
      "# Linux version 6.12.23-android16-5, built today\n",
      ReportedKernel(release: "6.12.23-android16-5", source: .header(1))
    ),
  ])
  func kernelReleases(text: String, release: ReportedKernel) throws {
    var reader = CaptureReader(bytes: Array(text.utf8))
    while try reader.next() != nil {}
    #expect(reader.facts.kernel == release)
  }

  @Test func lostEventsAreTold() throws {
    var reader = CaptureReader(
      bytes: Array(
        "a-1 [0] 1.0: binder_ioctl: x\nCPU:2 [LOST 12 EVENTS]\nCPU:3 [EVENTS DROPPED]\n".utf8))
    while try reader.next() != nil {}
    #expect(reader.facts.lost.count == 2)
    #expect(reader.facts.lost.events == 12)
    #expect(reader.facts.lost.marks.map(\.position) == [2, 3])
    #expect(reader.facts.lost.marks.map(\.cpu) == [2, 3])
  }

  @Test func whatRecordersSayBeforeATrace() throws {
    let records = try records(
      "\u{FEFF}capturing trace... done\nTRACE:\ncpus=8\nversion = 6\nCPU 1 is empty\n"
        + "client-20 [001] 10.000100: \(Self.sent)\n")
    #expect(records.map(\.event) == [request])
  }
}
