/// What released Binder drivers do differently with the same requests, beside where they place them.
///
/// A value is one driver's behaviour; ``PlacementPolicy`` has the named ones, and
/// ``KernelRelease`` finds the one of a kernel. Each rule can be set on its own, in code or by its
/// name as a command line writes it:
///
///     var rules = PlacementPolicy.c.rules
///     rules.onewayHeader = .charged104
///     try rules.set("spam", to: "log")
///     print(rules)  // oneway-header=104 spam=log owner=late lru=up empty-oneway=returns
///
/// Not modelled: 32-bit clients (they round to 4 bytes), regions longer than 4 MiB, and kernels
/// before 4.13, whose header lies inside the region.
public struct DriverRules: Hashable, Sendable {
  /// What a oneway buffer costs of the free oneway space beside its bytes.
  ///
  /// Until January 2024 the driver counted its own record of the buffer as if that lay in the
  /// region; the cost counts in the quarter of the spam rule too.
  public enum OnewayHeader: String, Hashable, Sendable, CaseIterable {
    /// Nothing.
    case none = "0"
    /// 96 bytes, of drivers before 5.10.
    case charged96 = "96"
    /// 104 bytes, of drivers from 5.10 on.
    case charged104 = "104"
    /// Nothing, but 104 bytes more than the buffer takes must be free: some Android trees.
    case required104 = "hybrid"

    /// Bytes that a oneway buffer takes of the free oneway space beside its own.
    public var charged: Int {
      switch self {
      case .charged96: 96
      case .charged104: 104
      case .none, .required104: 0
      }
    }

    /// Bytes of free oneway space that must be there beside its own.
    public var required: Int { self == .required104 ? 104 : charged }
  }

  /// What is done about a sender of many oneway buffers when less than a tenth of the region is
  /// left of the free oneway space: one with more than 50 live ones, or more than a quarter of the
  /// region in them.
  public enum SpamRule: String, Hashable, Sendable, CaseIterable {
    /// Nothing.
    case none
    /// A line in the kernel's log; the sender is not told.
    case log
    /// The sender is told once, and not again until a oneway reservation finds a tenth free. The
    /// log line comes every time.
    case latch
    /// The Rust driver before 6.18.19: the sender is told every time. It is looked for before the
    /// new buffer is entered, which therefore does not count, and never in array mode.
    case rustBefore = "rust-before"
    /// The Rust driver since: told every time, the new buffer counts, array mode is looked at too.
    case rustAfter = "rust-after"
  }

  /// For whom a new buffer counts while spam is looked for, under ``SpamRule/log`` and
  /// ``SpamRule/latch``.
  public enum SpamOwner: String, Hashable, Sendable, CaseIterable {
    /// For its sender.
    case early
    /// For whoever last had its descriptor; for nobody when that was born as the rest of a split,
    /// and where there are no descriptors (``PlacementPolicy/Search/rust``, `compact`).
    case late
  }

  /// In which order the pages that one free leaves idle become so.
  ///
  /// A *seam* page is shared with the free range beside the freed buffer; the others are interior.
  public enum LRUOrder: String, Hashable, Sendable, CaseIterable {
    /// The C driver since 6.8: interior pages upwards, then the right seam, then the left one.
    case up
    /// The C driver before: interior pages downwards, then the right seam, then the left one.
    case down
    /// The Rust driver: all of them downwards.
    case allDown = "all-down"
  }

  /// What becomes of the 8 bytes that a oneway buffer of no bytes takes of the oneway space.
  public enum EmptyOneway: String, Hashable, Sendable, CaseIterable {
    /// They come back when it is freed.
    case returns
    /// They never come back: before 4.14.261, 4.19.224, 5.10.90 and 5.16.
    case leaks
  }

  /// What a oneway buffer costs beside its bytes.
  public var onewayHeader: OnewayHeader
  /// What is done about oneway spam.
  public var spam: SpamRule
  /// For whom a new buffer counts while spam is looked for.
  public var owner: SpamOwner
  /// In which order pages become idle.
  public var lru: LRUOrder
  /// Whether empty oneway buffers leak.
  public var emptyOneway: EmptyOneway

  /// A set of rules.
  public init(
    onewayHeader: OnewayHeader, spam: SpamRule, owner: SpamOwner, lru: LRUOrder,
    emptyOneway: EmptyOneway = .returns
  ) {
    self.onewayHeader = onewayHeader
    self.spam = spam
    self.owner = owner
    self.lru = lru
    self.emptyOneway = emptyOneway
  }
}

// MARK: rules by name

extension DriverRules {
  /// One rule, as a command line names it.
  public struct Rule: Sendable {
    /// As in `oneway-header=104`.
    public let name: String
    /// What it is about, in a few words.
    public let summary: String
    /// What it can be, the usual value of today's kernels first.
    public let values: [String]
    let get: @Sendable (DriverRules) -> String
    let set: @Sendable (inout DriverRules, String) -> Bool

    init<Value: RawRepresentable<String> & CaseIterable & SendableMetatype>(
      _ name: String, _ summary: String,
      _ path: any WritableKeyPath<DriverRules, Value> & Sendable
    ) {
      self.name = name
      self.summary = summary
      values = Value.allCases.map(\.rawValue)
      get = { $0[keyPath: path].rawValue }
      set = { rules, text in
        guard let value = Value(rawValue: text) else { return false }
        rules[keyPath: path] = value
        return true
      }
    }
  }

  /// All rules.
  public static let all = [
    Rule("oneway-header", "bytes that a oneway buffer costs beside its own", \.onewayHeader),
    Rule("spam", "what is done about a sender of many oneway buffers", \.spam),
    Rule("owner", "for whom a new buffer counts while spam is looked for", \.owner),
    Rule("lru", "in which order the pages of one free become idle", \.lru),
    Rule("empty-oneway", "whether a oneway of no bytes gives its 8 bytes back", \.emptyOneway),
  ]

  /// The value of each rule by name.
  public var values: [(name: String, value: String)] {
    Self.all.map { ($0.name, $0.get(self)) }
  }

  /// The rules that differ from others, as names of policies have them: `+spam=log+owner=early`.
  public func differences(from other: DriverRules) -> String {
    zip(values, other.values).reduce("") { text, pair in
      pair.0.value == pair.1.value ? text : "\(text)+\(pair.0.name)=\(pair.0.value)"
    }
  }

  /// Sets one rule by its name.
  ///
  /// - Throws: ``RuleError`` for a rule or a value that does not exist; nothing has changed then.
  public mutating func set(_ name: String, to value: String) throws(RuleError) {
    guard let rule = Self.all.first(where: { $0.name == name }) else {
      throw .unknownRule(name)
    }
    guard rule.set(&self, value) else {
      throw .unknownValue(value, rule: name, known: rule.values)
    }
  }
}

extension DriverRules: CustomStringConvertible {
  public var description: String {
    values.map { "\($0.name)=\($0.value)" }.joined(separator: " ")
  }
}

/// A rule that does not exist, or a value that it cannot have.
public enum RuleError: Error, Equatable, Sendable {
  /// No rule has this name.
  case unknownRule(String)
  /// The rule has other values.
  case unknownValue(String, rule: String, known: [String])
}

extension RuleError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unknownRule(let name):
      "there is no rule '\(name)'; known are "
        + DriverRules.all.map(\.name).joined(separator: ", ")
    case .unknownValue(let value, let rule, let known):
      "rule \(rule) cannot be '\(value)'; it is one of \(known.joined(separator: ", "))"
    }
  }
}
