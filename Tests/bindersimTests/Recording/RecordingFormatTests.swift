import Testing

@testable import bindersim

/// The recording format: what is written is read back, and what is not of the format is told.
@Suite(.timeLimit(.minutes(5))) struct RecordingFormatTests {
  private func parse(_ text: String) -> Result<RecordingLine, RecordingFault> {
    do throws(RecordingFault) {
      return .success(try RecordingParser.parse(Array(text.utf8).span))
    } catch {
      return .failure(error)
    }
  }

  @Test(arguments: [
    "driver c 6.12", "region 1040384", "senders 3",
    "alloc 1 from=0 data=1040384 offsets=0 extra=0 async=0 -> 0",
    "alloc 18446744073709551615 from=2 data=9223372036854775807 offsets=8 extra=16 async=1 "
      + "-> 520184 spam",
    "alloc 7 from=0 data=200 offsets=12 extra=0 async=1 -> EINVAL",
    "alloc 7 from=0 data=200 offsets=16 extra=0 async=1 -> ENOSPC",
    "free 4", "free 4 -> none",
    "stat async_free=520192 buffers=1 active=254 lru=0 unmapped=0 high=254",
    "stat async_free=520192 buffers=1 active=254 lru=0 unmapped=0",
    "reclaim", "reclaim 13", "pages none", "pages 0", "pages 0-3,7", "pages 0-1,4,6-1023",
  ])
  func everyLineReadsAndWritesBack(text: String) throws {
    #expect(try parse(text).get().text == text)
  }

  @Test(arguments: 1...20)
  func drawnLinesReadBack(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    func number() -> Int { Int(random.next() >> UInt64(random.next(in: 1...63))) }
    for _ in 0..<100 {
      let line: RecordingLine =
        switch random.next(below: 5) {
        case 0:
          .alloc(
            RecordedAlloc(
              id: random.next(), sender: number(), dataSize: number(), offsetsSize: number(),
              extraSize: number(), isOneway: random.next(below: 2) == 0,
              result: random.next(below: 2) == 0
                ? .failed("ENOSPC")
                : .placed(offset: number(), isSpam: random.next(below: 2) == 0)))
        case 1: .free(id: random.next(), wasLive: random.next(below: 2) == 0)
        case 2: .reclaim(random.next(below: 2) == 0 ? nil : number())
        case 3:
          .stat(
            RecordedStat(
              freeOnewaySpace: number(), buffers: number(), pagesInUse: number(),
              pagesAvailable: number(), pagesFree: number(),
              pageHighWatermark: random.next(below: 2) == 0 ? nil : number()))
        default: .pages([3..<5, 9..<10, 100..<1024])
        }
      #expect(try parse(line.text).get() == line)
    }
  }

  @Test(arguments: ["", "  ", "# a comment", "#", "\r"])
  func comments(text: String) throws {
    #expect(try parse(text).get() == .comment)
  }

  @Test(arguments: [
    ("allocate 1", "unknown operation 'allocate'"),
    ("alloc", "the ID is missing"),
    ("alloc x", "the ID: 'x' is not a decimal number"),
    ("alloc -1", "the ID: '-1' is not a decimal number"),
    ("alloc 1 from=0 data=8", "offsets= is missing"),
    ("alloc 1 from=0 size=8", "expected data=…, found 'size=8'"),
    ("alloc 1 from=0 data=-8 offsets=0 extra=0 async=0 -> 0", "data: '-8' is not a decimal"),
    ("alloc 1 from=0 data=9223372036854775808 offsets=0 extra=0 async=0 -> 0", "out of range"),
    ("alloc 1 from=0 data=99999999999999999999 offsets=0 extra=0 async=0 -> 0", "of 64 bits"),
    ("alloc 1 from=0 data=8 offsets=0 extra=0 async=2 -> 0", "async=2: must be 0 or 1"),
    ("alloc 1 from=0 data=8 offsets=0 extra=0 async=0", "'-> RESULT' is missing"),
    ("alloc 1 from=0 data=8 offsets=0 extra=0 async=0 ->", "the result after '->' is missing"),
    ("alloc 1 from=0 data=8 offsets=0 extra=0 async=0 = 8", "expected '->', found '='"),
    ("alloc 1 from=0 data=8 offsets=0 extra=0 async=0 -> nospace", "'nospace' is no result"),
    ("alloc 1 from=0 data=8 offsets=0 extra=0 async=0 -> 8 ham", "'ham' is too much"),
    ("alloc 1 from=0 data=8 offsets=0 extra=0 async=0 -> ENOSPC spam", "'spam' is too much"),
    ("free 1 2", "expected '->', found '2'"),
    ("free 1 -> nothing", "'-> none', not 'nothing'"),
    ("stat async_free=1 buffers=2", "active= is missing"),
    ("stat async_free=1 buffers=2 active=3 lru=4 unmapped=5 low=6", "expected high=…"),
    ("pages", "the ranges is missing"), ("pages 3-1", "must ascend"),
    ("pages 0-3,4", "must ascend and not touch"), ("pages 0-3,", "must be like 0-3,7"),
    ("pages 0-99999999", "must be like 0-3,7"), ("pages 1;2", "must be like 0-3,7"),
    ("reclaim all", "the number of pages: 'all'"), ("region", "the length is missing"),
    ("senders two", "the number: 'two'"), ("driver c", "the driver's version is missing"),
  ])
  func deviationsAreTold(text: String, message: String) {
    guard case .failure(let fault) = parse(text) else {
      Issue.record("accepted: \(text)")
      return
    }
    #expect(fault.text.contains(message), "\(fault.text)")
  }

  @Test func seenIDs() {
    var seen = SeenIDs()
    for id: UInt64 in [5, 3, 4, 9, .max, 0, 8] {
      let isNew = seen.insert(id)
      #expect(isNew)
    }
    for id: UInt64 in [5, 3, 4, 9, .max, 0, 8] {
      let isNew = seen.insert(id)
      #expect(!isNew)
    }
    #expect(seen.rangeCount == 4)
    for id: UInt64 in [1, 2, 6, 7, 10, .max - 1] { #expect(!seen.contains(id)) }
    var counting = SeenIDs()
    for id: UInt64 in 1...10_000 { _ = counting.insert(id) }
    #expect(counting.rangeCount == 1)
  }
}
