internal import BinderBuffer

/// Which driver's rules the engine follows: `--policy`, `--kernel` and `--rule` of every command
/// that runs it.
enum RuleOptions {
  static let kernel = Option(
    optional: "kernel", short: "k", .kernelRelease,
    help: "the rules of this kernel's driver: what uname -r prints, like 6.1.90 or "
      + "5.10.149-android12-9; --policy rust means its Rust driver, else its C driver")

  static let rules = Option(
    "rule", .rules, default: [],
    help: "rules set by hand, like oneway-header=104,spam=log (see 'bindersim help rules')")

  static let descriptions = [kernel.description, rules.description]

  /// The policy asked for.
  static func policy(from arguments: Arguments) throws(CommandError) -> ChosenPolicy {
    let policy = EngineOptions.policy
    return try choose(
      arguments.has(policy) ? arguments[policy] : nil, arguments[kernel], arguments[rules])
  }

  /// The same where a seed may draw one: nil when nothing was asked for.
  static func policy(
    from arguments: Arguments, _ policy: Option<PlacementPolicy?>
  ) throws(CommandError) -> PlacementPolicy? {
    guard arguments.has(policy) || arguments.has(kernel) || arguments.has(rules) else { return nil }
    return try choose(arguments[policy], arguments[kernel], arguments[rules]).policy
  }

  /// The policies asked for, of which each is that of the kernel, with the rules set by hand.
  ///
  /// - Parameter policies: Empty when none was given.
  static func policies(
    _ policies: [PlacementPolicy], _ kernel: KernelRelease?, _ rules: [RuleSetting]
  ) throws(CommandError) -> [ChosenPolicy] {
    guard !policies.isEmpty else { return [try choose(nil, kernel, rules)] }
    var chosen: [ChosenPolicy] = []
    for policy in policies { chosen.append(try choose(policy, kernel, rules)) }
    return chosen
  }

  /// - Parameter policy: Nil when none was given.
  static func choose(
    _ policy: PlacementPolicy?, _ kernel: KernelRelease?, _ rules: [RuleSetting]
  ) throws(CommandError) -> ChosenPolicy {
    var chosen: ChosenPolicy
    if let kernel {
      chosen = try choose(policy, of: kernel)
    } else {
      let policy = policy ?? .rust
      chosen = ChosenPolicy(policy: policy, reason: policy.meaning)
    }
    guard !rules.isEmpty else { return chosen }
    for rule in rules {
      do throws(RuleError) {
        try chosen.policy.rules.set(rule.name, to: rule.value)
      } catch {
        throw .usage("--rule: \(error)", hint: nil)
      }
    }
    let byHand = rules.map { "\($0.name)=\($0.value)" }.joined(separator: ", ")
    chosen.reason += "; \(byHand) set by hand"
    return chosen
  }

  private static func choose(
    _ policy: PlacementPolicy?, of kernel: KernelRelease
  ) throws(CommandError) -> ChosenPolicy {
    let driver: BinderDriver
    switch policy {
    case nil, PlacementPolicy.c: driver = .c
    case PlacementPolicy.rust: driver = .rust
    case let policy?:
      throw .usage(
        "--kernel chooses among the rules of a driver: with it --policy is c or rust, not "
          + policy.name, hint: nil)
    }
    do throws(KernelError) {
      let choice = try kernel.policy(of: driver)
      return ChosenPolicy(policy: choice.policy, reason: choice.description)
    } catch {
      throw .usage("--kernel: \(error)", hint: nil)
    }
  }
}

/// A policy, and why it is this one.
struct ChosenPolicy: Sendable {
  var policy: PlacementPolicy
  /// In words, without a full stop.
  var reason: String

  init(policy: PlacementPolicy, reason: String) {
    self.policy = policy
    self.reason = reason
  }

  /// One that nobody had to choose.
  init(_ policy: PlacementPolicy) { self.init(policy: policy, reason: policy.meaning) }

  /// As a report for programs has it.
  var report: RuleReport { RuleReport(self) }
}

/// The rules that a result followed, for programs.
struct RuleReport: Codable, Equatable, Sendable {
  /// By the names that `--rule` takes.
  var values: [String: String]
  var reason: String

  init(_ chosen: ChosenPolicy) {
    values = Dictionary(
      uniqueKeysWithValues: chosen.policy.rules.values.map { ($0.name, $0.value) })
    reason = chosen.reason
  }

  /// As a report for people has it: the rules, then why these.
  func text(for terminal: Terminal) -> String { text(columns: min(96, terminal.columns)) }

  /// The same where no terminal is known.
  var text: String { text(columns: 96) }

  private func text(columns: Int) -> String {
    let names = DriverRules.all.map(\.name)
    let rules = names.map { "\($0)=\(values[$0] ?? "")" }.joined(separator: " ")
    return Table.wrapped("rules \(rules)", in: columns, indent: "    ")
      + Table.wrapped("  of \(reason)", in: columns, indent: "  ")
  }
}

/// A rule set by hand: `spam=log`.
struct RuleSetting: Equatable, Sendable {
  var name: String
  var value: String
}

extension PlacementPolicy {
  /// What a policy of the table is, in a few words.
  var meaning: String {
    switch base {
    case "rust": "the Rust driver of 6.18.19, 6.19.9 and later"
    case "rust-6.18.0": "the Rust driver of 6.18.0 to 6.18.18 and 6.19.0 to 6.19.8"
    case "c": "the C driver of 6.8 and later"
    case "c-6.1": "the C driver of 5.15.148, 6.1.75, 6.6.14 and later of these"
    case "c-5.15": "the C driver of 5.15, 6.1 and 6.6 before these; Android's of 5.4 and 5.10"
    case "c-5.10.209": "the C driver of 5.10.209 and later of it"
    case "c-5.10": "the C driver of 5.10 before that; Android's of 4.14"
    case "c-4.19.306": "the C driver of 4.19.306, 5.4.268 and later of these"
    case "c-4.14": "the C driver of 4.14, and of 4.19 and 5.4 before these"
    case "c-android13-5.15": "the C driver of android13-5.15"
    case "c-android14-6.1": "the C driver of android14-6.1"
    default: "no driver: best fit that looks for places which need few new page frames"
    }
  }
}

extension ValueSyntax<KernelRelease> {
  /// What `uname -r` prints.
  static var kernelRelease: Self {
    Self("RELEASE", accepted: "a kernel release, like 6.1.90 or 5.10.149-android12-9") {
      try? KernelRelease($0)
    }
  }
}

extension ValueSyntax<[RuleSetting]> {
  /// `NAME=VALUE`, separated by commas.
  static var rules: Self {
    Self(
      "NAME=VALUE,…",
      accepted: DriverRules.all.map { "\($0.name)=\($0.values.joined(separator: "|"))" }
        .joined(separator: ", ")
    ) { text in
      var settings: [RuleSetting] = []
      for part in text.split(separator: ",", omittingEmptySubsequences: false) {
        let sides = part.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
        var scratch = PlacementPolicy.c.rules
        guard sides.count == 2, (try? scratch.set(sides[0], to: sides[1])) != nil else {
          return nil
        }
        settings.append(RuleSetting(name: sides[0], value: sides[1]))
      }
      return settings
    }
  }
}
