/// What is sent: kinds, sizes, rate and hold times, from which any number of messages is drawn.
struct Workload: Sendable {
  let name: String
  let summary: String
  /// Of `syncWeight + onewayWeight` messages, this many are calls with a reply; the others are
  /// oneway.
  let syncWeight: Int
  let onewayWeight: Int
  let requests: SizeDistribution
  let oneways: SizeDistribution
  let replies: SizeDistribution
  let holdTimes: HoldTimes
  /// Requests per second over all processes, in simulated time.
  let arrivalsPerSecond: Int
  /// The number of its oneway messages that may be waiting when a sender sends another; nil means
  /// that it does not check.
  let onewayWindow: Int?
  /// In simulated time requests come in bursts from one process to another, this many on average.
  var burst = 1
  /// How many of a thousand requests are never freed.
  var leakPerMille = 0
  /// The number of processes that only receive while the others only send; nil when all do both.
  var servers: Int?
  /// The default number of processes of a run, and of threads in each.
  var processes = 4
  var threads = 4

  static let all = [
    android, launcher, scrolling, rpc, bulk, bimodal, onewayFlood, leak, fragmentation, crowd,
  ]

  var largestData: Int { distributions.map(\.largestData).max() ?? 0 }
  var largestOffsets: Int { distributions.map(\.largestOffsets).max() ?? 0 }
  private var distributions: [SizeDistribution] { [requests, oneways, replies] }

  /// Message `number`, which depends only on the seed, so that a receiver knows what to expect from
  /// the number alone.
  func message(_ id: UInt32, seed: UInt64) -> Message {
    var random = SplitMix64(seed: SplitMix64.mix(seed &+ 1) ^ UInt64(id))
    let isOneway = random.next(below: syncWeight + onewayWeight) >= syncWeight
    let request = isOneway ? oneways.draw(&random) : requests.draw(&random)
    return Message(
      id: id, seed: seed, isOneway: isOneway, request: request,
      reply: isOneway ? MessageShape(data: 0) : replies.draw(&random),
      isHeld: random.next(below: 1000) < holdTimes.heldPerMille,
      hold: holdTimes.draw(&random) * UInt64(request.holdFactor),
      isLeaked: !isOneway && random.next(below: 1000) < leakPerMille)
  }
}

/// One message and, for a call, its answer.
struct Message: Sendable {
  /// Sent as the transaction's code.
  let id: UInt32
  let seed: UInt64
  let isOneway: Bool
  let request: MessageShape
  let reply: MessageShape
  /// Whether the receiver holds the buffer after reading it, in real time.
  let isHeld: Bool
  /// How long the receiver holds the buffer, in nanoseconds.
  let hold: UInt64
  /// Whether the receiver forgets to free its buffer.
  let isLeaked: Bool

  /// The seed of the request's or the reply's contents.
  func key(isReply: Bool) -> UInt64 {
    SplitMix64.mix(seed ^ UInt64(id) << 1 ^ (isReply ? 1 : 0))
  }

  func shape(isReply: Bool) -> MessageShape { isReply ? reply : request }
}
