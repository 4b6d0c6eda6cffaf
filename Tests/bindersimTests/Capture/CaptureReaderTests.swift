import Testing

@testable import bindersim

/// Whole files: their ends, their damage, the pages around them.
@Suite(.timeLimit(.minutes(5))) struct CaptureReaderTests {
  private static let line =
    "a-1 (    1) [000] .... 1.000000: binder_transaction_received: transaction=5"

  private func read(_ text: String, chunk: Int = .max) throws -> ([CaptureRecord], CaptureSummary) {
    try read(Array(text.utf8), chunk: chunk)
  }

  private func read(_ bytes: [UInt8], chunk: Int = .max) throws -> ([CaptureRecord], CaptureSummary)
  {
    var reader = CaptureReader(bytes: bytes, chunk: chunk)
    var records: [CaptureRecord] = []
    while let record = try reader.next() { records.append(record) }
    return (records, reader.summary)
  }

  @Test func empty() throws {
    let (records, summary) = try read("")
    #expect(records.isEmpty)
    #expect(summary.lines == 0)
  }

  @Test func carriageReturnsAndBlankLines() throws {
    let (records, summary) = try read("# tracer: nop\r\n\r\n\(Self.line)\r\n")
    #expect(records.map(\.line) == [3])
    #expect(summary.comments == 1)
    #expect(summary.blankLines == 1)
    #expect(summary.unusableLines == 0)
  }

  @Test func aHoleOfNULsBeforeALine() throws {
    let (records, summary) = try read(
      Array(repeating: 0, count: 100_000) + Array("\n".utf8) + [0, 0]
        + Array("\(Self.line)\n".utf8))
    // A hole may be longer than any line; it counts as one blank line.
    #expect(summary.blankLines == 1)
    #expect(records.map(\.line) == [2])
    #expect(summary.lines == 2)
  }

  @Test func lastLineWithoutNewline() throws {
    let (whole, _) = try read(Self.line)
    #expect(whole.count == 1)
    let (cut, summary) = try read("\(Self.line)\n" + Self.line.dropLast(2))
    #expect(cut.count == 1)
    #expect(summary.issues[.cutShort]?.lines == [2])
  }

  @Test func linesOfUnboundedLength() throws {
    let long = String(repeating: "x", count: 3 * LineReader.longestLine)
    for chunk in [1000, 65_536, Int.max] {
      let (records, summary) = try read("\(long)\n\(Self.line)\n\(long)", chunk: chunk)
      #expect(records.map(\.line) == [2])
      #expect(summary.lines == 3)
      #expect(summary.issues[.tooLong]?.lines == [1, 3])
    }
  }

  @Test(arguments: [LineReader.longestLine, LineReader.longestLine + 1])
  func longestLine(length: Int) throws {
    let padded =
      Self.line + String(repeating: " ", count: length - Self.line.utf8.count) + "\n"
    let (records, summary) = try read(padded + Self.line)
    #expect(records.count == (length > LineReader.longestLine ? 1 : 2))
    #expect(summary.issues[.tooLong]?.count ?? 0 == (length > LineReader.longestLine ? 1 : 0))
  }

  @Test func lostEvents() throws {
    let (records, summary) = try read(
      "##### CPU 3 buffer started ####\nCPU:2 [LOST 12 EVENTS]\n\(Self.line)\n")
    #expect(records.count == 1)
    #expect(summary.issues[.lostEvents]?.lines == [1, 2])
  }

  @Test func timeGoingBackwards() throws {
    let later = Self.line.replacing("1.000000", with: "2.000000")
    let (records, summary) = try read("\(later)\n\(Self.line)\n\(later)\n")
    #expect(records.count == 3)
    #expect(summary.backwards.lines == [2])
  }

  @Test func systracePage() throws {
    let page = """
      <!DOCTYPE html>
      <html><head><script>var a = "x-1 [0] 1.0: binder_ioctl: y";</script>
      <body>
      <script class="trace-data" type="application/text">
      # tracer: nop
      \(Self.line)
      nonsense
      </script>
      <script>more()</script>
      </html>
      """
    let (records, summary) = try read(page)
    #expect(records.map(\.line) == [6])
    #expect(summary.comments == 1)
    #expect(summary.markupLines == 7)
    #expect(summary.issues[.notATraceLine]?.lines == [7])
  }

  @Test func olderSystracePage() throws {
    let (records, summary) = try read(
      "<html>\n  var linuxPerfData = \"\\\n# tracer: nop\\n\\\n\(Self.line)\\n\\\n</script>\n")
    #expect(records.map(\.line) == [4])
    #expect(summary.unusableLines == 0)
  }

  @Test func rewinding() throws {
    var reader = CaptureReader(bytes: Array("\(Self.line)\n".utf8))
    let first = try reader.next()
    #expect(try reader.next() == nil)
    try reader.rewind()
    #expect(try reader.next() == first)
    #expect(reader.summary.lines == 1)
  }

  @Test func missingFile() {
    #expect(throws: InputError(path: "/nowhere/x", action: "open", code: 2)) {
      _ = try CaptureReader(path: "/nowhere/x")
    }
  }
}
