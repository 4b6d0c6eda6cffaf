/// Draws the operations of a workload from a seed: the same seed, the same operations, as long as
/// the answers are the same.
struct RecordingGenerator {
  private let workload: RecordingWorkload
  private let senders: Int
  private let target: Int
  private var random: SplitMix64
  private var nextID: UInt64 = 1
  /// IDs that were given a buffer, oldest first from `oldest` on.
  private var live: [UInt64] = []
  private var oldest = 0
  /// One that may be freed once more, to no effect.
  private var lastGone: UInt64?
  /// While filling, more come than go; while emptying, fewer.
  private var isFilling = true

  init(workload: RecordingWorkload, regionLength: Int, senders: Int, seed: UInt64) {
    self.workload = workload
    self.senders = senders
    target = workload.target(regionLength: min(regionLength, 4 << 20))
    random = SplitMix64(seed: seed)
  }

  enum Operation {
    /// The result is still to be filled in.
    case alloc(RecordedAlloc)
    case free(id: UInt64)
    case reclaim(Int?)
  }

  private var liveCount: Int { live.count - oldest }

  mutating func next() -> Operation {
    if let interval = workload.reclaimInterval, random.next(below: interval) == 0 {
      return .reclaim(random.next(below: 8) == 0 ? nil : random.next(in: 1...13))
    }
    if lastGone != nil, random.next(below: 100) == 0, let id = lastGone { return .free(id: id) }
    if liveCount >= target { isFilling = false }
    if liveCount <= target / 4 { isFilling = true }
    if liveCount > 0, random.next(below: 8) < (isFilling ? 3 : 5) { return .free(id: takeLive()) }
    let sizes = workload.sizes(&random)
    defer { nextID += 1 }
    return .alloc(
      RecordedAlloc(
        id: nextID, sender: random.next(below: senders), dataSize: sizes.data,
        offsetsSize: sizes.offsets, extraSize: sizes.extra, isOneway: workload.isOneway(&random),
        result: .failed("")))
  }

  /// What became of an allocation.
  mutating func note(_ alloc: RecordedAlloc) {
    switch alloc.result {
    case .placed: live.append(alloc.id)
    case .failed:
      lastGone = alloc.id
      isFilling = false
    }
  }

  private mutating func takeLive() -> UInt64 {
    let id: UInt64
    if workload.freesInOrder {
      id = live[oldest]
      oldest += 1
      if oldest >= 4096 {
        live.removeFirst(oldest)
        oldest = 0
      }
    } else {
      let index = random.next(below: live.count)
      id = live[index]
      live.swapAt(index, live.count - 1)
      live.removeLast()
    }
    lastGone = id
    return id
  }
}
