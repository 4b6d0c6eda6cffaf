import Foundation
import Testing

/// What a host tells of real programs, and what a replay makes of it.
@Suite(.serialized, .enabled(if: HostTests.obstacle == nil)) struct HostReportTests {
  private typealias Object = [String: Any]

  private static func result(_ path: String, _ schema: String) throws -> Object {
    let data = try Data(contentsOf: URL(fileURLWithPath: path))
    let json = try #require(try JSONSerialization.jsonObject(with: data) as? Object)
    #expect(json["schema"] as? String == schema)
    return try #require(json["result"] as? Object)
  }

  /// Hosts a program with all exports, replays its ftrace text, and compares every region's figures.
  private static func compare(
    _ program: String, _ arguments: String, options: [String], replay: String, refused: Int,
    in scratch: ScratchDirectory
  ) throws -> (host: Object, text: String) {
    let files = ["json", "html", "trace", "ftrace", "hgrm"].flatMap {
      ["--\($0)", scratch.path($0)]
    }
    let host = try BuiltTool.run(
      ["host"] + options + files + ["--", "/bin/sh", "-c", "exec '\(program)' \(arguments)"])
    #expect(host.status == 0, "\(host.errors)")
    let replayed = try BuiltTool.shell(
      "bindersim replay ftrace --frees recorded --policy c \(replay) --json replay >text",
      in: scratch.directory)
    #expect([0, 1].contains(replayed.status), "\(replayed.errors)")
    let told = try result(scratch.path("json"), "bindersim.host")
    let found = try result(scratch.path("replay"), "bindersim.replay")
    let traffic = try #require(told["traffic"] as? Object)
    func count(_ name: String) -> Int { traffic[name] as? Int ?? -1 }
    let sent = count("sync") + count("oneway") + count("replies")
    #expect(sent > 0)
    #expect(found["used"] as? Int == sent + refused)
    let run = try #require((found["runs"] as? [Object])?.first)
    #expect(run["failed"] as? Int == refused)
    let regions = try #require(told["regions"] as? [Object]).filter {
      $0["peakBuffers"] as? Int != 0
    }
    let processes = try #require(run["processes"] as? [Object]).filter {
      $0["peakBuffers"] as? Int != 0
    }
    #expect(!regions.isEmpty && regions.count == processes.count)
    for region in regions {
      let pid = try #require(region["pid"] as? Int)
      let process = try #require(processes.first { $0["pid"] as? Int == pid })
      for figure in [
        "peakBuffers", "peakBytes", "peakPages", "framesAllocated", "lowestFreeOnewaySpace",
        "spamReports",
      ] {
        #expect(region[figure] as? Int == process[figure] as? Int, "\(figure) of \(pid)")
      }
      let name = region["name"] as? String ?? ""
      // A process that does nothing itself has no line of its own.
      let found = process["name"] as? String ?? ""
      #expect(found == name || found == "", "\(found)")
      #expect(program.hasSuffix("/" + name))
    }
    return (told, host.errors)
  }

  @Test(.timeLimit(.minutes(15))) func callsReplayToTheSameFigures() throws {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    let program = try HostTests.compiled(
      "signals", in: scratch)
    let (told, text) = try Self.compare(
      program, "300 1000000", options: [], replay: "--region 128K", refused: 0, in: scratch)
    let traffic = try #require(told["traffic"] as? Object)
    #expect(traffic["sync"] as? Int == 300)
    #expect(traffic["replies"] as? Int == 300)
    #expect(traffic["received"] as? Int == 600)
    let steps = try #require(traffic["latencies"] as? [Object])
    let counts = Dictionary(
      uniqueKeysWithValues: steps.map { ($0["step"] as? String ?? "", $0["count"] as? Int ?? 0) })
    #expect(counts == ["send": 600, "delivery": 600, "roundTrip": 300])
    #expect(text.contains("refused: none"))
    #expect(text.contains("call and reply"))
    let page = try #require(readFile(scratch.path("html")))
    #expect(Markup.problem(in: page) == nil)
    #expect(page.contains("Programs") && page.contains("signals"))
    let trace = try #require(readFile(scratch.path("trace")))
    #expect(trace.components(separatedBy: "\"name\":\"send request\"").count == 301)
    #expect(readFile(scratch.path("hgrm"))?.contains("call and reply") == true)
  }

  /// Nobody frees, and the region is short.
  @Test(.timeLimit(.minutes(15))) func refusalsAndLeaksAreToldWithTheirHolders() throws {
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    let program = try HostTests.compiled(
      "limits", in: scratch)
    let (told, text) = try Self.compare(
      program, "handles", options: ["--region", "4K"], replay: "--region 4K", refused: 1,
      in: scratch)
    let traffic = try #require(told["traffic"] as? Object)
    let refused = try #require(traffic["refused"] as? [Object])
    #expect(refused.map { $0["kind"] as? String } == ["no oneway space"])
    // What nobody has read is no leak: it goes with the process.
    #expect(traffic["neverFreed"] as? Int == 0)
    #expect(text.contains("no oneway space, once"))
    #expect(text.contains("The region was held by"))
  }

  @Test(.timeLimit(.minutes(15))) func quietSaysNothing() throws {
    let run = try BuiltTool.run(["host", "--quiet", "--", "true"])
    #expect(run.status == 0 && run.output == "" && run.errors == "")
    let twice = try BuiltTool.run(["host", "--json", "-", "--html", "-", "--", "true"])
    #expect(twice.status == 2)
  }
}
