internal import BinderBuffer
internal import PageAlloc

/// What one seed plays with: drawn from the seed alone, before the first step.
struct CheckConfiguration {
  /// What the processes are mostly busy with.
  enum Mood: CaseIterable { case mixed, flood, ties, pressure, deaths, hostile, large }

  let mood: Mood
  let policy: PlacementPolicy?
  let processes: Int
  let regionPages: ClosedRange<Int>
  /// Pages for all regions together; nil for as many as they need.
  let budget: Int?
  let faultsPerMillion: Int
  let faultPoints: Set<FaultPoint>
  /// Buffers that receivers hold before they mostly free.
  let heldBuffers: Int
  /// At the end everything is freed one by one, or everybody dies as things are.
  let endsInDeath: Bool

  init(seed: UInt64, policy: PlacementPolicy?) {
    var random = SplitMix64(seed: SplitMix64.mix(seed ^ 0x6368_6563_6b21))
    self.policy = policy
    mood = Mood.allCases[random.next(below: Mood.allCases.count)]
    processes = random.next(in: 2...5)
    let tiny = random.next(below: 4) == 0
    switch mood {
    case .large: regionPages = 16...(random.next(below: 8) == 0 ? 1024 : 254)
    case .flood: regionPages = 2...8
    default: regionPages = 1...(tiny ? 2 : 32)
    }
    let isShort = mood == .pressure || random.next(below: 4) == 0
    budget = isShort ? random.next(in: 4...(mood == .large ? 400 : 60)) : nil
    let rates = mood == .hostile ? [5000, 20_000, 100_000] : [0, 0, 2000, 20_000]
    faultsPerMillion = rates[random.next(below: rates.count)]
    faultPoints =
      random.next(below: 2) == 0
      ? FaultInjector.allPoints
      : [[.pageAllocation, .backing], [.userCopy]][random.next(below: 2)]
    heldBuffers = mood == .flood ? 400 : random.next(in: 4...60)
    endsInDeath = random.next(below: 4) == 0
  }
}
