internal import BinderBuffer

/// What a seed plays: the thing to be tested, and the model that it is compared with.
protocol CheckedWorld: AnyObject {
  var tally: CheckTally { get }
  var checksum: Checksum { get }
  /// What a step draws its choices from.
  var random: SplitMix64 { get set }

  func begin() throws(InvariantViolation)
  /// Takes one step and compares.
  func step(_ index: Int) throws(InvariantViolation)
  /// Gives everything back: nothing may remain.
  func end() throws(InvariantViolation)
  /// Lets go of what refers to each other.
  func dismantle()
}

extension CheckedWorld {
  func pick(_ bound: Int) -> Int { random.next(below: bound) }
  func oneIn(_ n: Int) -> Bool { random.next(below: n) == 0 }

  func require<T: Equatable>(
    _ invariant: @autoclosure () -> String, _ found: T, is expected: T
  ) throws(InvariantViolation) {
    if found != expected {
      throw InvariantViolation(invariant(), expected: "\(expected)", found: "\(found)")
    }
  }
}

/// One seed, from the first step to the last.
struct CheckRun {
  /// Where a seed failed, and why.
  struct Failure {
    /// Nil at the end, when everything has been given back.
    let step: Int?
    let violation: InvariantViolation
  }

  let seed: UInt64
  let options: CheckOptions
  let memory: SenderMemory
  var tally = CheckTally()
  var checksum = Checksum()

  init(seed: UInt64, options: CheckOptions, memory: SenderMemory) {
    self.seed = seed
    self.options = options
    self.memory = memory
  }

  mutating func run() -> Failure? {
    let world: any CheckedWorld =
      options.playsDriver
      ? DriverWorld(seed: seed, policy: options.policy)
      : CheckWorld(seed: seed, policy: options.policy, memory: memory)
    defer {
      tally = world.tally
      checksum = world.checksum
    }
    var current: Int?
    do throws(InvariantViolation) {
      CrashNote.set(seed: seed, step: -1)
      try world.begin()
      let steps = options.only ?? StepSet([0...max(0, options.steps - 1)])
      play: for range in steps.ranges {
        for step in range {
          if Interrupt.wasRequested { break play }
          current = step
          CrashNote.set(seed: seed, step: step)
          try world.step(step)
        }
      }
      current = nil
      CrashNote.set(seed: seed, step: -1)
      try world.end()
      world.dismantle()
      return nil
    } catch {
      // An engine that went wrong may stop the program when it lets go of what it holds, and then
      // nobody would learn what was found first: so it never does.
      // SAFETY: one retain more, of which nothing is ever released: the program ends soon.
      _ = unsafe Unmanaged.passRetained(world as AnyObject)
      return Failure(step: current, violation: error)
    }
  }
}
