import Foundation
import Testing

@testable import bindersim

/// Dumps of both drivers, in parts, in several contexts, and inside bug reports.
@Suite(.timeLimit(.minutes(15))) struct DumpFileTests {
  private static let stats = """
    binder stats:
    proc 1808
    context binder
      threads: 110
      requested threads: 0+27/31
      ready threads 0
      free async space 1044480
      buffers: 10
      pages: 5:12:493
    proc 1808
    context hwbinder
      threads: 2
      ready threads 2
      free async space 520192
      buffers: 0
      pages: 0:0:254
    """

  @Test func countsOfAProcessWithSeveralContexts() throws {
    let all = try CaseFiles.explained(text: Self.stats, name: "stats")
    #expect(all.regions.map(\.process.context) == ["binder", "hwbinder"])
    #expect(all.regions.map(\.layout.regionLength) == [510 * 4096, 254 * 4096])
    #expect(all.regions.allSatisfy { !$0.isLengthAssumed })
    #expect(all.answer("Who holds the region?").contains("none is ready"))
  }

  @Test func stateAndStatsCompleteEachOther() throws {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    writeFile(scratch.path("stats"), Self.stats)
    writeFile(
      scratch.path("state"),
      "proc 1808\ncontext binder\n  buffer 7: 1000 size 8:0:0 delivered\n  buffer 8: 0 size 100:8:4 active\n"
    )
    let all = try CaseFiles.explained(paths: [scratch.path("state"), scratch.path("stats")])
    let region = try #require(all.regions.first)
    #expect(region.layout.regionLength == 510 * 4096 && !region.isLengthAssumed)
    #expect(region.layout.allocated == 8 + 120)
    #expect(region.layout.holes == [.init(offset: 120, size: 4096 - 120)])
    #expect(region.layout.free == 510 * 4096 - 128)
  }

  /// A dump answers "full, fragmented, or out of oneway space" too.
  @Test(
    arguments: [
      ("  buffer 1: 0 size 4096:0:0 delivered\n", "", nil),
      (
        "  buffer 1: 0 size 60000:0:0 delivered\n", "",
        "was nearly full: a message of more than 5,536 bytes finds no room"
      ),
      (
        "  buffer 1: 5000 size 4096:0:0 active\n  buffer 2: a000 size 4096:0:0 active\n", "",
        "was fragmented: 57,344 bytes were free, but a message of more than 20,480 finds no room"
      ),
      (
        "", "  free async space 1044\n",
        "The oneway space of 9 is nearly used up: 1,044 of 32,768 bytes are left"
      ), ("", "  free async space 6600\n", nil),
    ] as [(String, String, String?)])
  func whatIsUsedUp(state: String, stats: String, words: String?) throws {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    writeFile(scratch.path("state"), "binder state:\nproc 9\ncontext binder\n" + state)
    writeFile(
      scratch.path("stats"),
      "binder stats:\nproc 9\ncontext binder\n\(stats)  buffers: 1\n  pages: 8:4:4\n")
    let all = try CaseFiles.explained(paths: [scratch.path("state"), scratch.path("stats")])
    let answer = all.answer("Who holds the region?")
    if let words {
      #expect(answer.contains(words))
    } else {
      for word in ["nearly", "fragmented"] { #expect(!answer.contains(word)) }
    }
  }

  /// What lies beyond the usual region is in a longer one, and that is said.
  @Test func aLongerRegionThanTheUsual() throws {
    let all = try CaseFiles.explained(
      text: "binder state:\nproc 9\ncontext binder\n  buffer 1: 100000 size 8:0:0 delivered\n")
    #expect(
      all.answer("Who holds the region?").contains(
        "Of 2,097,152 bytes (no file tells its length; the usual 1,040,384 would not hold them)"))
  }

  @Test func theRustDriversLayout() throws {
    let all = try CaseFiles.explained(
      text: """
        proc 300
        context binder
          buffer: 0 size 128 pid 200 oneway allocated
          buffer: 4096 size 64 pid 201 allocated
          buffer: 8192 size 16 pid 201 reserved
          free oneway space: 520064
          outstanding transactions: 1
        """)
    let region = try #require(all.regions.first)
    #expect(region.process.driver == .rust && region.process.freeOnewaySpace == 520_064)
    #expect(region.process.buffers.map(\.offset) == [0, 4096, 8192])
    #expect(region.process.buffers.map(\.sender) == [200, 201, 201])
    #expect(region.process.buffers.map(\.state) == [.allocated, .allocated, .reserved])
    #expect(region.layout.holeBytes == 8192 - 192)
    #expect(all.answer("Who holds the region?").contains("200 (128 bytes in 1 buffer)"))
  }

  @Test func whatTheEngineItselfPrints() throws {
    for policy in ["c", "rust"] {
      let made = try BuiltTool.run([
        "state", "--workload", "leak", "--at", "200ms", "--policy", policy,
      ])
      #expect(made.status == 0)
      let all = try CaseFiles.explained(text: made.output)
      let fullest = try #require(
        all.regions.max { $0.process.buffers.count < $1.process.buffers.count })
      #expect(fullest.process.buffers.count == fullest.process.bufferCount)
      #expect(fullest.layout.overlaps == 0 && fullest.layout.regionLength == 1_040_384)
      let free = try #require(fullest.layout.free)
      #expect(fullest.layout.allocated + free == 1_040_384)
    }
  }

  @Test func whoWaitsForWhom() throws {
    let all = try CaseFiles.explained(
      text: """
        binder transactions:
        proc 5
        context binder
          thread 6: l 12 need_return 0 tr 0
            outgoing transaction 77: 0000000000000000 from 5:6 to 8:9 code 1 flags 10 pri 0:120 r1 elapsed 61000ms node 4 size 100:0 offset 0
        proc 8
        context binder
          thread 9: l 11 need_return 0 tr 0
            incoming transaction 77: 0000000000000000 from 5:6 to 8:9 code 1 flags 10 pri 0:120 r1 elapsed 61000ms node 4 size 100:0 offset 0
        """, name: "transactions")
    let waiting = all.answer("Who waits for whom?")
    #expect(waiting.contains("5 (thread 6) waits for the answer of 8 (thread 9), for 61.0 s"))
    #expect(waiting.contains("8 (thread 9) handles a call of 5 (thread 6)"))
    #expect(all.next.contains { $0.contains("Take the stacks of 8") })
  }

  @Test func pointersInsteadOfPlaces() throws {
    let all = try CaseFiles.explained(
      text: """
        proc 7
        context binder
          buffer 12: ffffff8012340000 size 124:0 delivered
          buffer 13: ffffff8012340080 size 8:8 active
        """)
    let region = try #require(all.regions.first)
    #expect(region.layout.unplaced == 2 && region.layout.allocated == 128 + 16)
    #expect(all.answer("Who holds the region?").contains("printed no places"))
  }

  @Test func theSameBuffersALittleLater() throws {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    let first =
      "proc 7\ncontext binder\n  buffer 1: 0 size 8:0:0 delivered\n  buffer 2: 8 size 8:0:0 active\n"
    let later =
      "proc 7\ncontext binder\n  buffer 1: 0 size 8:0:0 delivered\n  buffer 9: 8 size 8:0:0 active\n"
    writeFile(scratch.path("first"), first)
    writeFile(scratch.path("later"), later)
    let all = try CaseFiles.explained(paths: [scratch.path("first"), scratch.path("later")])
    #expect(all.regions.first?.alsoInEarlierDump == 1)
    #expect(all.answer("Leak or load?").contains("1 buffer of 7 stayed from the earlier dump"))
  }

  @Test func aTornDump() throws {
    let text = try #require(readFile(CaseFiles.path("debugfs-state.txt")))
    for count in stride(from: 0, to: text.utf8.count, by: 37) {
      let cut = String(decoding: Array(text.utf8.prefix(count)), as: UTF8.self)
      let all = try CaseFiles.explained(text: cut)
      #expect(all.regions.count <= 1)
      _ = ExplainText.text(all, for: .plain.wide(true))
    }
  }

  @Test func buffersThatOverlap() throws {
    let all = try CaseFiles.explained(
      text:
        "proc 7\ncontext binder\n  buffer 1: 0 size 800:0:0 active\n  buffer 2: 100 size 8:0:0 active\n"
    )
    #expect(all.regions.first?.layout.overlaps == 1)
    #expect(all.status == .failure)
  }

  // MARK: Bug reports

  private static func report() throws -> String {
    func text(_ name: String) throws -> String { try #require(readFile(CaseFiles.path(name))) }
    return """
      ========================================================
      == dumpstate: 2025-03-10 12:01:10
      ========================================================
      Kernel: Linux version 6.1.90-android14-11-g1234 (x@y)
      ------ KERNEL LOG (dmesg) ------
      \(try text("dmesg.txt"))------ SYSTEM LOG (logcat -v threadtime) ------
      \(try text("logcat.txt"))03-10 12:00:00.000  1000  1010 I ActivityManager: Start proc 271:com.example.server/u0a9 for x
      ------ BINDER STATE (/dev/binderfs/binder_logs/state) ------
      \(try text("debugfs-state.txt"))------ 0.1s was the duration of 'BINDER STATE' ------

      """
  }

  private func check(_ all: Explanation) throws {
    #expect(all.kernel == "6.1.90-android14-11-g1234")
    #expect(all.refusals.count == 3)
    #expect(all.refusals[0].cause == .full && all.refusals[1].cause == .neverFits)
    #expect(
      all.regions.first?.process.pid == 31727 && all.regions.first?.process.buffers.count == 18)
    #expect(all.answer("What was refused?").contains("271 com.example.server"))
  }

  @Test func aBugReportAsText() throws {
    try check(try CaseFiles.explained(text: try Self.report(), name: "bugreport.txt"))
  }

  @Test(
    .enabled(if: BuiltTool.installed(["python3"]) != nil, "python3 makes the archive"),
    arguments: ["ZIP_STORED", "ZIP_DEFLATED"])
  func aBugReportAsZip(_ method: String) throws {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    writeFile(scratch.path("bugreport-x.txt"), try Self.report())
    let made = try BuiltTool.shell(
      """
      python3 -c "
      import zipfile
      z = zipfile.ZipFile('bugreport.zip', 'w', zipfile.\(method))
      z.writestr('version.txt', '2.0')
      z.writestr('main_entry.txt', 'bugreport-x.txt')
      z.write('bugreport-x.txt')
      z.writestr('FS/data/trace.pftrace', 'x')
      "
      """, in: scratch.directory)
    #expect(made.status == 0, "\(made.errors)")
    let all = try CaseFiles.explained(paths: [scratch.path("bugreport.zip")])
    try check(all)
    #expect(all.files[0].notes.contains { $0.contains("trace.pftrace") })
  }
}
