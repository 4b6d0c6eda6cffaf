import Testing

@testable import bindersim

/// Traces inside pages and JSON, on one line or on many.
@Suite(.timeLimit(.minutes(1))) struct EmbeddedTextTests {
  private static let first =
    "a-1 (    1) [000] .... 1.000000: binder_transaction_received: transaction=5"
  private static let second =
    "<...>-2 (-----) [001] .... 1.000001: binder_transaction_received: transaction=6"

  private func ids(_ text: String) throws -> [UInt32] {
    var results: Set<[UInt32]> = []
    for chunk in [1, 5, Int.max] {
      var reader = CaptureReader(bytes: Array(text.utf8), chunk: chunk)
      var ids: [UInt32] = []
      for _ in 0..<2 {
        ids = []
        while let record = try reader.next() {
          if case .received(let id) = record.event { ids.append(id) }
        }
        #expect(reader.summary.unusableLines == 0, "\(reader.summary.firstIssues)")
        try reader.rewind()
      }
      results.insert(ids)
    }
    #expect(results.count == 1)
    return results.first ?? []
  }

  @Test(arguments: [
    "{\"systemTraceEvents\":\"\(first)\\n\(second)\\n\"}",
    "{\"traceEvents\": [{\"name\": \"a\\nb\"}], \"systemTraceEvents\" : \"# tracer: nop\\n\(first)\\n\(second)\"}",
    "{\n  \"systemTraceEvents\":\n  \"\(first)\\r\\n\\u003c...\\u003e\(second.dropFirst(5))\\n\",\n \"x\": \"\(first)\"\n}",
    "<!DOCTYPE html><html><script>var linuxPerfData = \"\(first)\\n\(second)\\n\";</script></html>",
    "<html>\n<script>\nvar linuxPerfData = '# tracer: nop\\n\(first)\\n\(second)\\n';\n</script>\n</html>\n",
    "<!DOCTYPE html><html><script class=\"trace-data\" type=\"application/text\">\(first)\n\(second)</script></html>",
    "<html><script class=\"trace-data\" type=\"application/text\">\(first)\\n\(second)\\n</script></html>",
    "<html><script>if (x.systemTraceEvents) y = '.trace-data';</script>\n<script class=\"trace-data\">\n\(first)\n\(second)\n</script>\n</html>",
    "<html><script class=\"trace-data\" type=\"application/text\">\n{\"traceEvents\":[],\"systemTraceEvents\":\"\(first)\\n\(second)\\n\"}\n</script></html>",
    "<html>\n  var linuxPerfData = \"\\\n# tracer: nop\\n\\\n\(first)\\n\\\n\(second)\\n\\\n\";\n</script>\n",
  ])
  func traces(text: String) throws {
    #expect(try ids(text) == [5, 6])
  }

  @Test func aStringOfAnotherKeyIsNoTrace() throws {
    let input = try Input(
      bytes: Array("{\"traceEvents\": [], \"other\": \"\(Self.first)\\n\"}".utf8))
    #expect(input.kind == .chromeJSON)
    #expect("\(try #require(input.refusal))".contains("Chrome trace events"))
  }

  @Test func aTraceFarBehindOtherEvents() throws {
    let filler = String(repeating: "{\"name\": \"x\", \"ph\": \"X\"},\n", count: 10_000)
    #expect(
      try ids("{\"traceEvents\": [\n\(filler){}],\n\"systemTraceEvents\": \"\(Self.first)\\n\"}")
        == [5])
  }
}
