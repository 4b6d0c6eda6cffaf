import Testing

@testable import bindersim

/// Perfetto's traces: packets of every kind, in any order, whole and damaged.
@Suite(.timeLimit(.minutes(15))) struct PerfettoTests {
  private typealias Message = ProtoMessage

  private func read(
    _ bytes: [UInt8], chunk: Int = .max
  ) throws -> ([CaptureRecord], CaptureSummary, CaptureFacts) {
    var reader = CaptureReader(bytes: bytes, chunk: chunk)
    #expect(reader.input.kind == .perfetto || reader.input.kind == .perfettoText)
    var records: [CaptureRecord] = []
    while let record = try reader.next() { records.append(record) }
    try reader.rewind()
    var again: [CaptureRecord] = []
    while let record = try reader.next() { again.append(record) }
    #expect(again == records, "the same when read again")
    return (records, reader.summary, reader.facts)
  }

  /// A call of thread 20 and its answer by thread 41 of process 40, on two CPUs.
  private static let client = Message.bundle(
    cpu: 1,
    [
      .event(10_000_100_000, 20, 485, Message().number(1, 0x4040_6300)),
      .event(10_000_110_000, 20, 50, .transaction(7, node: 3, process: 40)),
      .event(10_000_120_000, 20, 323, .allocBuf(7, data: 4096, offsets: 8, extra: 16)),
      .event(10_000_125_000, 20, 4, Message().text(1, "other").number(2, 5)),
      .event(10_000_400_000, 20, 51, Message().number(1, 8)),
      .event(
        10_000_500_000, 20, 327,
        .generic(
          "binder_transaction_buffer_release",
          [
            ("debug_id", 8), ("data_size", 64), ("offsets_size", 0), ("extra_buffers_size", 0),
          ])),
    ])
  private static let server = Message.bundle(
    cpu: 0, lost: true,
    [
      .event(10_000_200_000, 41, 51, Message().number(1, 7)),
      .event(
        10_000_300_000, 41, 50, .transaction(8, process: 20, thread: 20, reply: true, flags: 0)),
      .event(10_000_310_000, 41, 323, .allocBuf(8, data: 64)),
      .event(10_000_350_000, 41, 486, Message().number(1, 0x7211)),
    ])
  private static let tree = Message().message(
    1,
    Message().message(
      2,
      Message().message(1, Message().number(1, 20).number(2, 1).text(3, "/system/bin/client"))
        .message(1, Message().number(1, 40).text(3, "server"))
        .message(2, Message().number(1, 41).text(2, "binder:40_1").number(3, 40))))
  private static let system = Message().message(
    1,
    Message().message(
      45,
      Message().message(
        1,
        Message().text(1, "Linux").text(2, "#1 SMP").text(3, "5.10.107-android13-4-00003")
          .text(4, "aarch64"))))

  private static let expected: [CaptureEvent] = [
    .command(0x4040_6300),
    .transaction(
      TransactionEvent(
        id: 7, node: 3, process: 40, thread: 0, isReply: false, flags: 0x10, code: 1)),
    .allocBuf(BufferEvent(transaction: 7, dataSize: 4096, offsetsSize: 8, extraSize: 16)),
    .received(transaction: 7),
    .transaction(
      TransactionEvent(id: 8, node: 0, process: 20, thread: 20, isReply: true, flags: 0, code: 1)),
    .allocBuf(BufferEvent(transaction: 8, dataSize: 64, offsetsSize: 0, extraSize: 0)),
    .returned(0x7211),
    .received(transaction: 8),
    .bufferRelease(BufferEvent(transaction: 8, dataSize: 64, offsetsSize: 0, extraSize: 0)),
  ]

  private func expectWhole(_ bytes: [UInt8], chunk: Int = .max, lost: Int = 1) throws {
    let (records, summary, facts) = try read(bytes, chunk: chunk)
    #expect(records.map(\.event) == Self.expected)
    #expect(records.map(\.line) == Array(1...9))
    #expect(records[1].task.description == "client" && records[1].process == .known(20))
    #expect(records[3].task.description == "binder:40_1" && records[3].process == .known(40))
    #expect(summary.otherEvents == 1)
    #expect(summary.failedReplies == 1 && summary.releases == 1 && summary.commands == 1)
    #expect(
      summary.lines == records.count + summary.otherEvents + summary.unusableLines)
    #expect(facts.lost.count == lost)
    #expect(
      facts.kernel == ReportedKernel(release: "5.10.107-android13-4-00003", source: .systemInfo))
    #expect(facts.processNames == [20: "/system/bin/client", 40: "server"])
  }

  @Test(arguments: [
    [client, server], [server, client],
  ])
  func bundlesInAnyOrder(_ bundles: [ProtoMessage]) throws {
    let events = Message.trace(bundles).bytes
    try expectWhole(Self.system.bytes + Self.tree.bytes + events)
    // Processes may be named behind the events.
    for chunk in [1, 3, 1000] {
      try expectWhole(events + Self.tree.bytes + Self.system.bytes, chunk: chunk)
    }
  }

  @Test func packedPackets() throws {
    let inner = Self.system.bytes + Message.trace([Self.server, Self.client]).bytes
    let zlib = Message().message(1, Message().bytes(50, PackedBytes.zlib(inner))).bytes
    let zstd = Message().message(1, Message().bytes(133, PackedBytes.zstd(inner))).bytes
    for whole in [zlib, zstd] {
      try expectWhole(Self.tree.bytes + whole)
      try expectWhole(PackedBytes.gzip(whole + Self.tree.bytes))
      try expectWhole(PackedBytes.zstd(Self.tree.bytes + whole))
    }
  }

  @Test func aPackedPacketThatIsDamaged() throws {
    let inner = Message.trace([Self.client]).bytes
    let bad = Message().message(1, Message().bytes(50, PackedBytes.zlib(inner).dropLast(9)))
    let (records, summary, _) = try read(
      Self.tree.bytes + bad.bytes + Message.trace([Self.server]).bytes)
    #expect(records.count == 4)
    #expect(summary.issues[.packedPacket]?.count == 1)
  }

  /// What no reader knows is passed over, wherever it stands.
  @Test func unknownFields() throws {
    let odd = Message().number(900, 1).bytes(901, [1, 2, 3]).raw([
      0xE9, 0x38, 1, 2, 3, 4, 5, 6, 7, 8,
    ])
    .raw([0xED, 0x38, 1, 2, 3, 4])
    let packet = Message().message(1, Self.client.raw(odd.bytes)).raw(odd.bytes)
    let other = Message().message(1, Message().message(1, Self.server).raw(odd.bytes))
    try expectWhole(
      Self.system.bytes + Self.tree.bytes + Message().message(1, packet).bytes
        + Message().message(2, odd).number(3, 4).bytes + other.bytes)
  }

  @Test func genericEventsOfTheRustDriver() throws {
    let bundle = Message.bundle(
      cpu: 0,
      [
        .event(
          5000, 20, 327,
          .generic(
            "rust_binder_transaction_alloc_buf",
            [
              ("transaction", 7), ("data_size", 100), ("offsets_size", 0),
              ("extra_buffers_size", 0),
            ])),
        .event(
          6000, 20, 327,
          .generic(
            "rust_binder_transaction",
            [
              ("transaction", 7), ("target_node", 3), ("dest_proc", 40), ("dest_thread", 0),
              ("reply", 0), ("flags", 17), ("code", 2),
            ])),
        .event(
          7000, 41, 327, .generic("rust_binder_transaction_buffer_release", [("transaction", 7)])),
        .event(8000, 41, 327, .generic("sched_thing", [("x", 7)])),
      ])
    let (records, summary, facts) = try read(Message.trace([bundle]).bytes)
    #expect(records.count == 3)
    #expect(
      records.first?.event
        == .transaction(
          TransactionEvent(
            id: 7, node: 3, process: 40, thread: 0, isReply: false, flags: 17, code: 2)))
    #expect(facts.driver.family == .rust)
    #expect(summary.otherEvents == 1)
  }

  @Test func whatIsNotThereIsZero() throws {
    let bundle = Message.bundle(
      cpu: 0,
      [
        .event(5000, 20, 50, Message().number(1, 7).number(3, 40)),
        .event(6000, 20, 323, Message().number(2, 7)),
      ])
    let (records, _, facts) = try read(Message.trace([bundle]).bytes)
    #expect(records.count == 2)
    #expect(facts.missingExtraSizes.count == 1)
    #expect(
      records[1].event
        == .allocBuf(
          BufferEvent(
            transaction: 7, dataSize: 0, offsetsSize: 0, extraSize: 0, hasExtraSize: false)))
  }

  /// Cut anywhere, a trace gives what came before.
  @Test func cutAnywhere() throws {
    let whole = Self.tree.bytes + Message.trace([Self.client, Self.server]).bytes
    for count in stride(from: Self.tree.bytes.count + 1, to: whole.count, by: 3) {
      var reader = CaptureReader(bytes: Array(whole.prefix(count)))
      var records = 0
      while try reader.next() != nil { records += 1 }
      #expect(records <= 9)
      #expect(reader.summary.issues[.damagedPacket] != nil || records == 5)
    }
  }

  @Test func asText() throws {
    let text = """
      # protobuf text
      packet {
        process_tree { processes { pid: 40 ppid: 1 cmdline: "server" }
          threads { tid: 41 name: "binder:40_1" tgid: 40 } } trusted_uid: 5 }
      packet { system_info { utsname { sysname: "Linux" release: "6.1.90" } } }
      packet {
        ftrace_events { cpu: 1 lost_events: true
          event { timestamp: 3000 pid: 41 binder_transaction_received { debug_id: 7 } }
          event { timestamp: 4000 pid: 41 generic { event_name: "binder_transaction_buffer_release"
            field { name: "debug_id" uint_value: 7 } field: { name: 'data_size' int_value: 4096 }
            field { name: "offsets_size" uint_value: 8 } field { name: "extra_buffers_size" uint_value: 0 } } }
          event { timestamp: 4500 pid: 41 sched_switch { prev_comm: "a { b" prev_pid: 1 } }
        }
      }
      packet { ftrace_events { cpu: 0 event { timestamp: 1000 pid: 20 binder_transaction {
        debug_id: 7 target_node: 3 to_proc: 40 to_thread: 0 reply: 0 code: 1 flags: 16 } }
        event { binder_transaction_alloc_buf < data_size: 4096 debug_id: 7 offsets_size: 8 > pid: 20 timestamp: 2000 } } }
      """
    for text in [
      text, text.replacing("\n", with: " ").replacing("# protobuf text", with: ""),
      text.replacing("\n", with: "\r\n"),
    ] {
      let (records, summary, facts) = try read(Array(text.utf8), chunk: 5)
      #expect(
        records.map(\.event) == [
          .transaction(
            TransactionEvent(
              id: 7, node: 3, process: 40, thread: 0, isReply: false, flags: 16, code: 1)),
          .allocBuf(
            BufferEvent(
              transaction: 7, dataSize: 4096, offsetsSize: 8, extraSize: 0, hasExtraSize: false)),
          .received(transaction: 7),
          .bufferRelease(BufferEvent(transaction: 7, dataSize: 4096, offsetsSize: 8, extraSize: 0)),
        ])
      #expect(records[2].task.description == "binder:40_1")
      #expect(records.map(\.nanoseconds) == [1000, 2000, 3000, 4000])
      #expect(facts.kernel?.release == "6.1.90")
      #expect(facts.lost.marks.map(\.cpu) == [1])
      #expect(summary.otherEvents == 1)
    }
  }

  @Test func theCaseAsText() throws {
    let (records, _, _) = try read(CaptureCase.bytes("traceconv-text.pbtxt"))
    #expect(
      records.map(\.event) == [
        .allocBuf(BufferEvent(transaction: 7, dataSize: 4096, offsetsSize: 8, extraSize: 0))
      ])
  }

  /// More events than are sorted at once go through a file.
  @Test(arguments: [1, 2, 7, 64, 1000])
  func sortingInRuns(runLength: Int) throws {
    var random = SplitMix64(seed: 5)
    var sorter = EventSorter(runLength: runLength)
    var expected: [(UInt64, UInt32)] = []
    for id in 0..<UInt32(500) {
      let time = UInt64(random.next(below: 100))
      expected.append((time, id))
      try sorter.add(
        CaptureRecord(
          line: 0, thread: 1, process: .absent, nanoseconds: time, task: TaskName(),
          event: .received(transaction: id)))
    }
    expected.sort { ($0.0, $0.1) < ($1.0, $1.1) }
    for _ in 0..<2 {
      sorter.start()
      for (index, (time, id)) in expected.enumerated() {
        let record = try #require(try sorter.next())
        #expect(record.nanoseconds == time && record.event == .received(transaction: id))
        #expect(record.line == index + 1)
      }
      #expect(try sorter.next() == nil)
    }
  }
}

/// Perfetto's own files give the figures of the text that was made of the same capture.
@Suite(.timeLimit(.minutes(15)), .enabled(if: !SharedFiles.captures.isEmpty, SharedFiles.absent))
struct SharedPerfettoTests {
  @Test func theSameAsText() throws {
    let text = try #require(SharedFiles.captures.first { $0.contains("api32_startup_warm") })
    let expected = try runReplay(ReplayOptions(path: text))
    let traces =
      SharedFiles.files(in: "traces", suffix: ".pftrace")
      + SharedFiles.files(in: "traces", suffix: ".pftrace.gz")
    #expect(traces.count >= 2)
    for path in traces {
      let report = try runReplay(ReplayOptions(path: path))
      #expect(report.used == expected.used)
      #expect(report.neverFreed == expected.neverFreed)
      #expect(report.frees == expected.frees)
      #expect(report.runs[0].processes.map(\.pid) == expected.runs[0].processes.map(\.pid))
      #expect(
        report.runs[0].processes.map(\.peakBytes) == expected.runs[0].processes.map(\.peakBytes))
      #expect(
        report.runs[0].processes.map(\.peakBuffers) == expected.runs[0].processes.map(\.peakBuffers)
      )
    }
  }

  @Test func theKernel() throws {
    for path in SharedFiles.files(in: "traces", suffix: ".pftrace") {
      var reader = try CaptureReader(path: path)
      while try reader.next() != nil {}
      #expect(reader.facts.kernel?.release == "5.10.107-android13-4-00003-gd0b4ef8d2bb5")
      #expect(reader.summary.unusableLines == 0)
    }
  }
}
