/// Two things that must agree and do not: a defect in the engine.
///
/// Thrown by the checks that tests, `bindersim check` and `bindersim soak` share
/// (`RangeAllocator.checkInvariants`, `BinderProcess.checkInvariants`, `Context.checkInvariants`).
public struct InvariantViolation: Error, Equatable, Sendable {
  /// The rule, as a sentence that ought to hold.
  public let invariant: String
  /// What one side says.
  public let expected: String
  /// What the other side says.
  public let found: String

  /// Makes a violation of `invariant`, with what either side says.
  public init(_ invariant: String, expected: String, found: String) {
    self.invariant = invariant
    self.expected = expected
    self.found = found
  }

  /// A contradiction within the tables of a range allocator.
  init(description: String) {
    self.init(
      "ranges tile the region, no two neighbours are free, index and ranges agree",
      expected: "no contradiction", found: description)
  }
}

extension InvariantViolation: CustomStringConvertible {
  public var description: String { "\(invariant): expected \(expected), found \(found)" }
}
