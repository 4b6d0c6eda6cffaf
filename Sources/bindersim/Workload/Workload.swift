/// What is sent: kinds, sizes, rate and hold times, from which any number of messages can be drawn.
struct Workload: Sendable {
  let name: String
  let summary: String
  /// Of `syncWeight + onewayWeight` messages, so many are calls that are answered, the others
  /// oneway.
  let syncWeight: Int
  let onewayWeight: Int
  let requests: SizeDistribution
  let oneways: SizeDistribution
  let replies: SizeDistribution
  let holdTimes: HoldTimes
  /// Requests a second over all processes, in simulated time.
  let arrivalsPerSecond: Int
  /// How many of its oneway messages a sender lets wait before it sends another; nil when it does
  /// not look.
  let onewayWindow: Int?
  /// In simulated time requests come in bursts from one process to another, this many on average.
  var burst = 1
  /// So many of a thousand requests are never freed.
  var leakPerMille = 0
  /// Only so many of the processes are sent to, and they do not send; nil when all do both.
  var servers: Int?
  /// How many processes and threads in each a run has unless the user says otherwise.
  var processes = 4
  var threads = 4

  static let all = [
    android, launcher, scrolling, rpc, bulk, bimodal, onewayFlood, leak, fragmentation, crowd,
  ]

  var largestData: Int { distributions.map(\.largestData).max() ?? 0 }
  var largestOffsets: Int { distributions.map(\.largestOffsets).max() ?? 0 }
  private var distributions: [SizeDistribution] { [requests, oneways, replies] }

  /// The message of that number: the same for the same seed, whoever asks. So a receiver knows
  /// what it must find from the number alone.
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
  /// Travels as the transaction's code.
  let id: UInt32
  let seed: UInt64
  let isOneway: Bool
  let request: MessageShape
  let reply: MessageShape
  /// Whether its buffer outlives the reading when time is real.
  let isHeld: Bool
  /// Nanoseconds that the receiver would keep the buffer.
  let hold: UInt64
  /// Whether the receiver forgets to free its buffer.
  let isLeaked: Bool

  /// Selects the contents of the request or the reply.
  func key(isReply: Bool) -> UInt64 {
    SplitMix64.mix(seed ^ UInt64(id) << 1 ^ (isReply ? 1 : 0))
  }

  func shape(isReply: Bool) -> MessageShape { isReply ? reply : request }
}
