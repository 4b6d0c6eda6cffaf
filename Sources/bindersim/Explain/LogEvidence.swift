/// What the logs among the files say: refusals joined from the lines that belong together.
///
/// Memory is bounded: of very many refusals the first are kept in full, the rest is counted.
struct LogEvidence {
  /// Refusals that are kept in full.
  static let mostRefusals = 512
  private static let mostOthers = 256
  /// The lines of one refusal are written within a few microseconds; busy consoles take longer.
  private static let togetherSeconds = 1.0

  private(set) var refusals: [Refusal] = []
  /// Refusals beyond `mostRefusals`.
  private(set) var moreRefusals = 0
  /// Failed transactions that had nothing to do with space.
  private(set) var otherFailures: [OtherFailure] = []
  private(set) var moreOtherFailures = 0
  private(set) var spam: [SpamReport] = []
  /// Lines that the kernel did not write because there were too many.
  private(set) var suppressed = 0
  private(set) var clients: [ClientReport] = []
  private(set) var starved: [StarvedPool] = []
  private(set) var kernels: [String] = []
  private(set) var names: [Int32: String] = [:]
  private(set) var died: Set<Int32> = []
  /// Lines that said something.
  private(set) var used = 0
  // Those that more lines may belong to, oldest first.
  private var awaitingUsage: [Int] = []
  private var awaitingSender: [Int] = []

  mutating func take(_ line: LogLine, source: String) {
    used += 1
    switch line.fact {
    case .refused(let receiver, let size, let freeOneway):
      var refusal = Refusal(line.stamp, source: source)
      refusal.driver = .c
      refusal.cause = .noSpace
      refusal.receiver = receiver
      refusal.requested = size
      if let freeOneway {
        refusal.cause = .onewayExhausted
        refusal.kind = .oneway
        refusal.freeOneway = freeOneway.bytes
      }
      add(refusal, awaitsUsage: freeOneway == nil)
    case .noRegion(let receiver), .noFrame(let receiver):
      var refusal = Refusal(line.stamp, source: source)
      refusal.driver = .c
      refusal.receiver = receiver
      if case .noFrame = line.fact { refusal.cause = .noFrame } else { refusal.cause = .gone }
      add(refusal, awaitsUsage: false)
    case .rustRefused(let size, let isOneway):
      var refusal = Refusal(line.stamp, source: source)
      refusal.driver = .rust
      refusal.cause = .noSpace
      refusal.requested = size
      refusal.kind = isOneway ? .oneway : nil
      add(refusal, awaitsUsage: false)
    case .usage(let figures): take(figures, line.stamp, source)
    case .failed(let failed): take(failed, line.stamp, source)
    case .spam(let receiver, let sender, let buffers, let bytes):
      takeSpam(receiver, sender, buffers, bytes, line.stamp, source)
    case .suppressed(let count): suppressed = min(.max / 2, suppressed + count)
    case .kernel(let release):
      if !kernels.contains(release), kernels.count < 8 { kernels.append(release) }
    case .client(let fact): take(fact, line.stamp, source)
    case .name(let process, let name): if names.count < 1 << 16 { names[process] = name }
    case .died(let process): if died.count < 1 << 16 { died.insert(process) }
    }
  }

  private mutating func add(_ refusal: Refusal, awaitsUsage: Bool) {
    guard refusals.count < Self.mostRefusals else {
      moreRefusals += 1
      return
    }
    refusals.append(refusal)
    if awaitsUsage { awaitingUsage.append(refusals.count - 1) }
    awaitingSender.append(refusals.count - 1)
    if awaitingUsage.count > 16 { awaitingUsage.removeFirst() }
    if awaitingSender.count > 16 { awaitingSender.removeFirst() }
  }

  /// Whether a line of that time can belong to the refusal.
  private func isTogether(_ index: Int, _ stamp: LogStamp) -> Bool {
    guard let before = refusals[index].seconds, let now = stamp.seconds else { return true }
    return now >= before - 0.001 && now - before <= Self.togetherSeconds
  }

  private mutating func take(_ figures: RegionFigures, _ stamp: LogStamp, _ source: String) {
    let possible = awaitingUsage.filter { isTogether($0, stamp) }
    // Where lines of several processes are mixed, the oldest that the figures explain.
    let explained = possible.filter { (refusals[$0].requested ?? 0) > figures.largestFree }
    guard let index = explained.first ?? possible.first else { return }
    if possible.count > 1,
      refusals[index].receiver != refusals[possible[possible.count - 1]].receiver
    {
      refusals[index].doubts.append(
        "lines of several refusals are mixed in \(source): these figures may be another's")
    }
    refusals[index].take(figures)
    refusals[index].sources.append(source)
    awaitingUsage.removeAll { $0 == index }
  }

  private mutating func take(_ failed: FailedTransaction, _ stamp: LogStamp, _ source: String) {
    let possible = awaitingSender.filter { index in
      let refusal = refusals[index]
      guard isTogether(index, stamp), (refusal.driver == .rust) == failed.isRust else {
        return false
      }
      if let receiver = refusal.receiver, let other = failed.receiver, receiver != other {
        return false
      }
      guard let data = failed.dataSize, let wanted = refusal.requested else { return true }
      return Refusal.rounded(data) + Refusal.rounded(failed.offsetsSize ?? 0) <= wanted
    }
    let exact = possible.filter { index in
      guard let data = failed.dataSize else { return false }
      return max(8, Refusal.rounded(data) + Refusal.rounded(failed.offsetsSize ?? 0))
        == refusals[index].requested
    }
    if let index = exact.first ?? possible.first {
      let others = (exact.isEmpty ? possible : exact).dropFirst()
      if failed.receiver == nil, !failed.isRust,
        others.contains(where: { refusals[$0].receiver != refusals[index].receiver })
      {
        refusals[index].doubts.append(
          "\(failed.sender):\(failed.thread) may have sent another of the refused messages of that "
            + "moment: the line does not name the receiver")
      }
      refusals[index].take(failed)
      refusals[index].sources.append(source)
      awaitingSender.removeAll { $0 == index }
      return
    }
    // The lines before it may have been left out, or it failed for another reason.
    guard failed.error == -28 else {
      if otherFailures.count < Self.mostOthers {
        otherFailures.append(OtherFailure(failed, stamp, source))
      } else {
        moreOtherFailures += 1
      }
      return
    }
    var refusal = Refusal(stamp, source: source)
    refusal.driver = failed.isRust ? .rust : .c
    refusal.cause = .noSpace
    refusal.take(failed)
    guard refusals.count < Self.mostRefusals else {
      moreRefusals += 1
      return
    }
    refusals.append(refusal)
  }

  private mutating func takeSpam(
    _ receiver: Int32, _ sender: Int32, _ buffers: Int, _ bytes: Int, _ stamp: LogStamp,
    _ source: String
  ) {
    if let index = spam.firstIndex(where: { $0.receiver == receiver && $0.sender == sender }) {
      spam[index].count += 1
      spam[index].mostBuffers = max(spam[index].mostBuffers, buffers)
      spam[index].mostBytes = max(spam[index].mostBytes, bytes)
    } else if spam.count < Self.mostOthers {
      spam.append(
        SpamReport(
          receiver: receiver, sender: sender, count: 1, mostBuffers: buffers, mostBytes: bytes,
          time: stamp.time, source: source))
    }
  }

  private mutating func take(_ fact: LogFact.ClientFact, _ stamp: LogStamp, _ source: String) {
    if case .starved(let threads, let time) = fact {
      if starved.count < Self.mostOthers {
        starved.append(
          StarvedPool(
            process: stamp.process, threads: threads, milliseconds: time, time: stamp.time,
            source: source))
      }
      return
    }
    // The lines of one failed call come from one thread.
    let index = clients.lastIndex {
      $0.process == stamp.process && $0.thread == stamp.thread && $0.accepts(fact)
    }
    guard let index, clients.count - index < 16 else {
      guard clients.count < Self.mostRefusals else { return }
      var report = ClientReport(
        process: stamp.process, thread: stamp.thread, time: stamp.time, sources: [source])
      report.take(fact)
      clients.append(report)
      return
    }
    clients[index].take(fact)
    clients[index].sources.append(source)
  }
}

/// A transaction that failed for another reason than space.
struct OtherFailure: Codable, Equatable, Sendable {
  var time: String?
  var sender: Int32
  var senderThread: Int32
  var receiver: Int32?
  var returned: Int?
  var error: Int?
  var source: String

  init(_ failed: FailedTransaction, _ stamp: LogStamp, _ source: String) {
    time = stamp.time
    sender = failed.sender
    senderThread = failed.thread
    receiver = failed.receiver
    returned = failed.returned
    error = failed.error
    self.source = source
  }
}

/// The driver's reports of one sender's oneway spam into one region.
struct SpamReport: Codable, Equatable, Sendable {
  var receiver: Int32
  var sender: Int32
  /// Lines; rate limited, so at least so many reports.
  var count: Int
  var mostBuffers: Int
  var mostBytes: Int
  var time: String?
  var source: String
}

/// `binder thread pool (15 threads) starved for 2310 ms`
struct StarvedPool: Codable, Equatable, Sendable {
  var process: Int32?
  var threads: Int
  var milliseconds: Int
  var time: String?
  var source: String
}

/// What user space said about one failed call.
struct ClientReport: Codable, Equatable, Sendable {
  var process: Int32?
  var thread: Int32?
  var time: String?
  var transaction: UInt64?
  var returned: Int?
  var error: Int?
  var parcelSize: Int?
  var saysSmallParcel = false
  var saysTooLarge = false
  var saysTooManyOneway = false
  var sources: [String]

  /// Whether the line can belong to the same call as those before it.
  fileprivate func accepts(_ fact: LogFact.ClientFact) -> Bool {
    switch fact {
    case .failure, .starved: false
    case .parcel: parcelSize == nil && !saysSmallParcel && !saysTooLarge
    case .tooLarge(let size):
      !saysTooLarge && (size == nil || parcelSize == nil || size == parcelSize)
    case .smallParcel: !saysSmallParcel
    case .tooManyOneway: !saysTooManyOneway
    }
  }

  fileprivate mutating func take(_ fact: LogFact.ClientFact) {
    switch fact {
    case .failure(let id, let returned, let error):
      transaction = id
      self.returned = returned
      self.error = error
    case .parcel(let size): parcelSize = size
    case .tooLarge(let size):
      saysTooLarge = true
      parcelSize = size ?? parcelSize
    case .smallParcel: saysSmallParcel = true
    case .tooManyOneway: saysTooManyOneway = true
    case .starved: break
    }
  }

  /// Whether it is about a call that failed.
  var isFailure: Bool {
    error != nil || returned != nil || parcelSize != nil || saysSmallParcel || saysTooLarge
  }
}
