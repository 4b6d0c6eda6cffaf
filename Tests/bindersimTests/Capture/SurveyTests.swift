import Testing

@testable import bindersim

/// The quick ways through a capture find what the thorough ones find.
@Suite(.timeLimit(.minutes(5))) struct SurveyTests {
  private static let prefixes = [
    "     lowpool[64]-57  (26290) [003] .... 15.550551: ", "  a-12  (   34) [000] d..1. 15.5505: ",
    "  a-12  (   34) [000] .... 15.550551: ", "  b c-13  (   34) [001] ...1 9915.550551: ",
    "<...>-12  (-----) [001] .... 15.550551: ", "x-14 [002] 1.5: ", "x-14 [002] .... 1.500000: ",
    "x-15\t(   34)\t[002]\t....\t1.500000: ", "  a-12  (   99) [000] .... 15.550551: ",
    "  x-1 (2) [0] .... 15.550551: ", "x- (  3) [000] .... 15.550551:  ",
    "(4)-16 (5) [000] 1.000001: ",
    "  c-17  (   34) [001] .. .. 9915.550551: ", "  c-18  (   34) [001] .... 15.55055a: ",
    "  c-19  (   34) [0x1] .... 15.550551: ", "  c-4294967297  (   34) [001] .... 15.550551: ",
  ]
  private static let events = [
    "binder_transaction: transaction=7 dest_node=1 dest_proc=34 dest_thread=0 reply=0 flags=0x10 code=0x1",
    "binder_transaction: transaction=7 dest_node=0 dest_proc=34 dest_thread=12 reply=1 flags=0x0 code=0x0",
    "binder_transaction: transaction=7 dest_node=0 dest_proc=35 dest_thread=21 reply=1 flags=0x0 code=0x0",
    "binder_transaction: transaction=7 dest_thread=22 dest_proc=35 dest_node=0 reply=1 flags=0x0 code=0x0",
    "binder_transaction: transaction=7 dest_node=0 dest_proc=36 dest_thread=23 reply=1 flags=0x0",
    "binder_transaction_received: transaction=8",
    "binder_transaction_alloc_buf: transaction=9 data_size=8 offsets_size=0",
    "binder_transaction_buffer_release: transaction=10 data_size=8 offsets_size=0 extra_buffers_size=0",
    "binder_transaction_failed_buffer_release: transaction=11 data_size=8 offsets_size=0",
    "binder_transaction_buffer_release: transaction=x data_size=8 offsets_size=0",
    "binder_set_priority: proc=34 thread=24 old=120 => new=98 desired=98",
    "binder_ioctl: cmd=0x1 arg=0x2", "sched_switch: prev_comm=binder_set_priority",
    "binder_return: cmd=7",
    "binder-transaction: transaction=7",
    "binder_transaction: transaction=7 dest_node=0 dest_proc=37 dest_thread=",
    "binder_transaction: transaction=7 dest_node=0 dest_proc=37 dest_thread=0x19 reply=0 flags=0x0 code=0x0",
  ]

  private static func capture(_ random: inout SplitMix64) -> [UInt8] {
    var bytes: [UInt8] = []
    for _ in 0..<random.next(in: 1...60) {
      bytes += Array(prefixes[random.next(below: prefixes.count)].utf8)
      bytes += Array(events[random.next(below: events.count)].utf8) + [0x0A]
    }
    for _ in 0..<random.next(below: 10) {
      bytes[random.next(below: bytes.count)] = UInt8(random.next(below: 256))
    }
    return bytes
  }

  @Test(arguments: 1...40)
  func theFilterLosesNothing(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    for _ in 0..<25 {
      let bytes = Self.capture(&random)
      var reader = CaptureReader(bytes: bytes)
      let filtered = try CaptureSurvey(&reader)
      try reader.rewind()
      var whole = CaptureSurvey()
      var records: [CaptureRecord] = []
      while let record = try reader.next() { records.append(record) }
      // What was put behind its transaction is surveyed where it stood.
      for record in records.sorted(by: { $0.line < $1.line }) { whole.add(record) }
      #expect(filtered.processOfThread == whole.processOfThread)
      #expect(filtered.released.count == whole.released.count)
      for node in Int32(0)...2 {
        #expect(
          filtered.contexts.context(ofNode: node, in: 34)
            == whole.contexts.context(ofNode: node, in: 34))
      }
      for id in UInt32(0)..<16 {
        #expect(filtered.released.contains(id) == whole.released.contains(id))
      }
    }
  }

  /// Found by fuzzing: a line that ended right behind `dest_thread=`.
  @Test func theFilterBearsLinesCutAnywhere() {
    for prefix in Self.prefixes {
      for event in Self.events {
        let line = Array((prefix + event).utf8)
        for count in 1..<line.count {
          let cut = Array(line.prefix(count))
          // Nothing behind the cut is looked at; a transaction without its thread must be read.
          let mustRead = SurveyFilter().mustRead(cut.span)
          if cut.suffix(12).elementsEqual("dest_thread=".utf8) { #expect(mustRead) }
        }
      }
    }
  }

  @Test func theFilterPassesOver() throws {
    func mustRead(_ event: String) -> Bool {
      let line = Array("x-14 [002] .... 1.500000: \(event)".utf8)
      return SurveyFilter().mustRead(line.span)
    }
    for event in Self.events[5...6] + Self.events[11...13] { #expect(!mustRead(event)) }
    for event in Self.events[7...10] + Self.events[15...16] { #expect(mustRead(event)) }
  }

  /// The fraction is read eight bytes at once: whatever byte is in it, and wherever.
  @Test func onlyDigitsMakeATime() {
    let line = Array("x-14 [002] .... 1.500000: binder_ioctl: cmd=0x1".utf8)
    for place in 18..<24 {
      for byte in UInt8.min...UInt8.max where !(0x30...0x39).contains(byte) {
        var damaged = line
        damaged[place] = byte
        #expect(LineParser.usualPrefix(damaged.span, 0..<damaged.count) == nil)
      }
    }
    #expect(LineParser.usualPrefix(line.span, 0..<line.count)?.nanoseconds == 1_500_000_000)
  }

  @Test(arguments: 1...40)
  func theUsualPrefixIsTheDetailedOne(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    var usual = 0
    for _ in 0..<25 {
      for line in Self.capture(&random).split(separator: 0x0A) {
        let bytes = Array(line)
        guard let quick = LineParser.usualPrefix(bytes.span, 0..<bytes.count) else { continue }
        usual += 1
        // A detailed look may also strip blanks before the task, as the reader does before.
        let lower = bytes.firstIndex { $0 != 0x20 && $0 != 0x09 } ?? 0
        let trimmed = LineParser.usualPrefix(bytes.span, lower..<bytes.count)
        let detailed = LineParser.detailedPrefix(bytes.span, lower..<bytes.count)
        #expect(trimmed == detailed)
        #expect(quick.fields == trimmed?.fields)
      }
    }
    #expect(usual > 0)
  }
}
