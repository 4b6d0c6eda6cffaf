internal import BinderBuffer

/// A refusal that a capture shows, with what the region held then.
struct ReplayRefusal {
  var refusal: Refusal
  /// The buffers that lived then; empty where there were very many.
  var held: [(slot: Int, transaction: UInt32, size: Int)]
}

/// Messages that the capture has without a buffer.
extension ReplayEngine {
  /// Refusals that are kept in full.
  static let mostRefusals = 256
  private static let mostHeld = 1 << 12

  /// - Parameter planned: what the driver refused, or did not tell of: then it counts as refused
  ///   only if not even the smallest message had room.
  mutating func refuse(_ planned: PlannedRefusal) {
    if planned.answer == .unknown {
      guard isFull(for: planned) else { return }
      predicted.append(planned)
    }
    guard refusals.count < Self.mostRefusals else {
      moreRefusals += 1
      return
    }
    refusals.append(snapshot(planned))
  }

  private func isFull(for planned: PlannedRefusal) -> Bool {
    guard let usage = known(RegionKey(planned.destination, planned.context))?.process.usage else {
      return false
    }
    return planned.kind == .oneway && usage.freeOnewaySpace < 8 || usage.largestFreeRange < 8
  }

  private func snapshot(_ planned: PlannedRefusal) -> ReplayRefusal {
    let key = RegionKey(planned.destination, planned.context)
    var refusal = Refusal()
    refusal.time = ReplayTime.text(planned.nanoseconds)
    refusal.seconds = Double(planned.nanoseconds) / 1e9
    refusal.line = planned.line
    refusal.receiver = planned.destination
    refusal.context = planned.context.name
    refusal.sender = planned.sender
    refusal.senderThread = planned.senderThread
    refusal.transaction = UInt64(planned.transaction)
    refusal.kind = planned.kind == .oneway ? .oneway : planned.kind == .reply ? .reply : .call
    refusal.regionLength = regionLength(of: planned.destination)
    refusal.isRegionAssumed = setting.told[planned.destination] == nil
    if planned.answer == .dead { refusal.cause = .gone }
    if planned.answer == .unknown {
      refusal.doubts.append(
        "no BR_FAILED_REPLY was recorded: that it was refused follows from the full region")
      refusal.cause = planned.kind == .oneway ? .onewayExhausted : .full
    }
    guard let member = known(key), let usage = member.process.usage else {
      refusal.allocated = 0
      refusal.buffers = 0
      refusal.free = refusal.regionLength
      refusal.freeRanges = 1
      refusal.largestFree = refusal.regionLength
      refusal.freedBefore = 0
      return ReplayRefusal(refusal: refusal, held: [])
    }
    refusal.allocated = usage.bytesInUse
    refusal.buffers = usage.bufferCount
    refusal.free = usage.freeBytes
    refusal.largestFree = usage.largestFreeRange
    refusal.freeOneway = usage.freeOnewaySpace
    refusal.freedBefore = member.freed
    let log = member.process.exhaustionLog(requested: 0).split(separator: "\n").last ?? ""
    if case .usage(let figures) = LogLine(Array(log.utf8))?.fact {
      refusal.largestBuffer = figures.largestBuffer
      refusal.freeRanges = figures.freeRanges
    }
    let index = members.firstIndex { $0.process.pid == key.number } ?? 0
    refusal.holders = Array(holders(in: Int32(index)).prefix(5))
    var held: [(slot: Int, transaction: UInt32, size: Int)] = []
    for (slot, state) in slots.enumerated() where Int(state.member) == index {
      guard held.count < Self.mostHeld else { break }
      held.append((slot, state.transaction, Int(state.size)))
    }
    return ReplayRefusal(refusal: refusal, held: held)
  }
}

/// Times of a capture, as its lines have them.
enum ReplayTime {
  /// `28304.425991 s`
  static func text(_ nanoseconds: UInt64) -> String {
    let (seconds, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
    let micros = String(rest / 1000)
    return "\(seconds)." + String(repeating: "0", count: 6 - micros.count) + micros + " s"
  }
}
