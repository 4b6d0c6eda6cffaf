import Testing

@testable import bindersim

/// Which lines become buffers, from whom and for whom, and why others do not.
@Suite(.timeLimit(.minutes(5))) struct PlannerTests {
  @Test func beganInTheMiddle() throws {
    var capture = SyntheticCapture()
    capture.allocBuf(1, from: 20, 2)
    capture.received(1, by: 30, 3)
    capture.received(2, by: 30, 3)
    capture.released(2, by: 30, 3)
    let (steps, planner) = try capture.plan()
    #expect(steps.isEmpty)
    // Two transactions, each counted once, at its first line.
    #expect(planner.unused == [.noTransactionLine: tally([1, 3])])
  }

  @Test func noSizes() throws {
    var capture = SyntheticCapture()
    capture.transaction(1, from: 20, 2, to: 3)
    capture.received(1, by: 30, 3)
    capture.transaction(2, from: 20, 2, to: 3)
    let (steps, planner) = try capture.plan()
    #expect(steps.isEmpty)
    #expect(planner.unused == [.noAllocBuf: tally([1, 3])])
  }

  @Test func noDestination() throws {
    var capture = SyntheticCapture()
    capture.send(1, from: 20, 2, to: 0)
    #expect(try capture.plan().1.unused == [.noDestination: tally([1])])
  }

  @Test func offsetsThatDoNotFit() throws {
    var capture = SyntheticCapture()
    for (id, offsets) in [(1, 32), (2, 40)] {
      capture.transaction(id, from: 20, 2, to: 3, oneway: true)
      capture.allocBuf(id, from: 20, 2, data: 100, offsets: offsets)
    }
    let (steps, planner) = try capture.plan()
    #expect(steps.summary == ["+1"])
    #expect(planner.unused == [.offsetsDoNotFit: tally([3])])
  }

  @Test func unreadableSizesLeaveTheTransactionUnused() throws {
    var capture = SyntheticCapture()
    capture.transaction(1, from: 20, 2, to: 3)
    capture.allocBuf(1, from: 20, 2, data: -4)
    let report = try capture.replayed()
    #expect(report.capture.unusableLines.map(\.key) == ["negativeSize"])
    #expect(report.unused.map(\.key) == ["noAllocBuf"])
  }

  @Test func senderOfAKnownGroup() throws {
    var capture = SyntheticCapture()
    capture.send(1, from: 20, 2, to: 3)
    let buffer = try #require(capture.plan().0.buffers.first)
    #expect(buffer.sender == 2)
    #expect(buffer.destination == 3)
    #expect(buffer.kind == .request)
  }

  @Test(arguments: [0, nil] as [Int?])
  func senderLearntFromALaterReply(column: Int?) throws {
    var capture = SyntheticCapture()
    capture.send(1, from: 20, column, to: 3)
    capture.reply(2, from: 30, 3, to: 2, thread: 20)
    let (steps, planner) = try capture.plan()
    #expect(steps.buffers.map(\.sender) == [2, 3])
    #expect(planner.unknownSenders == 0)
  }

  @Test func senderLearntFromAPriority() throws {
    var capture = SyntheticCapture()
    capture.line(9, 9, "binder_set_priority: proc=2 thread=20 old=1 => new=2 desired=2")
    capture.send(1, from: 20, nil, to: 3)
    #expect(try capture.plan(surveyed: false).0.buffers.map(\.sender) == [2])
  }

  @Test func receiverLearntFromWhatItReceives() throws {
    var capture = SyntheticCapture()
    capture.send(1, from: 20, 2, to: 3)
    capture.received(1, by: 30, nil)
    capture.reply(2, from: 30, nil, to: 2, thread: 20)
    let (steps, _) = try capture.plan()
    #expect(steps.buffers.map(\.sender) == [2, 3])
    #expect(steps.summary == ["+1", "+2", "-1 replySent"])
  }

  @Test func senderOfUnknownGroupIsItsThread() throws {
    var capture = SyntheticCapture()
    capture.send(1, from: 20, nil, to: 3, oneway: true)
    let (steps, planner) = try capture.plan()
    #expect(steps.buffers.map(\.sender) == [20])
    #expect(planner.unknownSenders == 1)
  }

  @Test func reusedThreadAndTransactionIDs() throws {
    var capture = SyntheticCapture()
    capture.send(1, from: 20, 2, to: 3)
    capture.send(1, from: 20, 5, to: 3)
    capture.released(1, by: 30, 3)
    let (steps, planner) = try capture.plan()
    #expect(planner.movedThreads.lines == [3])
    #expect(planner.reusedIDs.lines == [4])
    #expect(steps.buffers.map(\.sender) == [2, 5])
    #expect(planner.liveCount == 1)
  }

  @Test func onlyOneProcess() throws {
    var capture = SyntheticCapture()
    capture.send(1, from: 20, 2, to: 3)
    capture.send(2, from: 21, 2, to: 4)
    capture.received(1, by: 30, 3)
    capture.reply(3, from: 30, 3, to: 2, thread: 20)
    let (steps, planner) = try capture.plan(only: 2)
    #expect(steps.summary == ["+3"])
    #expect(planner.leftOut == 2)
    #expect(planner.unused.isEmpty)
  }

  @Test func slotsAreReused() throws {
    var capture = SyntheticCapture()
    for id in 1...1000 {
      capture.send(id, from: 20, 2, to: 3, oneway: true)
      capture.received(id, by: 30, 3)
    }
    let (steps, _) = try capture.plan()
    #expect(try #require(steps.buffers.map(\.slot).max()) <= 1)
  }

  private func tally(_ lines: [Int]) -> LineTally {
    var tally = LineTally()
    for line in lines { tally.add(line: line) }
    return tally
  }
}
