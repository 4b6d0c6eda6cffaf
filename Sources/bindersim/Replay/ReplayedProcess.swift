internal import BinderBuffer

/// A process of the capture in one engine, with its region of one context.
struct ReplayedProcess {
  let process: BinderProcess
  var hasRegion = false
  var nodes: [Node] = []
  /// Those that no live buffer was sent to.
  var idleNodes: [Int32] = []
  var buffers = 0
  var freed = 0
  var failed = 0
  var failures: [FailureKind: Int] = [:]
  /// Buffers that found no room here, although the driver had given them some.
  var contradictions = 0
  var firstFailure: ReplayFailure?
  /// What the driver logs at the first report of oneway spam.
  var spamLog: [String] = []
  var gauge = RegionGauge()

  init(_ process: BinderProcess) { self.process = process }

  var key: RegionKey { RegionKey(number: process.pid) }

  mutating func takeNode() -> Int32 {
    if let idle = idleNodes.popLast() { return idle }
    nodes.append(process.makeNode())
    return Int32(nodes.count - 1)
  }
}
