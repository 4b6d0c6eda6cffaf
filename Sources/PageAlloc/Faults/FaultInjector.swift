internal import Synchronization

/// Makes chosen steps fail, the same ones in every run.
///
/// Each step that can fail asks the injector first. The injector numbers the questions from 1, in
/// the order in which they come, and its plan decides by that number alone. To see every failure
/// of an operation, run it with `nth(1)`, then with `nth(2)`, until `injected` stays 0.
///
///     let faults = FaultInjector.nth(3)
///     let arena = try PageArena(pageCount: 16, faults: faults)   // asks three times: throws
///
/// Safe to share between threads; then the numbers are as deterministic as the threads are.
public final class FaultInjector: Sendable {
  private enum Plan: Sendable {
    case never
    case nth(Int)
    case every(Int)
    case seeded(UInt64, perMillion: Int)
  }

  private let plan: Plan
  private let mask: UInt32
  private let asked = Atomic<Int>(0)
  private let failed = Atomic<Int>(0)

  private init(_ plan: Plan, _ points: Set<FaultPoint>) {
    self.plan = plan
    mask = points.reduce(0) { $0 | $1.bit }
  }

  /// All points at which a fault can be injected.
  public static var allPoints: Set<FaultPoint> { Set(FaultPoint.allCases) }

  /// Nothing fails; the steps are counted.
  public static func never(points: Set<FaultPoint> = allPoints) -> FaultInjector {
    FaultInjector(.never, points)
  }

  /// Only the `n`th step at one of `points` fails, counted from 1.
  public static func nth(_ n: Int, points: Set<FaultPoint> = allPoints) -> FaultInjector {
    FaultInjector(.nth(n), points)
  }

  /// The `n`th step at one of `points` fails, and each `n`th after it. Nothing fails if `n < 1`.
  public static func every(_ n: Int, points: Set<FaultPoint> = allPoints) -> FaultInjector {
    FaultInjector(n < 1 ? .never : .every(n), points)
  }

  /// Each step at one of `points` fails with a chance of `perMillion` in a million.
  public static func seeded(
    _ seed: UInt64, perMillion: Int, points: Set<FaultPoint> = allPoints
  ) -> FaultInjector {
    FaultInjector(.seeded(seed, perMillion: perMillion), points)
  }

  /// Steps at the chosen points so far.
  public var checks: Int { asked.load(ordering: .relaxed) }

  /// Faults injected so far.
  public var injected: Int { failed.load(ordering: .relaxed) }

  /// True if the step that the caller is about to take shall fail. O(1), allocates nothing.
  @usableFromInline
  package func check(_ point: FaultPoint) -> Bool {
    guard mask & point.bit != 0 else { return false }
    let number = asked.add(1, ordering: .relaxed).newValue
    let fails =
      switch plan {
      case .never: false
      case .nth(let n): number == n
      case .every(let n): number.isMultiple(of: n)
      case .seeded(let seed, let perMillion):
        Self.hash(seed, number) % 1_000_000 < UInt64(clamping: perMillion)
      }
    if fails { failed.add(1, ordering: .relaxed) }
    return fails
  }

  /// The `number`th output of the SplitMix64 generator that starts at `seed`.
  private static func hash(_ seed: UInt64, _ number: Int) -> UInt64 {
    var z = seed &+ UInt64(truncatingIfNeeded: number) &* 0x9e37_79b9_7f4a_7c15
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
