import Testing

@testable import bindersim

/// When a capture's buffers end, each rule by a capture of a few lines.
@Suite(.timeLimit(.minutes(5))) struct FreeRuleTests {
  @Test func requestWhenItsReplyIsSentAndReplyWhenReceived() throws {
    var capture = SyntheticCapture()
    capture.send(1, from: 20, 2, to: 3)
    capture.received(1, by: 30, 3)
    capture.reply(2, from: 30, 3, to: 2, thread: 20)
    capture.received(2, by: 20, 2)
    let (steps, planner) = try capture.plan()
    #expect(steps.summary == ["+1", "+2", "-1 replySent", "-2 replyReceived"])
    #expect(planner.liveCount == 0)
    #expect(steps.buffers[1].request == steps.buffers[0].slot)
  }

  @Test func replyThatNeverGotABufferStillEndsItsRequest() throws {
    var capture = SyntheticCapture()
    capture.send(1, from: 20, 2, to: 3)
    capture.received(1, by: 30, 3)
    capture.transaction(2, from: 30, 3, to: 2, thread: 20, reply: true)
    let (steps, planner) = try capture.plan()
    #expect(steps.summary == ["+1", "-1 replySent"])
    #expect(planner.unused[.noAllocBuf]?.lines == [4])
  }

  @Test func nestedCallsAreAnsweredInsideOut() throws {
    var capture = SyntheticCapture()
    capture.send(1, from: 20, 2, to: 3)
    capture.received(1, by: 30, 3)
    // The callee calls back; the caller's thread answers while it waits.
    capture.send(2, from: 30, 3, to: 2, thread: 20)
    capture.received(2, by: 20, 2)
    capture.reply(3, from: 20, 2, to: 3, thread: 30)
    capture.received(3, by: 30, 3)
    capture.reply(4, from: 30, 3, to: 2, thread: 20)
    capture.received(4, by: 20, 2)
    let (steps, planner) = try capture.plan()
    #expect(
      steps.summary == [
        "+1", "+2", "+3", "-2 replySent", "-3 replyReceived", "+4", "-1 replySent",
        "-4 replyReceived",
      ])
    #expect(planner.frees == [.replySent: 2, .replyReceived: 2])
  }

  @Test func replyPassesOverACallThatFailed() throws {
    var capture = SyntheticCapture()
    capture.send(1, from: 20, 2, to: 3)
    // While it serves a nested call, the thread calls a fourth process, which never answers.
    capture.send(2, from: 20, 2, to: 4)
    capture.reply(3, from: 30, 3, to: 2, thread: 20)
    let (steps, _) = try capture.plan()
    #expect(steps.summary == ["+1", "+2", "+3", "-1 replySent"])
  }

  @Test func onewayWhenItsReceiverDoesTheNextThing() throws {
    var capture = SyntheticCapture()
    capture.send(1, from: 20, 2, to: 3, oneway: true)
    capture.received(1, by: 30, 3)
    capture.line(30, 3, "binder_return: cmd=0x7202 BR_TRANSACTION")
    capture.line(30, 3, "binder_read_done: ret=0")
    capture.line(31, 3, "binder_ioctl: cmd=0x1 arg=0x1")
    capture.line(30, 3, "sched_switch: prev_comm=x")
    capture.send(2, from: 20, 2, to: 3, node: 8, oneway: true)
    let (before, _) = try capture.plan()
    // The end of the read that delivered it, other threads and other events do not count.
    #expect(before.summary == ["+1", "+2"])
    capture.line(30, 3, "binder_command: cmd=0x40086303 BC_FREE_BUFFER")
    let (after, planner) = try capture.plan()
    #expect(after.summary == ["+1", "+2", "-1 onewayNextAction"])
    #expect(planner.liveCount == 1)
  }

  @Test func onewayWhenTheNextToItsNodeIsReceived() throws {
    var capture = SyntheticCapture()
    for id in 1...3 { capture.send(id, from: 20, 2, to: 3, node: id < 3 ? 7 : 8, oneway: true) }
    for id in 1...3 { capture.received(id, by: 29 + id, 3) }
    let (steps, planner) = try capture.plan()
    #expect(steps.summary == ["+1", "+2", "+3", "-1 onewayNextOnNode"])
    #expect(planner.liveCount == 2)
  }

  @Test func recordedReleasesReplaceInference() throws {
    var capture = SyntheticCapture()
    capture.send(1, from: 20, 2, to: 3)
    capture.received(1, by: 30, 3)
    capture.reply(2, from: 30, 3, to: 2, thread: 20)
    capture.received(2, by: 20, 2)
    capture.send(3, from: 20, 2, to: 3, oneway: true)
    capture.received(3, by: 30, 3)
    capture.line(30, 3, "binder_ioctl: cmd=0x1 arg=0x1")
    for id in [3, 2, 1] { capture.released(id, by: 30, 3) }
    let (steps, planner) = try capture.plan()
    #expect(steps.summary == ["+1", "+2", "+3", "-3 recorded", "-2 recorded", "-1 recorded"])
    #expect(planner.frees == [.recorded: 3])
    #expect(planner.unused.isEmpty)
  }

  @Test func failedReleases() throws {
    var capture = SyntheticCapture()
    capture.send(1, from: 20, 2, to: 3)
    capture.released(1, by: 20, 2, failed: true)
    let (steps, _) = try capture.plan()
    #expect(steps.summary == ["+1", "-1 failed"])
  }

  @Test func inputReadOnceInfersAndSaysThatReleasesCameLate() throws {
    var capture = SyntheticCapture()
    capture.send(1, from: 20, 2, to: 3)
    capture.reply(2, from: 30, 3, to: 2, thread: 20)
    capture.received(2, by: 20, 2)
    capture.released(1, by: 30, 3)
    capture.released(2, by: 20, 2)
    let (steps, planner) = try capture.plan(surveyed: false)
    #expect(steps.summary == ["+1", "+2", "-1 replySent", "-2 replyReceived"])
    #expect(planner.lateReleases == 2)
    #expect(planner.unused.isEmpty)
  }

  @Test func neverFreed() throws {
    var capture = SyntheticCapture()
    capture.send(1, from: 20, 2, to: 3)
    capture.received(1, by: 30, 3)
    capture.send(2, from: 20, 2, to: 3, oneway: true)
    let (_, planner) = try capture.plan()
    #expect(planner.liveCount == 2)
  }
}
