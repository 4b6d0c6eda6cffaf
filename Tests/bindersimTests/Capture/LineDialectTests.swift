import Testing

@testable import bindersim

/// Lines of every shape met in the wild, with values of our own.
@Suite(.timeLimit(.minutes(5))) struct LineDialectTests {
  private func record(_ line: String) throws -> CaptureRecord {
    var reader = CaptureReader(bytes: Array((line + "\n").utf8))
    return try #require(try reader.next(), "not usable: \(line)")
  }

  private let transaction = CaptureEvent.transaction(
    TransactionEvent(
      id: 77, node: 12, process: 990, thread: 0, isReply: false, flags: 0x11, code: 0x3))

  private static let fields =
    "binder_transaction: transaction=77 dest_node=12 dest_proc=990 dest_thread=0 reply=0 "
    + "flags=0x11 code=0x3"

  @Test(arguments: [
    ("  com.example-30992 (30992) [002] .... 28304.425991: ", "com.example", 30992, 30992),
    ("  HwB:917_1-1127  (  917) [003] .... 41287.870525: ", "HwB:917_1", 1127, 917),
    ("Render Thread-2267  ( 1592) [003] ...1 168766.128110: ", "Render Thread", 2267, 1592),
    ("   Chrome-IO (a)-88  (   7) [003] d..1 5.000001: ", "Chrome-IO (a)", 88, 7),
    (" kworker/u16:3-71 (   71) [000] dN.2. 5.000001: ", "kworker/u16:3", 71, 71),
    ("  lowpool[64]-5732  (26290) [003] .... 157479.550551: ", "lowpool[64]", 5732, 26290),
    ("  -x--9-15  (   15) [003] .... 157479.550551: ", "-x--9", 15, 15),
  ])
  func groupColumn(prefix: String, task: String, thread: Int32, process: Int32) throws {
    let record = try record(prefix + Self.fields)
    #expect(record.task.description == task)
    #expect(record.thread == thread)
    #expect(record.process == .known(process))
    #expect(record.event == transaction)
  }

  @Test(arguments: [
    (" HwBinder:43_1-4519    [003] ....  9928.036386: ", "HwBinder:43_1", 4519),
    ("          client-521390  [005] ..... 137012.464739: ", "client", 521390),
    ("Binder:1885_5-2351 [002] ...1 242.804499: ", "Binder:1885_5", 2351),
    ("a b-c-12 [002] 242.804499: ", "a b-c", 12),
    ("app-12\t[002]\td..3.\t242.804499: ", "app", 12),
  ])
  func noGroupColumn(prefix: String, task: String, thread: Int32) throws {
    let record = try record(prefix + Self.fields)
    #expect(record.task.description == task)
    #expect(record.thread == thread)
    #expect(record.process == .absent)
    #expect(record.event == transaction)
  }

  @Test func unknownGroup() throws {
    let record = try record(
      "           <...>-1200  (-----) [001] ...1 168758.663028: "
        + "binder_transaction_received: transaction=25137708")
    #expect(record.process == .unknown)
    #expect(record.event == .received(transaction: 25_137_708))
    #expect(record.task.isUnknown)
    #expect(record.nanoseconds == 168_758_663_028_000)
  }

  @Test(
    arguments: [
      ("12.5:", 12_500_000_000), ("12.000000001:", 12_000_000_001), ("99:", 99),
      ("0.000001:", 1000),
    ] as [(String, UInt64)])
  func timestamps(text: String, nanoseconds: UInt64) throws {
    let record = try record("a-1 [000] .... \(text) binder_ioctl: cmd=0x1 arg=0x2")
    #expect(record.nanoseconds == nanoseconds)
  }

  @Test(
    arguments: [
      (
        "binder_transaction_alloc_buf: transaction=5 data_size=168 offsets_size=24 "
          + "extra_buffers_size=112",
        CaptureEvent.allocBuf(
          BufferEvent(transaction: 5, dataSize: 168, offsetsSize: 24, extraSize: 112))
      ),
      (
        "binder_transaction_alloc_buf: transaction=5 data_size=120 offsets_size=8",
        .allocBuf(
          BufferEvent(
            transaction: 5, dataSize: 120, offsetsSize: 8, extraSize: 0, hasExtraSize: false))
      ),
      (
        "binder_transaction_alloc_buf: extra_buffers_size=8 offsets_size=0 data_size=4 "
          + "transaction=5",
        .allocBuf(BufferEvent(transaction: 5, dataSize: 4, offsetsSize: 0, extraSize: 8))
      ),
      (
        "binder_transaction_buffer_release: transaction=6 data_size=52 offsets_size=0 "
          + "extra_buffers_size=0",
        .bufferRelease(BufferEvent(transaction: 6, dataSize: 52, offsetsSize: 0, extraSize: 0))
      ),
      (
        "binder_transaction_failed_buffer_release: transaction=-2 data_size=52 offsets_size=0",
        .failedBufferRelease(
          BufferEvent(
            transaction: 0xFFFF_FFFE, dataSize: 52, offsetsSize: 0, extraSize: 0,
            hasExtraSize: false))
      ),
      (
        "binder_transaction: transaction=8 dest_node=0 dest_proc=9 dest_thread=10 reply=1 "
          + "flags=0x0 code=0x5f474854",
        .transaction(
          TransactionEvent(
            id: 8, node: 0, process: 9, thread: 10, isReply: true, flags: 0, code: 0x5F47_4854))
      ),
      ("binder_transaction_received: transaction=8", .received(transaction: 8)),
      (
        "binder_update_page_range: proc=1196 allocate=1 offset=0 size=4096",
        .updatePageRange(process: 1196, allocate: true, offset: 0, size: 4096)
      ),
      (
        "binder_alloc_lru_start: proc=11 page_index=3", .page(.allocLRUStart, process: 11, index: 3)
      ),
      ("binder_alloc_lru_end: proc=11 page_index=3", .page(.allocLRUEnd, process: 11, index: 3)),
      ("binder_free_lru_start: proc=11 page_index=3", .page(.freeLRUStart, process: 11, index: 3)),
      ("binder_free_lru_end: proc=11 page_index=3", .page(.freeLRUEnd, process: 11, index: 3)),
      (
        "binder_alloc_page_start: proc=11 page_index=3",
        .page(.allocPageStart, process: 11, index: 3)
      ),
      ("binder_alloc_page_end: proc=11 page_index=3", .page(.allocPageEnd, process: 11, index: 3)),
      (
        "binder_unmap_user_start: proc=11 page_index=3",
        .page(.unmapUserStart, process: 11, index: 3)
      ),
      ("binder_unmap_user_end: proc=11 page_index=3", .page(.unmapUserEnd, process: 11, index: 3)),
      (
        "binder_set_priority: proc=1196 thread=1227 old=120 => new=98 desired=98",
        .setPriority(process: 1196, thread: 1227)
      ),
      ("binder_command: cmd=0x40406300 BC_TRANSACTION", .command(0x4040_6300)),
      ("binder_return: cmd=0x7206 BR_TRANSACTION_COMPLETE", .returned(0x7206)),
      ("binder_ioctl: cmd=0xc0306201 arg=0x7fd42a0190", .driver(.ioctl)),
      ("binder_ioctl_done: ret=-512", .driver(.ioctlDone)),
      ("binder_read_done: ret=0", .driver(.readDone)),
      ("binder_write_done: ret=0", .driver(.writeDone)),
      (
        "binder_wait_for_work: proc_work=0 transaction_stack=0 thread_todo=1",
        .driver(.waitForWork)
      ),
      (
        "binder_transaction_ref_to_node: transaction=9 node=37 src_ref=3 src_desc=9 ==> "
          + "dest_ptr=0x00000079ba160780",
        .translated(transaction: 9)
      ),
      ("binder_lock: tag=binder_ioctl", .otherBinder),
      ("sched_switch: prev_comm=a prev_pid=1 ==> next_comm=b next_pid=2", .other),
    ] as [(String, CaptureEvent)])
  func events(text: String, event: CaptureEvent) throws {
    #expect(try record("a-1 (    1) [000] .... 1.000000: " + text).event == event)
  }

  @Test(
    arguments: [
      ("data_size=-8 offsets_size=0", LineIssue.Kind.negativeSize),
      ("data_size=9223372036854775808 offsets_size=0", .numberTooLarge),
      ("data_size=99999999999999999999999 offsets_size=0", .numberTooLarge),
      ("data_size=x offsets_size=0", .malformedField),
      ("data_size=12x offsets_size=0", .malformedField),
      ("data_size= offsets_size=0", .malformedField),
      ("data_size=12", .missingField),
      ("data_size=12 offsets_size=0\u{01}", .binary),
    ] as [(String, LineIssue.Kind)])
  func unusableFields(text: String, kind: LineIssue.Kind) throws {
    let line = "a-1 [000] .... 1.0: binder_transaction_alloc_buf: transaction=5 " + text
    var reader = CaptureReader(bytes: Array("# header\n\(line)\n".utf8))
    #expect(try reader.next() == nil)
    #expect(reader.summary.issues.keys.sorted { $0.rawValue < $1.rawValue } == [kind])
    #expect(reader.summary.issues[kind]?.lines == [2])
  }

  @Test func largestSizeIsASize() throws {
    let record = try record(
      "a-1 [000] .... 1.0: binder_transaction_alloc_buf: transaction=5 "
        + "data_size=9223372036854775807 offsets_size=0")
    #expect(
      record.event
        == .allocBuf(
          BufferEvent(
            transaction: 5, dataSize: .max, offsetsSize: 0, extraSize: 0, hasExtraSize: false)))
  }

  @Test(arguments: [
    "hello", "a-1 [000]", "a-1 [000] ....", "a-1 [000] .... 1.0: ", "a-1 [x] .... 1.0: b: c",
    "a- [000] .... 1.0: binder_ioctl: x", "-1000000000000 [0] .... 1.0: binder_ioctl: x",
    "a-1 (99 [000] .... 1.0: binder_ioctl: x", "a-1 [0] .... 1.0000000001: binder_ioctl: x",
    "a-1 [0] .... 99999999999.0: binder_ioctl: x", "[", "(1) [1] 1.0: e:", "]-[",
  ])
  func notTraceLines(line: String) throws {
    var reader = CaptureReader(bytes: Array("\(line)\n".utf8))
    #expect(try reader.next() == nil)
    #expect(reader.summary.issues[.notATraceLine]?.count == 1)
  }
}
