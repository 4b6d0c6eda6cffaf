internal import BinderBuffer

/// Every process of a run over time, in bounded memory.
struct Recording: Sendable {
  /// The largest number of processes with a track.
  private static let mostTracks = 512
  private static let mostFailureGroups = 256

  /// What tells times to a reader.
  var clock = RecordedClock()
  private(set) var grid = TimeGrid()
  private(set) var tracks: [Int32: ProcessTrack] = [:]
  private(set) var totals = TrafficTotals()
  private(set) var failures: [FailureGroup] = []
  /// When messages were refused, since the beginning.
  private(set) var refusedTimes = TimeCounts()
  /// From send to free, by kind of message.
  private(set) var lifetimes = [LatencyHistogram](
    repeating: LatencyHistogram(), count: MessageKind.allCases.count)
  /// Nil when no export needs it.
  private(set) var log: EventLog?
  /// The latest time.
  private(set) var end: UInt64 = 0
  private var live: [UInt32: LiveBuffer] = [:]
  /// The column up to which every track is open.
  private var openColumn = -1

  init(keepsEvents: Bool) { log = keepsEvents ? EventLog() : nil }

  /// Buffers that were never freed, oldest first.
  var stillHeld: [(buffer: SentBuffer, since: UInt64)] {
    live.values.compactMap { entry in entry.sent.map { ($0, entry.sentAt) } }
      .sorted { ($0.since, $0.buffer.id) < ($1.since, $1.buffer.id) }
  }

  /// The same by receiver and sender, most bytes first.
  var heldGroups: [HeldGroup] {
    var groups: [HeldGroup] = []
    var indices: [HeldGroup.Pair: Int] = [:]
    for (buffer, _) in stillHeld {
      let pair = HeldGroup.Pair(receiver: buffer.receiver, sender: buffer.sender)
      let index = indices[pair] ?? groups.count
      if index == groups.count {
        indices[pair] = index
        groups.append(HeldGroup(pair: pair))
      }
      groups[index].buffers += 1
      groups[index].bytes += buffer.size
    }
    return groups.sorted { $0.bytes > $1.bytes }
  }

  /// Advances to a time; nothing has happened since the last event.
  mutating func advance(to time: UInt64) {
    end = max(end, time)
    let column = column(of: end)
    guard column != openColumn else { return }
    openColumn = column
    // Subscripts, not copies: a track is large.
    for pid in tracks.keys { tracks[pid]?.open(column) }
  }

  private mutating func column(of time: UInt64) -> Int {
    var merges = 0
    let column = grid.column(of: time) { merges += 1 }
    if merges > 0 { openColumn = -1 }
    for _ in 0..<merges {
      for pid in tracks.keys { tracks[pid]?.mergePairs() }
    }
    return column
  }

  /// Records a step after it was done.
  ///
  /// - Parameter process: The process whose region holds the buffer, or would have held it.
  mutating func add(_ event: EngineEvent, in process: any TrackedRegion) {
    log?.add(event)
    switch event.step {
    case .sent(let buffer):
      totals.add(buffer)
      change(buffer.id) { entry in
        entry.sent = buffer
        entry.sentAt = event.time
      }
      changeTrack(process, event) { $0.countSent() }
    case .received: break
    case .freed(let id):
      change(id) { $0.freedAt = event.time }
      changeTrack(process, event) { _ in }
    case .failed: changeTrack(process, event) { $0.countFailed() }
    }
  }

  mutating func addFailure(
    of buffer: SentBuffer, _ error: BinderError, at time: UInt64, in process: any TrackedRegion
  ) {
    totals.addFailure(of: buffer)
    refusedTimes.add(at: time)
    if let index = failures.firstIndex(where: { $0.holds(buffer, error) }) {
      failures[index].add(buffer, at: time)
    } else if failures.count < Self.mostFailureGroups {
      failures.append(FailureGroup(buffer, error, at: time, in: process))
    }
  }

  private mutating func changeTrack(
    _ process: any TrackedRegion, _ event: EngineEvent, _ body: (inout ProcessTrack) -> Void
  ) {
    // Threads report their steps concurrently, so the later one may come first.
    end = max(end, event.time)
    let column = column(of: end)
    if tracks[process.pid] == nil, tracks.count < Self.mostTracks {
      tracks[process.pid] = ProcessTrack(process)
    }
    guard let usage = process.usage else { return }
    tracks[process.pid]?.open(column)
    tracks[process.pid]?.add(usage, at: event.time)
    if tracks[process.pid] != nil { body(&tracks[process.pid]!) }
  }

  /// A receiver may report the free of a buffer before the sender's thread reports the send.
  private struct LiveBuffer {
    var sent: SentBuffer?
    var sentAt: UInt64 = 0
    var freedAt: UInt64?
  }

  private mutating func change(_ id: UInt32, _ body: (inout LiveBuffer) -> Void) {
    var entry = live[id] ?? LiveBuffer()
    body(&entry)
    if let sent = entry.sent, let freedAt = entry.freedAt {
      lifetimes[sent.kind.rawValue].record(freedAt > entry.sentAt ? freedAt - entry.sentAt : 0)
      live[id] = nil
    } else {
      live[id] = entry
    }
  }
}

/// Buffers that one process sent and another never freed.
struct HeldGroup {
  struct Pair: Hashable {
    let receiver: Int32
    let sender: Int32
  }

  let pair: Pair
  var buffers = 0
  var bytes = 0

  var receiver: Int32 { pair.receiver }
  var sender: Int32 { pair.sender }
}
