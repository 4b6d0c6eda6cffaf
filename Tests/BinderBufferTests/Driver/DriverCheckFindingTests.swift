import BinderBuffer
import Testing

/// What `bindersim check --driver` found, one test each.
@Suite struct DriverCheckFindingTests {
  /// The owner's thread left before it read `BR_INCREFS`: the weak handle can still be sent home.
  @Test(.timeLimit(.minutes(15)), arguments: DriverKernel.allCases)
  func aWeakHandleGoesHomeThoughItsOwnerWasNotTold(_ kernel: DriverKernel) {
    let scene = """
      proc A
      proc B
      A: start 131072 ctxmgr
      B: start 131072
      B.1: io txn 0 code=1 flags=oneway wbin=10,11
      B.1: threadexit
      A: io / 256
      B: io txn 0 code=2
      A: io / 256
      A: io reply whnd=1 / 256
      B: io / 256
      """
    let trace = SceneRunner.play(scene, kernel: kernel)
    #expect(trace.contains("BR_REPLY"), "\(trace)")
    #expect(!trace.contains("FAILED"), "\(trace)")
  }

  /// Nobody looks at what a write holds behind a transaction that failed.
  @Test(.timeLimit(.minutes(15)), arguments: ["unknown", "txn 0 code=6"])
  func theRestOfAWriteIsLeftAfterAFailure(_ rest: String) {
    let scene = """
      proc A
      proc B
      A: start 131072 ctxmgr
      B: start 131072
      B: io txn 9 code=5 ; \(rest)
      B: io \(rest) / 256
      """
    let trace = SceneRunner.play(scene, kernel: .linux612)
    #expect(trace.contains("-> ok wrote=1/2"), "\(trace)")
    #expect(trace.contains("-> ok wrote=0/1 read=8"), "\(trace)")
  }

  /// The same calls wake the same threads in the same order.
  @Test(.timeLimit(.minutes(15)))
  func closingWakesThreadsInOrder() throws {
    var driver = Driver()
    let process = driver.open(pid: 1)
    _ = try driver.map(process, length: 4096, caller: 1)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256, alignment: 8)
    defer { buffer.deallocate() }
    for tid in Int32(1)...40 {
      let thread = try driver.beginCall(process, tid: tid)
      driver.endCall(thread)
      guard case .wait = driver.read(thread, into: buffer, size: 256) else {
        Issue.record("thread \(tid) does not wait")
        return
      }
    }
    driver.effects.removeAll()
    try driver.close(process)
    #expect(driver.effects.woken.map(\.tid) == Array(1...40))
  }
}
