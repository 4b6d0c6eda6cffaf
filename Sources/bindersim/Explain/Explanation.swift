internal import BinderBuffer

/// What the files say together: plain values, for text and for whatever else shows it.
///
/// As JSON it is the `result` of the schema `bindersim.explain`, version 1, key for key. Sizes are
/// bytes; what is unknown is left out.
struct Explanation: Codable, Equatable, Sendable {
  var files: [ExplainedFile]
  /// As a file tells it, or as it was given.
  var kernel: String?
  /// The rules that sizes were judged by, and why these; none where nothing tells the kernel.
  var rules: RuleReport?
  /// Most telling first.
  var answers: [Answer]
  /// What cannot be known from these files, and what would tell.
  var unknown: [Unknown]
  /// What to do, first things first.
  var next: [String]
  var refusals: [Refusal]
  /// Refusals beyond those that are listed.
  var moreRefusals: Int
  /// Lines that the kernel left out of its log.
  var suppressedLines: Int
  /// Failed transactions that had nothing to do with space.
  var otherFailures: [OtherFailure]
  var spam: [SpamReport]
  var starvedPools: [StarvedPool]
  var clients: [ClientReport]
  var regions: [ExplainedRegion]
  var captures: [ReplayReport]
  /// By pid.
  var names: [Int: String]

  struct Answer: Codable, Equatable, Sendable {
    var question: String
    var answer: String
  }

  struct Unknown: Codable, Equatable, Sendable {
    var what: String
    var tells: String
  }

  /// Whether the files answered anything.
  var isAnswered: Bool {
    !refusals.isEmpty || !otherFailures.isEmpty || !spam.isEmpty || !starvedPools.isEmpty
      || !clients.isEmpty || !regions.isEmpty || captures.contains { $0.answersAnything }
  }

  var status: ExitStatus {
    guard isAnswered else { return .unanswered }
    let isBad =
      !refusals.isEmpty || regions.contains { $0.layout.overlaps > 0 }
      || captures.contains { $0.status == .failure }
    return isBad ? .failure : .success
  }

  func label(_ pid: Int32) -> String { names[Int(pid)].map { "\(pid) \($0)" } ?? "\(pid)" }
}

/// One of the files, or a part of an archive.
struct ExplainedFile: Codable, Equatable, Sendable {
  var path: String
  /// What it was taken for.
  var kind: String
  var lines: Int
  /// Lines that said something about Binder.
  var used: Int
  /// What else must be known about it.
  var notes: [String] = []
}

/// A region at the moment of a dump.
struct ExplainedRegion: Codable, Equatable, Sendable {
  var process: DumpProcess
  var layout: RegionLayout
  /// No file tells the region's length: it is the usual one.
  var isLengthAssumed: Bool
  /// Buffers that an earlier dump among the files had too.
  var alsoInEarlierDump: Int?

  func count(_ state: DumpBuffer.State) -> (buffers: Int, bytes: Int) {
    let all = process.buffers.filter { $0.state == state }
    return (all.count, all.reduce(0) { $0 &+ $1.size })
  }
}

extension Explanation {
  /// Joins what the files told.
  ///
  /// - Parameter options: the kernel and the rules that were given, and a region's length where no
  ///   file tells it.
  init(_ evidence: Evidence, _ options: ReplayOptions) {
    let fallback = options.regionLengths[0]
    files = evidence.files
    kernel = options.kernel ?? evidence.kernels.first
    let chosen = OwnDriver(evidence, options)
    rules = chosen.map { RuleReport(ChosenPolicy(policy: $0.policy, reason: $0.reason)) }
    names = Dictionary(uniqueKeysWithValues: evidence.names.map { (Int($0.key), $0.value) })
    captures = evidence.captures
    clients = evidence.log.clients
    moreRefusals = evidence.log.moreRefusals + captures.reduce(0) { $0 + $1.moreRefusals }
    suppressedLines = evidence.log.suppressed
    otherFailures = evidence.log.otherFailures
    spam = evidence.log.spam
    starvedPools = evidence.log.starved
    refusals = RefusalJoin.joined(
      captures: captures.flatMap(\.refusals), log: evidence.log.refusals, clients: clients)
    for index in refusals.indices {
      refusals[index].judge(region: fallback, chosen?.policy.rules)
      if let receiver = refusals[index].receiver, evidence.log.died.contains(receiver) {
        refusals[index].doubts.append("the log says that process \(receiver) died")
      }
    }
    regions = Self.regions(evidence.dumps, refusals, fallback)
    answers = []
    unknown = []
    next = []
    let words = ExplainWords(self)
    answers = words.answers
    unknown = words.unknown
    next = words.next
  }

  /// One for each process and context: the parts that several files tell of it put together.
  private static func regions(
    _ dumps: [DumpProcess], _ refusals: [Refusal], _ fallback: Int
  ) -> [ExplainedRegion] {
    var merged: [(process: DumpProcess, earlier: Int?)] = []
    for dump in dumps {
      let index = merged.lastIndex {
        $0.process.pid == dump.pid && dump.pid != nil
          && ($0.process.context == dump.context || dump.context == nil)
      }
      if let index {
        merged[index].earlier = merged[index].process.merge(dump) ?? merged[index].earlier
      } else {
        merged.append((dump, nil))
      }
    }
    return merged.compactMap { process, earlier in
      guard process.saysAnything else { return nil }
      let told =
        process.regionLength
        ?? refusals.last { $0.receiver == process.pid && !$0.isRegionAssumed }?.regionLength
      // What reaches beyond the usual region lies in a longer one.
      let end = RegionLayout(process, regionLength: nil).end
      let assumed = [fallback, 2 << 20, Refusal.longestRegion].first { $0 >= end }
      return ExplainedRegion(
        process: process, layout: RegionLayout(process, regionLength: told ?? assumed ?? end),
        isLengthAssumed: told == nil, alsoInEarlierDump: earlier)
    }
  }
}

extension DumpProcess {
  /// Whether there is anything worth a line: systems list hundreds of idle processes.
  var saysAnything: Bool {
    !buffers.isEmpty || !transactions.isEmpty || freeOnewaySpace != nil || (bufferCount ?? 0) > 0
  }

  /// Takes in what another file, or another part of one, tells of the same process.
  ///
  /// - Returns: how many of its buffers were there before, when both list them.
  fileprivate mutating func merge(_ later: DumpProcess) -> Int? {
    var common: Int?
    if later.listsBuffers {
      let before = Set(buffers.compactMap(\.id))
      if listsBuffers, !before.isEmpty {
        common = later.buffers.count { $0.id.map(before.contains) ?? false }
      }
      buffers = later.buffers
      listsBuffers = true
    }
    let known = Set(transactions.map { "\($0.place) \($0.id)" })
    transactions += later.transactions.filter { !known.contains("\($0.place) \($0.id)") }
    context = later.context ?? context
    driver = later.driver ?? driver
    threads = later.threads ?? threads
    readyThreads = later.readyThreads ?? readyThreads
    requestedThreads = later.requestedThreads ?? requestedThreads
    mostThreads = later.mostThreads ?? mostThreads
    freeOnewaySpace = later.freeOnewaySpace ?? freeOnewaySpace
    bufferCount = later.bufferCount ?? bufferCount
    pagesInUse = later.pagesInUse ?? pagesInUse
    pagesAvailable = later.pagesAvailable ?? pagesAvailable
    pagesFree = later.pagesFree ?? pagesFree
    pageHighWatermark = later.pageHighWatermark ?? pageHighWatermark
    pendingTransactions = later.pendingTransactions ?? pendingTransactions
    return common
  }
}
