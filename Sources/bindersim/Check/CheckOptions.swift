internal import BinderBuffer

/// What a check is to do.
struct CheckOptions: Sendable {
  static let defaultSteps = 1000

  var seeds: ClosedRange<UInt64> = 1...1
  var steps = defaultSteps
  /// These steps and no others.
  var only: StepSet?
  /// Nil leaves it to the seed, for each process on its own.
  var policy: PlacementPolicy?
  var minimizes = false
  /// The driver in place of the buffer engine.
  var playsDriver = false

  /// The command that runs one seed of this check again.
  func command(seed: UInt64, only: StepSet? = nil) -> String {
    ["bindersim"].joined() + " " + arguments(seed: seed, only: only).joined(separator: " ")
  }

  func arguments(seed: UInt64, only: StepSet? = nil) -> [String] {
    var words = ["check", "--seed", "\(seed)"]
    if playsDriver { words.append("--driver") }
    if let only = only ?? self.only {
      words += ["--only", "\(only)"]
    } else if steps != Self.defaultSteps {
      words += ["--steps", "\(steps)"]
    }
    if let policy { words += ["--policy", policy.name] }
    return words
  }
}
