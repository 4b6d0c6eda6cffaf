internal import BinderBuffer
internal import CLinuxShims
internal import PageAlloc

/// A driver, the programs that use it, and the model that says what it must answer.
///
/// One thread plays them all. As in `CheckWorld`, each step draws its choices from a generator of its
/// own.
final class DriverWorld: CheckedWorld {
  let seed: UInt64
  var driver: Driver
  let model: DriverModel
  let faults: FaultInjector
  let habits: Habits
  var random: SplitMix64

  /// Living programs; nil where one has died.
  var programs: [DriverModel.Process?] = []
  /// Messages whose senders stand between the two steps.
  var parked: [ParkedMessage] = []
  var lastPID: Int32 = 100
  var lastCookie: UInt64 = 0x1000
  var lastDescriptor: Int32 = 1000
  /// Files that were taken from senders, and have been neither delivered nor closed.
  var openTokens: Set<Int32> = []
  var nextToken: Int32 = 1
  /// Descriptors that came in arrays, and whose they are: they must be closed with their buffers.
  var arrayDescriptors: [Int32: Int32] = [:]

  var tally = CheckTally()
  var checksum = Checksum()

  /// What the programs of a seed are like.
  struct Habits {
    let programs: Int
    let threads: Int32
    /// In a thousand steps.
    let deaths: Int
    let exits: Int
    /// One message in so many is left half sent.
    let parks: Int
    /// One message in so many has objects.
    let objects: Int
    /// One command in so many is a wrong one.
    let misuses: Int
    let oneways: Int
  }

  init(seed: UInt64, policy: PlacementPolicy?) {
    self.seed = seed
    var random = SplitMix64(seed: SplitMix64.mix(seed ^ 0x6472_6976_6572))
    func one(of choices: [Int]) -> Int { choices[random.next(below: choices.count)] }
    habits = Habits(
      programs: one(of: [2, 3, 3, 4]), threads: Int32(one(of: [1, 2, 3, 3])),
      deaths: one(of: [2, 5, 20]), exits: one(of: [2, 10, 30]), parks: one(of: [3, 10, 50]),
      objects: one(of: [2, 3, 8]), misuses: one(of: [12, 40]), oneways: one(of: [2, 4, 10]))
    let rate = one(of: [0, 0, 2000, 50_000])
    faults =
      rate == 0
      ? .never()
      : .seeded(
        seed, perMillion: rate, points: [.pageAllocation, .backing, .memoryFile, .mapping])
    let kernel: DriverKernel = random.next(below: 4) == 0 ? .linux61 : .linux612
    let policies = PlacementPolicy.newest
    driver = Driver(
      options: DriverOptions(
        kernel: kernel, policy: policy ?? policies[random.next(below: policies.count)],
        faults: faults))
    model = DriverModel(kernel: kernel)
    self.random = SplitMix64(seed: seed)
  }

  func begin() throws(InvariantViolation) {
    programs = [DriverModel.Process?](repeating: nil, count: habits.programs)
    for i in programs.indices { try open(i) }
    try becomeManager(programs[0]!)
  }

  func step(_ index: Int) throws(InvariantViolation) {
    random = SplitMix64(seed: SplitMix64.mix(seed) ^ SplitMix64.mix(UInt64(index) &+ 1))
    let before = faults.injected
    try act()
    tally.steps += 1
    tally.faults += faults.injected - before
    try judge(isThorough: index & 7 == 7)
  }

  private func act() throws(InvariantViolation) {
    let i = pick(programs.count)
    guard let program = programs[i] else { return try open(i) }
    let roll = pick(1000)
    if roll < habits.deaths { return try die(i, program) }
    if roll < habits.deaths + habits.exits { return try exitThread(of: program) }
    switch pick(100) {
    case 0..<2: try freeze(program)
    case 2..<4: try becomeManager(program)
    case 4..<6: try askForNodes(program)
    case 6..<16 where !parked.isEmpty: try finishParked(pick(parked.count))
    default: try playThread(of: program)
    }
  }

  // MARK: choices

  func one<T>(of choices: [T]) -> T { choices[pick(choices.count)] }

  // MARK: the end

  /// Everybody dies, and nothing may remain.
  func end() throws(InvariantViolation) {
    random = SplitMix64(seed: SplitMix64.mix(seed ^ 0x656e_6421))
    while !parked.isEmpty, oneIn(2) { try finishParked(0) }
    for (i, program) in programs.enumerated() {
      if let program { try kill(i, program) }
      try judge(isThorough: true)
    }
    while !parked.isEmpty { try finishParked(0) }
    try judge(isThorough: true)
    try require("nothing remains when everybody is dead", driver.census, is: DriverCensus())
    try require("every file was delivered or closed", openTokens.sorted(), is: [])
    try require("the descriptors of arrays were closed", arrayDescriptors.keys.sorted(), is: [])
  }

  func dismantle() {}
}

/// A message between its two steps, and its sender.
final class ParkedMessage {
  private var pending: PendingTransaction?
  var sender: DriverSender
  let model: DriverModel.Pending

  init(
    _ pending: consuming PendingTransaction, _ sender: DriverSender, _ model: DriverModel.Pending
  ) {
    self.pending = consume pending
    self.sender = sender
    self.model = model
  }

  func fill() { pending!.fill(from: &sender) }
  func take() -> PendingTransaction { pending.take()! }
}
