import Foundation
import Testing

@testable import bindersim

@Suite(.timeLimit(.minutes(5))) struct ChromeTraceTests {
  private struct Trace: Decodable {
    struct Event: Decodable {
      let ph: String
      let name: String
      let pid: Int
      let ts: Double?
      let dur: Double?
      let id: Identifier?
      let args: [String: Argument]?
    }

    /// Flow ids are numbers, those of buffers are strings.
    enum Identifier: Decodable, Hashable {
      case number(Int)
      case text(String)

      init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let number = try? container.decode(Int.self) {
          self = .number(number)
        } else {
          self = .text(try container.decode(String.self))
        }
      }
    }

    enum Argument: Decodable {
      case number(Int)
      case text(String)
      case flag(Bool)

      init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let flag = try? container.decode(Bool.self) {
          self = .flag(flag)
        } else if let number = try? container.decode(Int.self) {
          self = .number(number)
        } else {
          self = .text(try container.decode(String.self))
        }
      }
    }

    let traceEvents: [Event]
  }

  private func trace(_ workload: Workload) throws -> (Trace, SimulatedRecording) {
    let run = try SimulatedRecording(workload, transactions: 400, region: 16 << 10)
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    let path = scratch.path("trace.json")
    let file = try OutputFile(path: path)
    try ChromeTrace(run.recording, names: [1001: "name with \"quotes\" and \u{1}"])
      .write(to: file)
    try file.commit()
    let text = try #require(readFile(path))
    return (try JSONDecoder().decode(Trace.self, from: Data(text.utf8)), run)
  }

  @Test func everyTransactionIsThere() throws {
    let (trace, run) = try trace(.android)
    let count = run.report.traffic.transactions
    func events(_ phase: String) -> [Trace.Event] { trace.traceEvents.filter { $0.ph == phase } }
    #expect(events("X").count == 2 * count, "a send and a receive each")
    #expect(Set(events("s").map(\.id)) == Set(events("f").map(\.id)))
    #expect(events("s").count == count)
    #expect(Set(events("b").map(\.id)) == Set(events("e").map(\.id)))
    #expect(events("b").count == count)
    for name in ["pages", "free oneway space", "bytes in use", "buffers"] {
      #expect(events("C").contains { $0.name == name })
    }
    let begin = try #require(events("b").first?.args)
    for key in ["data", "offsets", "extra", "offset", "size", "from", "transaction"] {
      #expect(begin[key] != nil, "\(key)")
    }
    #expect(events("X").allSatisfy { $0.dur ?? 0 > 0 })
  }

  @Test func arrowsPointForward() throws {
    let (trace, _) = try trace(.android)
    var starts: [Trace.Identifier: Double] = [:]
    for event in trace.traceEvents where event.ph == "s" { starts[event.id!] = event.ts }
    for event in trace.traceEvents where event.ph == "f" {
      #expect(try #require(starts[event.id!]) <= event.ts!)
    }
  }

  @Test func refusalsAreMarked() throws {
    let (trace, run) = try trace(.onewayFlood)
    let refused = run.report.failures.reduce(0) { $0 + $1.count }
    #expect(refused > 0)
    #expect(trace.traceEvents.count { $0.ph == "i" } == refused)
  }
}
