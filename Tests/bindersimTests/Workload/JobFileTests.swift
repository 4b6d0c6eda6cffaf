import Testing

@testable import bindersim

@Suite(.timeLimit(.minutes(15))) struct JobFileTests {
  @Test func everyKeyHasADefault() throws {
    let workload = try JobFile.workload(text: "", path: "empty.job")
    #expect(workload.name == "job")
    #expect(workload.processes == 4 && workload.threads == 4 && workload.servers == nil)
    #expect(workload.arrivalsPerSecond == 500 && workload.burst == 1)
  }

  @Test func valuesArrive() throws {
    let text = """
      # a comment, and an empty line

      name = camera   # said behind a value
      sizes = 88:50, 96-244:40, 4K-64K:10@2
      oneway-sizes=8
      reply-sizes = 4-8
      arrivals = 7k
      burst = 4
      oneway = 60%
      hold = 1ms
      held = 100%
      hold-limit = 20
      slow = yes
      leak = 5%
      senders = 3
      receivers = 2
      threads = 8
      window = 0
      """
    let workload = try JobFile.workload(text: text + "\r\n", path: "camera.job")
    #expect(workload.name == "camera")
    #expect(workload.requests.weight == 100 && workload.requests.largestData == 64 << 10)
    #expect(workload.requests.largestOffsets == 16)
    #expect(workload.oneways.largestData == 8 && workload.replies.largestData == 8)
    #expect(workload.arrivalsPerSecond == 7000 && workload.burst == 4)
    #expect(workload.syncWeight == 40 && workload.onewayWeight == 60)
    #expect(workload.holdTimes.heldPerMille == 1000 && workload.holdTimes.limit == 20)
    #expect(workload.holdTimes.isStrict && workload.leakPerMille == 50)
    #expect(workload.servers == 2 && workload.processes == 5 && workload.threads == 8)
    #expect(workload.onewayWindow == nil)
    let holds = (0..<1000).map { workload.message($0, seed: 1).hold }
    #expect(holds.max()! <= 2_000_000)
  }

  @Test(arguments: [
    ("hodl = 3ms", "bad.job:1: unknown key 'hodl'; did you mean hold?"),
    ("\n\nhold = 3", "bad.job:3: hold: '3' is not accepted; expected one time like 2ms"),
    ("hold = 9ms 2ms 1ms", "hold: '9ms 2ms 1ms' is not accepted"),
    ("leak", "bad.job:1: 'leak' is no 'key = value'"),
    ("burst = 2\nburst = 3", "bad.job:2: burst: given before, in line 1"),
    ("sizes = 88:0", "sizes: '88:0' is not accepted"),
    ("sizes = 9-8", "sizes: '9-8' is not accepted"),
    ("sizes = 5M", "sizes: '5M' is not accepted"),
    ("sizes = ", "sizes: '' is not accepted"),
    ("sizes = 1-2-3:4", "sizes: '1-2-3:4' is not accepted"),
    ("sizes = 8:1@x", "sizes: '8:1@x' is not accepted"),
    ("oneway = 101%", "oneway: '101%' is not accepted; expected a share"),
    ("slow = maybe", "slow: 'maybe' is not accepted; expected yes or no"),
    ("senders = 1", "senders, receivers: together at least 2"),
    ("senders = 40\nreceivers = 40", "senders, receivers: together"),
  ])
  func errorsNameFileLineAndKey(_ text: String, _ message: String) {
    #expect {
      try JobFile.workload(text: text, path: "bad.job")
    } throws: { error in
      guard case .usage(let found, let hint) = error as? CommandError else { return false }
      return found.contains("bad.job") && found.contains(message) && hint != nil
    }
  }

  @Test func theSampleInTheHelpIsOne() throws {
    let topic = try #require(HelpTopic.all.first { $0.name == "job" })
    let workload = try JobFile.workload(
      text: topic.sample.joined(separator: "\n"), path: "sample.job")
    #expect(workload.name == "camera")
  }
}
