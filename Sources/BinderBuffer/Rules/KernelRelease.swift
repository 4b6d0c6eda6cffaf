/// A kernel's release, as `uname -r` prints it: `6.1.90`, `5.10.149-android12-9`,
/// `4.14.190-perf+`.
///
/// It tells which rules the kernel's Binder driver has, as far as that is known:
///
///     let kernel = try KernelRelease("5.10.149-android12-9")
///     let choice = try kernel.policy(of: .c)
///     print(choice.policy)        // c-5.15
///     print(choice.reason)        // why, in words
///     print(choice.alternatives)  // what else a tree of that name does
public struct KernelRelease: Hashable, Sendable {
  /// Whose kernel it is, as far as the release says.
  public enum Tree: Hashable, Sendable {
    /// Nothing but the version, or what whoever built it added.
    case mainline
    /// Android's common kernel of that version of Android.
    case android(Int)
    /// A phone's, of a vendor's own tree: `-perf`, `-qgki`, a build of Samsung's.
    case phone
    /// A distribution's whose release does not tell the point release: `6.1.0-37-amd64`.
    case distribution
  }

  /// The release as it was given.
  public let text: String
  /// The first number of the version.
  public let major: Int
  /// The second number of the version.
  public let minor: Int
  /// The point release; nil where the release does not tell it, as `6.1` or a distribution's.
  public let point: Int?
  /// Whose kernel it is.
  public let tree: Tree

  /// Reads a release.
  ///
  /// - Throws: ``KernelError/notARelease(_:)`` for what begins with no version.
  public init(_ text: String) throws(KernelError) {
    self.text = text
    var digits = text.utf8[...]
    guard let major = Self.number(&digits), Self.skip(".", &digits),
      let minor = Self.number(&digits)
    else { throw .notARelease(text) }
    self.major = major
    self.minor = minor
    var point: Int?
    if digits.first == UInt8(ascii: ".") {
      _ = Self.skip(".", &digits)
      point = Self.number(&digits)
      if point == nil { throw .notARelease(text) }
    }
    // A version ends here; `6.1a` and `6.1.2.3` are none.
    guard digits.first.map({ [UInt8(ascii: "-"), UInt8(ascii: "+")].contains($0) }) ?? true else {
      throw .notARelease(text)
    }
    let parts = String(Substring(digits)).split { "-+".contains($0) }.map(String.init)
    tree = Self.tree(parts)
    self.point = tree == .distribution && point == 0 ? nil : point
  }

  private static func tree(_ parts: [String]) -> Tree {
    for part in parts where part.hasPrefix("android") {
      if let version = Int(part.dropFirst("android".count)) { return .android(version) }
      return .phone
    }
    let isPhone = parts.contains {
      ["perf", "qgki", "gki", "android"].contains($0)
        || $0.hasPrefix("ab") && $0.dropFirst(2).first?.isUppercase == true
    }
    if isPhone { return .phone }
    // `-37-amd64`, `-91-generic`: a number of the distribution's own, then a flavour.
    if parts.count >= 2, Int(parts[0]) != nil, parts[1].allSatisfy({ $0.isLetter || $0.isNumber }),
      parts[1].first?.isLetter == true
    {
      return .distribution
    }
    return .mainline
  }

  /// Takes a number of up to six digits off the front.
  private static func number(_ text: inout Substring.UTF8View) -> Int? {
    var value: Int?
    var count = 0
    while let byte = text.first, UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte, count < 6 {
      value = (value ?? 0) * 10 + Int(byte - UInt8(ascii: "0"))
      text.removeFirst()
      count += 1
    }
    return value
  }

  private static func skip(_ character: Unicode.Scalar, _ text: inout Substring.UTF8View) -> Bool {
    guard text.first == UInt8(ascii: character) else { return false }
    text.removeFirst()
    return true
  }

  /// The version as numbers that compare: an unknown point release is the last of its line.
  var version: KernelVersion { KernelVersion(major, minor, point ?? .max) }
  /// The version without its point release: `5.10`.
  var line: String { "\(major).\(minor)" }
}

extension KernelRelease: CustomStringConvertible {
  public var description: String { text }
}

/// A version that compares number by number.
struct KernelVersion: Comparable {
  let major: Int
  let minor: Int
  let point: Int

  init(_ major: Int, _ minor: Int, _ point: Int = 0) {
    self.major = major
    self.minor = minor
    self.point = point
  }

  static func < (a: Self, b: Self) -> Bool {
    (a.major, a.minor, a.point) < (b.major, b.minor, b.point)
  }
}

/// Which of the two Binder drivers.
public enum BinderDriver: String, Hashable, Sendable, CaseIterable {
  /// The C driver: `drivers/android/binder.c`.
  case c
  /// The Rust driver: in mainline since 6.18, in android16-6.12 with `binder.impl=rust`.
  case rust
}

/// The rules of a kernel's driver, and why these.
public struct KernelChoice: Sendable {
  /// Rules that another tree or point release of the same name has.
  public struct Alternative: Sendable {
    /// The rules.
    public let policy: PlacementPolicy
    /// When it is these, completing "or …".
    public let condition: String
  }

  /// The rules.
  public let policy: PlacementPolicy
  /// Why these: a sentence without its full stop.
  public let reason: String
  /// Whether they are concluded from neighbouring kernels, which were read; else this one was.
  public let isInferred: Bool
  /// What else a kernel of this release may do; pass its name as a policy to choose it.
  public let alternatives: [Alternative]
}

extension KernelChoice: CustomStringConvertible {
  /// The reason and the alternatives, as a report prints them.
  public var description: String {
    alternatives.reduce(reason) { "\($0); or \($1.policy.name) \($1.condition)" }
  }
}

/// Why there are no rules for a kernel.
public enum KernelError: Error, Equatable, Sendable {
  /// This is no release as `uname -r` prints it.
  case notARelease(String)
  /// A kernel whose placement is not modelled.
  case tooOld(String)
  /// A kernel without the Rust driver.
  case noRustDriver(String)
}

extension KernelError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .notARelease(let text):
      "'\(text)' is no kernel release; expected what uname -r prints, like 6.1.90 or "
        + "5.10.149-android12-9"
    case .tooOld(let text):
      "kernel \(text) is not modelled: before 4.13 the driver kept a header inside the region for "
        + "each buffer, so that every place differs"
    case .noRustDriver(let text):
      "kernel \(text) has no Rust driver: it came with 6.18, and with android16-6.12"
    }
  }
}
