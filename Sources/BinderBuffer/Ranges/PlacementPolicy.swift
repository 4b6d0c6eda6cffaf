/// The rule by which a region's free ranges are chosen, cut and tied.
public enum PlacementPolicy: Hashable, Sendable, CaseIterable {
  /// The Rust driver's (6.18.19, 6.19.9 and later): a short sorted array while eight or fewer
  /// buffers live, then exact best fit with the lowest offset among equals.
  case rust
  /// The Rust driver's before (6.18.0 to 6.18.18, 6.19.0 to 6.19.8): places as ``rust``; oneway spam
  /// is looked for before the new buffer counts, and never among eight or fewer buffers.
  case rust6180
  /// The C driver's (6.8 and later): best fit over a red-black tree keyed by size alone, so that
  /// ties follow the tree's shape.
  case c
  /// The C driver's before 6.8: places as ``c``; one rule of oneway spam detection differs.
  case c61
  /// Ours, of no driver: exact best fit, the lowest offset among equals. Where that range is 8 KiB or
  /// longer, the end of a fitting range that needs the fewest new page frames (a ``FrameMap`` tells;
  /// without one all pages count as having theirs), then, for requests beyond 8 KiB, the fewest idle
  /// pages, then the smallest range. It looks at up to 511 ranges then. Oneway spam is looked for as
  /// under ``rust``.
  case compact

  /// The name used on command lines and in reports.
  public var name: String {
    switch self {
    case .rust: "rust"
    case .rust6180: "rust-6.18.0"
    case .c: "c"
    case .c61: "c-6.1"
    case .compact: "compact"
    }
  }

  /// Whether free ranges are indexed by size and address, not by the C driver's tree.
  var isBestFitByAddress: Bool { self != .c && self != .c61 }

  /// The policy of this name, or nil.
  public init?(name: String) {
    guard let policy = Self.allCases.first(where: { $0.name == name }) else { return nil }
    self = policy
  }
}

extension PlacementPolicy: CustomStringConvertible {
  public var description: String { name }
}
