/// Which kernel's driver has which rules.
///
/// Read in the sources of released kernels and of public Android trees, or seen in recordings;
/// *inferred* where it says so.
extension KernelRelease {
  /// The rules of this kernel's driver.
  ///
  /// - Throws: ``KernelError/tooOld(_:)`` before 4.13, ``KernelError/noRustDriver(_:)``.
  public func policy(of driver: BinderDriver = .c) throws(KernelError) -> KernelChoice {
    if driver == .rust { return try rustChoice() }
    guard version >= KernelVersion(4, 13) else { throw .tooOld(text) }
    if let choice = androidChoice() { return choice }
    let row = Self.mainline.last { $0.from <= version }!
    let policy = atThisPoint(row.policy)
    var alternatives: [KernelChoice.Alternative] = []
    if point == nil, let first = firstOfLine, first != row.policy {
      alternatives.append(.init(policy: first, condition: "in its first point releases"))
    }
    if let phone = phonesOwn {
      alternatives.append(
        .init(policy: atThisPoint(phone), condition: "if it is a phone's own kernel"))
    }
    return KernelChoice(
      policy: policy, reason: "\(text): \(row.words)" + unknownPoint, isInferred: row.isInferred,
      alternatives: alternatives)
  }

  /// A kernel from which on, up to the next row, these are the rules.
  private struct Row {
    let from: KernelVersion
    let policy: PlacementPolicy
    let words: String
    let isInferred: Bool

    init(_ from: KernelVersion, _ policy: PlacementPolicy, _ words: String) {
      self.from = from
      self.policy = policy
      self.words = words
      isInferred = false
    }

    init(_ from: KernelVersion, _ policy: PlacementPolicy, inferred words: String) {
      self.from = from
      self.policy = policy
      self.words = words + " (inferred)"
      isInferred = true
    }
  }

  /// The C driver of mainline and stable kernels.
  private static let mainline: [Row] = [
    Row(KernelVersion(4, 13), .c414, inferred: "as 4.14"),
    Row(KernelVersion(4, 14), .c414, "the C driver of 4.14, which never had the fix of 2024"),
    Row(KernelVersion(4, 15), .c414, inferred: "between 4.14 and 4.19"),
    Row(KernelVersion(4, 19), .c414, "the C driver of 4.19 before 4.19.306"),
    Row(KernelVersion(4, 19, 306), .c419306, "the C driver of 4.19.306 and later"),
    Row(KernelVersion(4, 20), .c414, inferred: "between 4.19 and 5.4"),
    Row(KernelVersion(5, 4), .c414, "the C driver of 5.4 before 5.4.268"),
    Row(KernelVersion(5, 4, 268), .c419306, "the C driver of 5.4.268 and later"),
    Row(KernelVersion(5, 5), .c414, inferred: "after 5.4, before the spam log line of 5.10"),
    Row(KernelVersion(5, 10), .c510, "the C driver of 5.10 before 5.10.209"),
    Row(KernelVersion(5, 10, 209), .c510209, "the C driver of 5.10.209 and later"),
    Row(KernelVersion(5, 11), .c510, inferred: "after 5.10, before the spam flag of 5.14"),
    Row(KernelVersion(5, 14), .c515, inferred: "since the spam flag of 5.14, before 6.1"),
    Row(KernelVersion(5, 15), .c515, inferred: "the C driver of 5.15 before 5.15.148"),
    Row(KernelVersion(5, 15, 148), .c61, "the C driver of 5.15.148 and later"),
    Row(KernelVersion(5, 16), .c515, inferred: "between 5.15 and 6.1"),
    Row(KernelVersion(6, 1), .c515, "the C driver of 6.1 before 6.1.75"),
    Row(KernelVersion(6, 1, 75), .c61, "the C driver of 6.1.75 and later"),
    Row(KernelVersion(6, 2), .c515, inferred: "between 6.1 and 6.6"),
    Row(KernelVersion(6, 6), .c515, "the C driver of 6.6 before 6.6.14"),
    Row(KernelVersion(6, 6, 14), .c61, "the C driver of 6.6.14 and later"),
    Row(KernelVersion(6, 7), .c515, inferred: "after 6.6, before the fix of January 2024"),
    Row(KernelVersion(6, 7, 2), .c61, inferred: "after 6.6, with the fix of January 2024"),
    Row(KernelVersion(6, 8), .c, "the C driver of 6.8 and later"),
  ]

  private var unknownPoint: String {
    guard point == nil else { return "" }
    return firstOfLine == nil ? "" : ", its point release being unknown"
  }

  /// What the first point release of this line does, where the rules changed within the line.
  private var firstOfLine: PlacementPolicy? {
    let first = KernelVersion(major, minor)
    guard let row = Self.mainline.last(where: { $0.from <= first }),
      Self.mainline.contains(where: { $0.from > first && $0.from < version })
    else { return nil }
    return row.policy
  }

  /// Before fixes of January 2022. Those of 5.4 and 5.15 are inferred from the day of their release.
  private var leaksEmptyOneway: Bool {
    let fixes = [
      KernelVersion(4, 14, 261), KernelVersion(4, 19, 224), KernelVersion(5, 4, 170),
      KernelVersion(5, 10, 90), KernelVersion(5, 15, 13),
    ]
    if let fix = fixes.first(where: { ($0.major, $0.minor) == (major, minor) }) {
      return version < fix
    }
    return version < KernelVersion(5, 16)
  }

  /// A policy of the table, with what point releases mended since.
  private func atThisPoint(_ policy: PlacementPolicy) -> PlacementPolicy {
    var policy = policy
    if leaksEmptyOneway { policy.rules.emptyOneway = .leaks }
    return policy
  }

  // MARK: Android

  /// The rules of a phone's tree, where its release says that it is one.
  private func androidChoice() -> KernelChoice? {
    guard tree != .mainline, tree != .distribution else { return nil }
    func choice(
      _ policy: PlacementPolicy, _ words: String, inferred: Bool = false,
      or alternatives: [(PlacementPolicy, String)] = []
    ) -> KernelChoice {
      KernelChoice(
        policy: atThisPoint(policy),
        reason: "\(text): \(words)" + (inferred ? " (inferred)" : ""),
        isInferred: inferred,
        alternatives: alternatives.map { .init(policy: atThisPoint($0), condition: $1) })
    }
    switch (major, minor) {
    case (4, 14): return choice(.c510, "as in a public 4.14 phone tree (msm)")
    case (4, 19):
      return choice(
        .c510, "between the public phone trees of 4.14 and 5.4", inferred: true,
        or: [(.c515, "if it tells spammers, as that of 5.4")])
    case (5, 4): return choice(.c515, "as in a public 5.4 phone tree (sm8350)")
    case (5, 10):
      let (older, newer) = ("as an older tree does (sm8450)", "as a newer tree does (mt6895)")
      let name = "android12-5.10 is not one behaviour"
      return version < KernelVersion(5, 10, 209)
        ? choice(
          .c515, "\(name): before 5.10.209 taken \(older)", inferred: true, or: [(.c, newer)])
        : choice(.c, "\(name): from 5.10.209 taken \(newer)", inferred: true, or: [(.c515, older)])
    case (5, 15):
      return choice(
        .android13, "as in a public android13-5.15 tree (sm8550)", inferred: tree != .android(13))
    case (6, 1):
      return choice(
        .android14, "as in a public android14-6.1 tree (sm8650)", inferred: tree != .android(14),
        or: [(.c, "as GrapheneOS's 6.1")])
    case (6, 6):
      return choice(
        .c, "as GrapheneOS's 6.6", inferred: true,
        or: [(.android14, "as the android14-6.1 tree before it")])
    case (6, 12): return choice(.c, "the C driver of android16-6.12, its default")
    default: return nil
    }
  }

  /// What a phone's tree of this line does, where a bare release may be one's.
  private var phonesOwn: PlacementPolicy? {
    guard tree == .mainline, text.contains(where: { "-+".contains($0) }) else { return nil }
    return switch (major, minor) {
    case (4, 14), (4, 19): .c510
    case (5, 4), (5, 10): .c515
    case (5, 15): .android13
    case (6, 1): .android14
    default: nil
    }
  }

  // MARK: the Rust driver

  private func rustChoice() throws(KernelError) -> KernelChoice {
    let isAndroid = tree == .android(16) && (major, minor) == (6, 12)
    guard isAndroid || version >= KernelVersion(6, 18) else { throw .noRustDriver(text) }
    let isOld =
      !isAndroid
      && (version < KernelVersion(6, 18, 19)
        || version >= KernelVersion(6, 19) && version < KernelVersion(6, 19, 9))
    let words =
      isAndroid
      ? "the Rust driver of android16-6.12"
      : "the Rust driver \(isOld ? "before" : "since") 6.18.19 and 6.19.9"
    return KernelChoice(
      policy: isOld ? .rust6180 : .rust, reason: "\(text): \(words)", isInferred: false,
      alternatives: point == nil && version < KernelVersion(6, 20)
        ? [.init(policy: .rust6180, condition: "before its point release 19 (6.19: 9)")] : [])
  }
}
