import Testing

@testable import bindersim

/// Damaged captures: nothing is lost, counted twice, or brought down.
@Suite(.timeLimit(.minutes(5))) struct CapturePropertyTests {
  private static let lines = [
    "# tracer: nop",
    "     lowpool[64]-57  (26290) [003] .... 15.550551: binder_transaction: transaction=75 "
      + "dest_node=13 dest_proc=18 dest_thread=0 reply=0 flags=0x12 code=0x2",
    "     lowpool[64]-57  (26290) [003] .... 15.550562: binder_transaction_alloc_buf: "
      + "transaction=75 data_size=196 offsets_size=8 extra_buffers_size=0",
    "  binder:18_20-11 (   18) [003] .... 15.551532: binder_transaction_received: transaction=75",
    "a-1 [000] .... 15.6: sched_switch: prev_comm=x",
    "", "<...>-9  (-----) [1] d..1. 16.0: binder_command: cmd=0x1 BC_FREE_BUFFER",
  ]

  private static func damaged(_ random: inout SplitMix64) -> [UInt8] {
    var bytes: [UInt8] = []
    for _ in 0..<random.next(in: 1...30) {
      bytes += Array(lines[random.next(below: lines.count)].utf8)
      bytes += random.next(below: 8) == 0 ? [0x0D, 0x0A] : [0x0A]
    }
    for _ in 0..<random.next(below: 12) where !bytes.isEmpty {
      let index = random.next(below: bytes.count)
      switch random.next(below: 4) {
      case 0: bytes[index] = UInt8(random.next(below: 256))
      case 1: bytes.remove(at: index)
      case 2: bytes.insert(UInt8(random.next(below: 256)), at: index)
      default: bytes.removeLast(min(bytes.count, random.next(below: 40)))
      }
    }
    return bytes
  }

  @Test(arguments: 1...20)
  func everyLineIsCountedOnce(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    for _ in 0..<50 {
      let bytes = Self.damaged(&random)
      var reader = CaptureReader(bytes: bytes, chunk: random.next(in: 1...300))
      var records = 0
      while try reader.next() != nil { records += 1 }
      let summary = reader.summary
      let newlines = bytes.count { $0 == 0x0A }
      let hasTail = bytes.last != nil && bytes.last != 0x0A
      #expect(summary.lines == newlines + (hasTail ? 1 : 0))
      #expect(
        summary.lines
          == records + summary.comments + summary.blankLines + summary.markupLines
          + summary.unusableLines)
      #expect(
        records
          == summary.transactions + summary.allocBufs + summary.receiveds + summary.releases
          + summary.otherBinderEvents + summary.otherEvents)
      #expect(summary.byteCount == bytes.count)
    }
  }

  @Test(arguments: 1...10)
  func chunksDoNotMatter(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let bytes = Self.damaged(&random)
    func records(chunk: Int) throws -> [CaptureRecord] {
      var reader = CaptureReader(bytes: bytes, chunk: chunk)
      var records: [CaptureRecord] = []
      while let record = try reader.next() { records.append(record) }
      return records
    }
    let whole = try records(chunk: .max)
    for chunk in [1, 2, 7, 64] { #expect(try records(chunk: chunk) == whole) }
  }

  @Test(arguments: 1...10)
  func damagedCapturesReplay(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    for _ in 0..<10 {
      var reader = CaptureReader(bytes: Self.damaged(&random))
      var line = 0
      var options = ReplayOptions(path: "damaged")
      options.belief = .inferred
      let report = try replay(&reader, options, line: &line)
      #expect(report.runs[0].processes.reduce(0) { $0 + $1.buffers + $1.failed } == report.used)
    }
  }

  @Test func garbage() throws {
    var random = SplitMix64(seed: 3)
    let bytes = (0..<200_000).map { _ in UInt8(random.next(below: 256)) }
    var reader = CaptureReader(bytes: bytes)
    #expect(try reader.next() == nil)
    #expect(reader.summary.unusableLines > 0)
  }
}
