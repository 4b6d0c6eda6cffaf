/// How a region's buffers are placed and accounted: the way free ranges are searched, and the rules
/// that differ between drivers.
///
/// The named policies answer as released drivers do, to the byte; ``KernelRelease`` finds the one
/// of a kernel. Policies are equal if they do the same.
///
///     let ranges = try RangeAllocator<Void>(length: 1 << 20, policy: .c)
///     let older = PlacementPolicy(name: "c-5.10")    // another of the table
///     var own = PlacementPolicy.c                    // and one with a rule set by hand
///     own.rules.onewayHeader = .charged104           // named c+oneway-header=104
public struct PlacementPolicy: Hashable, Sendable {
  /// How free ranges are kept, chosen, cut and tied.
  public enum Search: UInt8, Hashable, Sendable {
    /// The Rust driver's: a short sorted array while eight or fewer buffers live, then exact best
    /// fit with the lowest offset among equals.
    case rust
    /// The C driver's: best fit over a red-black tree keyed by size alone, so that ties follow the
    /// tree's shape.
    case c
    /// Ours, of no driver: exact best fit, the lowest offset among equals. Where that range is
    /// 8 KiB or longer, the end of a fitting range that needs the fewest new page frames (a
    /// ``FrameMap`` tells; without one all pages count as having theirs), then, for requests beyond
    /// 8 KiB, the fewest idle pages, then the smallest range. It looks at up to 511 ranges then.
    case compact
  }

  /// How free ranges are searched.
  public let search: Search
  /// What else differs between drivers.
  public var rules: DriverRules
  /// The name in the table of what this began as, before rules were set by hand.
  public let base: String

  private init(_ base: String, _ search: Search, _ rules: DriverRules) {
    self.base = base
    self.search = search
    self.rules = rules
  }

  /// Whether both do the same, whatever their names.
  public static func == (a: Self, b: Self) -> Bool { a.search == b.search && a.rules == b.rules }

  /// Of what decides equality.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(search)
    hasher.combine(rules)
  }

  // MARK: the table

  /// The Rust driver's of 6.18.19, 6.19.9 and later.
  public static let rust = Self(
    "rust", .rust,
    DriverRules(onewayHeader: .none, spam: .rustAfter, owner: .early, lru: .allDown))
  /// The Rust driver's of 6.18.0 to 6.18.18 and 6.19.0 to 6.19.8: an older rule of oneway spam.
  public static let rust6180 = Self(
    "rust-6.18.0", .rust,
    DriverRules(onewayHeader: .none, spam: .rustBefore, owner: .early, lru: .allDown))
  /// The C driver's of 6.8 and later.
  public static let c = Self(
    "c", .c, DriverRules(onewayHeader: .none, spam: .latch, owner: .late, lru: .up))
  /// The C driver's of 5.15.148, 6.1.75, 6.6.14 and later of these.
  public static let c61 = Self(
    "c-6.1", .c, DriverRules(onewayHeader: .none, spam: .latch, owner: .early, lru: .down))
  /// The C driver's of 5.15, 6.1 and 6.6 before these; that of public Android trees of 5.4 and of
  /// android12-5.10.
  public static let c515 = Self(
    "c-5.15", .c, DriverRules(onewayHeader: .charged104, spam: .latch, owner: .early, lru: .down))
  /// The C driver's of 5.10.209 and later of it.
  public static let c510209 = Self(
    "c-5.10.209", .c, DriverRules(onewayHeader: .none, spam: .log, owner: .early, lru: .down))
  /// The C driver's of 5.10 before that; that of public Android trees of 4.14.
  public static let c510 = Self(
    "c-5.10", .c, DriverRules(onewayHeader: .charged104, spam: .log, owner: .early, lru: .down))
  /// The C driver's of 4.19.306, 5.4.268 and later of these.
  public static let c419306 = Self(
    "c-4.19.306", .c, DriverRules(onewayHeader: .none, spam: .none, owner: .early, lru: .down))
  /// The C driver's of 4.14, and of 4.19 and 5.4 before these.
  public static let c414 = Self(
    "c-4.14", .c, DriverRules(onewayHeader: .charged96, spam: .none, owner: .early, lru: .down))
  /// The C driver's of android13-5.15, in the tree that was read.
  public static let android13 = Self(
    "c-android13-5.15", .c,
    DriverRules(onewayHeader: .required104, spam: .latch, owner: .early, lru: .down))
  /// The C driver's of android14-6.1, in the tree that was read.
  public static let android14 = Self(
    "c-android14-6.1", .c,
    DriverRules(onewayHeader: .required104, spam: .latch, owner: .late, lru: .up))
  /// Of no driver: looks for places that need few new page frames, and accounts as ``rust``.
  public static let compact = Self("compact", .compact, rust.rules)
}

extension PlacementPolicy: CaseIterable {
  /// The named policies, those of today's kernels first.
  public static let allCases = [
    rust, rust6180, c, c61, c515, c510209, c510, c419306, c414, android13, android14, compact,
  ]

  /// One for each way to search, with the newest rules.
  public static let newest = [rust, c, compact]

  /// The policy of this name, or nil: one of the table, maybe followed by rules set by hand, as in
  /// `c+spam=log+owner=early`.
  public init?(name: String) {
    let parts = name.split(separator: "+", omittingEmptySubsequences: false)
    guard var policy = Self.allCases.first(where: { $0.base == parts[0] }) else { return nil }
    for part in parts.dropFirst() {
      let sides = part.split(separator: "=", omittingEmptySubsequences: false)
      guard sides.count == 2,
        (try? policy.rules.set(String(sides[0]), to: String(sides[1]))) != nil
      else { return nil }
    }
    self = policy
  }

  /// The name used on command lines and in reports: that in the table, and each rule that differs
  /// from it. ``init(name:)`` reads it.
  public var name: String {
    guard let named = Self.allCases.first(where: { $0.base == base }) else { return base }
    return base + rules.differences(from: named.rules)
  }
}

extension PlacementPolicy: CustomStringConvertible {
  public var description: String { name }
}
