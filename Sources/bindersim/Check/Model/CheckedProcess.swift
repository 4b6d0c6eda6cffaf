internal import BinderBuffer
internal import PageAlloc

/// One process of a check: the real one, and what the model knows of it.
final class CheckedProcess {
  let pid: Int32
  /// The real process; nil when the handle was dropped.
  var process: BinderProcess?
  var nodes: [Node] = []
  var region: ModelRegion?
  /// The region as another process could map it; exported regions only.
  var mapping: ReceiverMapping?

  var hasExited = false
  /// Buffers that are being filled, and deliveries that are held: the region stays for them.
  var pins = 0
  var todo: [ModelBuffer] = []
  var isBusy: [Bool] = []
  var waiting: [[ModelBuffer]] = []
  var live: [Int: ModelBuffer] = [:]
  var calls: [ModelCall] = []
  var received = 0
  var bytesCopied = 0
  var spamReports = 0
  var peakBuffers = 0
  var peakBytes = 0
  var lowestFreeOneway = Int.max

  init(pid: Int32, process: BinderProcess) {
    self.pid = pid
    self.process = process
  }

  func dismantle() {
    live = [:]
    calls = []
    todo = []
    waiting = []
    mapping = nil
    process = nil
  }

  func addNode() {
    guard let process else { return }
    nodes.append(process.makeNode())
    isBusy.append(false)
    waiting.append([])
  }

  /// Why it can receive nothing.
  var obstacle: BinderError? {
    if hasExited { return .dead(pid: pid, .receiverExited) }
    if region == nil { return .dead(pid: pid, .noRegion) }
    return nil
  }

  /// The shrinker may take its idle pages.
  var isReclaimable: Bool { !hasExited && region?.canReclaim == true }

  var frames: Int { region?.pages.frames ?? 0 }

  var counts: CheckedCounts {
    var counts = CheckedCounts()
    counts.outstandingCalls = calls.count { !$0.isAbandoned }
    counts.queued = todo.count
    counts.waiting = waiting.reduce(0) { $0 + $1.count }
    guard let region else { return counts }
    counts.buffers = region.placement.liveCount
    counts.bytesInUse = region.placement.liveBytes
    counts.freeOnewaySpace = region.placement.freeOneway
    counts.pagesInUse = region.pages.inUse
    counts.pagesAvailable = region.pages.available
    counts.framesAllocated = region.pages.framesAllocated
    counts.framesReclaimed = region.pages.framesReclaimed
    return counts
  }

  // MARK: what becomes of a buffer

  /// It has its range and its pages.
  func begin(_ buffer: ModelBuffer) {
    guard let region else { return }
    region.pages.use(buffer.offset, buffer.layout.size)
    live[buffer.offset] = buffer
    pins += 1
    if buffer.isSpam { spamReports += 1 }
    peakBuffers = max(peakBuffers, region.placement.liveCount)
    peakBytes = max(peakBytes, region.placement.liveBytes)
    lowestFreeOneway = min(lowestFreeOneway, region.placement.freeOneway)
  }

  /// It was never handed over.
  func abort(_ buffer: ModelBuffer, clock: inout UInt64) {
    release(buffer, clock: &clock)
    unpin()
  }

  /// It is the receiver's: to be delivered now, or after the others of its node.
  func commit(_ buffer: ModelBuffer) {
    pins -= 1
    bytesCopied += buffer.bytesCopied
    guard buffer.isOneway, let node = buffer.node else { return queue(buffer) }
    if isBusy[node] {
      buffer.state = .waiting
      waiting[node].append(buffer)
    } else {
      isBusy[node] = true
      queue(buffer)
    }
  }

  private func queue(_ buffer: ModelBuffer) {
    buffer.state = .queued
    todo.append(buffer)
  }

  func deliver(_ buffer: ModelBuffer) {
    buffer.state = .delivered
    pins += 1
    received += 1
  }

  /// It is freed by its receiver.
  func free(_ buffer: ModelBuffer, clock: inout UInt64) {
    release(buffer, clock: &clock)
    if buffer.isOneway, let node = buffer.node {
      if waiting[node].isEmpty {
        isBusy[node] = false
      } else {
        queue(waiting[node].removeFirst())
      }
    }
    buffer.call?.fail(.failedReply(pid: pid))
    buffer.call = nil
  }

  private func release(_ buffer: ModelBuffer, clock: inout UInt64) {
    buffer.state = .gone
    live[buffer.offset] = nil
    guard let region else { return }
    if buffer.clearsOnFree { region.bytes.zero(buffer.offset, buffer.layout.size) }
    region.placement.free(buffer.offset)
    region.pages.stopUsing(
      buffer.offset, buffer.layout.size, region.placement.policy, clock: &clock)
  }

  /// A delivery or a buffer that was being filled has gone.
  func unpin() {
    pins -= 1
    if hasExited { giveUpMemory() }
  }

  /// It dies: what it has not received goes, and what it holds by bare offsets.
  func exit(clock: inout UInt64) {
    guard !hasExited else { return }
    hasExited = true
    todo = []
    waiting = waiting.map { _ in [] }
    for buffer in live.values.sorted(by: { $0.offset < $1.offset }) {
      buffer.call?.fail(.dead(pid: pid, .receiverExited))
      buffer.call = nil
      switch buffer.state {
      case .queued, .waiting, .replied, .kept: release(buffer, clock: &clock)
      case .beingFilled, .delivered, .gone: break
      }
    }
    calls = []
    giveUpMemory()
  }

  /// A dead process has what it is pinned for and nothing else.
  private func giveUpMemory() {
    if pins == 0 {
      region = nil
    } else if let region, region.canReclaim {
      _ = region.reclaim(region.pages.available)
    }
  }
}

/// What is compared after every step.
struct CheckedCounts: Equatable {
  var buffers = 0
  var bytesInUse = 0
  var freeOnewaySpace = 0
  var pagesInUse = 0
  var pagesAvailable = 0
  var framesAllocated = 0
  var framesReclaimed = 0
  var outstandingCalls = 0
  var queued = 0
  var waiting = 0

  init() {}

  init(_ statistics: ProcessStatistics) {
    buffers = statistics.bufferCount
    bytesInUse = statistics.bytesInUse
    freeOnewaySpace = statistics.freeOnewaySpace
    pagesInUse = statistics.pagesInUse
    pagesAvailable = statistics.pagesAvailable
    framesAllocated = statistics.framesAllocated
    framesReclaimed = statistics.framesReclaimed
    outstandingCalls = statistics.outstandingCalls
    queued = statistics.queuedTransactions
    waiting = statistics.waitingTransactions
  }
}

/// A region as the model knows it.
final class ModelRegion {
  let canReclaim: Bool
  var placement: ModelPlacement
  var pages: ModelPages
  let bytes: ModelBytes

  init(length: Int, policy: PlacementPolicy, sharing: RegionSharing) {
    canReclaim = sharing != .exportableSealed
    placement = ModelPlacement(length: length, policy: policy)
    pages = ModelPages(count: length >> Page.shift)
    bytes = ModelBytes(count: length)
  }

  /// Takes back the longest idle pages: the next frame in their place is zero.
  func reclaim(_ count: Int) -> UInt64 {
    guard count > 0 else { return 0 }
    return pages.reclaim(count) { bytes.zero($0 << Page.shift, Page.size) }
  }
}
