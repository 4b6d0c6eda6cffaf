import Testing

@testable import bindersim

/// Whatever order a driver's events have, a transaction comes before its sizes; what does not
/// belong together comes out as it was.
@Suite(.timeLimit(.minutes(1))) struct EventOrderTests {
  private func lines(_ text: [String]) throws -> ([Int], CaptureFacts) {
    var reader = CaptureReader(bytes: Array((text.joined(separator: "\n") + "\n").utf8))
    var lines: [Int] = []
    while let record = try reader.next() { lines.append(record.line) }
    #expect(lines.sorted() == Array(1...text.count), "nothing is lost, nothing comes twice")
    return (lines, reader.facts)
  }

  private func sent(_ id: Int, by thread: Int, reply: Bool = false, to: String = "dest_thread=0")
    -> String
  {
    "t-\(thread) [0] 1.0: binder_transaction: transaction=\(id) dest_node=3 dest_proc=4 \(to) "
      + "reply=\(reply ? 1 : 0) flags=0x10 code=0x1"
  }

  private func sizes(_ id: Int, by thread: Int) -> String {
    "t-\(thread) [0] 1.0: binder_transaction_alloc_buf: transaction=\(id) data_size=8 offsets_size=0 "
      + "extra_buffers_size=0"
  }

  private func step(_ thread: Int) -> String { "t-\(thread) [0] 1.0: binder_read_done: ret=0" }

  @Test func theUsualOrder() throws {
    let (lines, facts) = try lines([
      sent(1, by: 2), sizes(1, by: 2), step(2), sent(2, by: 2), sizes(2, by: 2),
    ])
    #expect(lines == [1, 2, 3, 4, 5])
    #expect(facts.driver.family == .c)
  }

  @Test func sizesFirst() throws {
    let (lines, facts) = try lines([
      sizes(1, by: 2), sizes(2, by: 3), sent(1, by: 2), step(4), sent(2, by: 3), step(2),
    ])
    #expect(lines == [3, 1, 4, 5, 2, 6])
    #expect(facts.driver.family == .rust)
    #expect(facts.driver.text == "alloc_buf comes before binder_transaction")
  }

  @Test func sizesWithoutATransaction() throws {
    #expect(try lines([sizes(1, by: 2), step(2)]).0 == [1, 2])
    #expect(try lines([sizes(1, by: 2), sent(2, by: 2), sizes(2, by: 2)]).0 == [1, 2, 3])
    #expect(try lines([sizes(1, by: 2), sizes(2, by: 2), sent(2, by: 2)]).0 == [1, 3, 2])
    #expect(try lines([step(3), sizes(1, by: 2)]).0 == [1, 2])
    #expect(try lines([sizes(1, by: 2)]).1.driver.family == nil)
  }

  @Test func theThreadThatIsToldLater() throws {
    var reader = CaptureReader(
      bytes: Array(
        [
          "t-40 [0] 1.0: rust_binder_transaction: transaction=8 target_node=0 dest_proc=20 "
            + "from_proc=4 reply=1 flags=0x0 code=0x0",
          "t-40 [0] 1.0: rust_binder_transaction_thread_selected: transaction=8 thread=20",
          "t-40 [0] 1.0: rust_binder_transaction_alloc_buf: transaction=8 data_size=8 offsets_size=0 "
            + "extra_buffers_size=0\n",
        ].joined(separator: "\n").utf8))
    guard let record = try reader.next(), case .transaction(let event) = record.event else {
      Issue.record("the transaction comes first")
      return
    }
    #expect(event.thread == 20 && event.hasThread && event.sender == 4)
    #expect(record.process == .known(4))
    #expect(try reader.next()?.event == .threadSelected(transaction: 8, thread: 20))
    guard case .allocBuf? = try reader.next()?.event else {
      Issue.record("its sizes come last")
      return
    }
  }

  @Test func theThreadThatIsNeverTold() throws {
    let from = "from_proc=4"
    #expect(try lines([sent(8, by: 2, reply: true, to: from), step(2)]).0 == [1, 2])
    #expect(try lines([sent(8, by: 2, reply: true, to: from), sizes(8, by: 2)]).0 == [1, 2])
    #expect(try lines([sent(8, by: 2, reply: true, to: from), sent(9, by: 2)]).0 == [1, 2])
    #expect(try lines([sent(8, by: 2, reply: true, to: from)]).0 == [1])
  }

  /// More threads than are kept: what is held comes out, nothing is lost.
  @Test func manyThreads() throws {
    _ = try lines((1...20_000).map { sizes($0, by: $0) })
  }
}
