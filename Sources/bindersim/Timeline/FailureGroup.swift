internal import BinderBuffer

/// Refusals of one kind in one region: the first in full, the others only counted.
struct FailureGroup: Sendable {
  let kind: FailureKind
  /// The process whose region had no room, or that could not receive.
  let receiver: Int32
  let first: SentBuffer
  let firstTime: UInt64
  /// The engine's message for the first refusal.
  let message: String
  /// The region at that moment; nil if the process has none.
  let usage: RegionUsage?
  /// Who held its bytes then, largest first.
  let holders: [Holder]
  /// What the driver would have logged; empty for what it does not log.
  let log: String
  private(set) var count = 1
  private(set) var lastTime: UInt64
  private(set) var smallest: Int
  private(set) var largest: Int

  init(_ buffer: SentBuffer, _ error: BinderError, at time: UInt64, in process: any TrackedRegion) {
    kind = error.kind
    receiver = buffer.receiver
    first = buffer
    firstTime = time
    message = error.text(ProcessNames().label)
    usage = process.usage
    holders = Array(Holder.all(of: process).prefix(5))
    log = PredictedLog(process.statistics.policy ?? .c).refusal(
      PredictedLog.Message(buffer, thread: nil), error.kind,
      process.inspect().exhaustionLog(requested: buffer.wantedSize),
      freeOneway: process.usage?.freeOnewaySpace ?? 0
    ).joined(separator: "\n")
    lastTime = time
    smallest = buffer.wantedSize
    largest = buffer.wantedSize
  }

  func holds(_ buffer: SentBuffer, _ error: BinderError) -> Bool {
    error.kind == kind && buffer.receiver == receiver
  }

  mutating func add(_ buffer: SentBuffer, at time: UInt64) {
    count += 1
    lastTime = max(lastTime, time)
    smallest = min(smallest, buffer.wantedSize)
    largest = max(largest, buffer.wantedSize)
  }
}
