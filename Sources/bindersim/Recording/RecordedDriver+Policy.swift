internal import BinderBuffer

extension RecordedDriver {
  /// The driver whose answers a policy gives: `c 6.12`, `c 5.10.208+lru=up`, `compact 1`.
  ///
  /// - Parameter kernel: the kernel that the policy is of, when it was chosen by one.
  init(policy: PlacementPolicy, kernel: KernelRelease? = nil) {
    if let kernel, let driver = BinderDriver(rawValue: policy.search == .rust ? "rust" : "c"),
      let theirs = try? kernel.policy(of: driver).policy
    {
      self.init(
        name: driver.rawValue,
        version: kernel.text + policy.rules.differences(from: theirs.rules))
      return
    }
    let byHand = policy.name.dropFirst(policy.base.count)
    let driver: (name: String, version: String) =
      switch policy.base {
      case "rust": ("rust", "6.18.19")
      case "rust-6.18.0": ("rust", "6.18.0")
      case "c": ("c", "6.12")
      case "c-6.1": ("c", "6.1")
      case "c-5.15": ("c", "6.1.0")
      case "c-5.10.209": ("c", "5.10.209")
      case "c-5.10": ("c", "5.10.208")
      case "c-4.19.306": ("c", "4.19.306")
      case "c-4.14": ("c", "4.14.336")
      case "c-android13-5.15": ("c", "5.15.148-android13")
      case "c-android14-6.1": ("c", "6.1.0-android14")
      default: (policy.base, "1")
      }
    self.init(name: driver.name, version: driver.version + byHand)
  }

  /// The policy that answers as this driver did.
  ///
  /// The version is a kernel's release, maybe followed by rules set by hand.
  ///
  /// - Throws: `RecordingFault` for a driver or a version that is not modelled.
  func policy() throws(RecordingFault) -> PlacementPolicy {
    let (release, byHand) = parts
    var policy: PlacementPolicy
    if let driver = BinderDriver(rawValue: name) {
      do throws(KernelError) {
        policy = try KernelRelease(release).policy(of: driver).policy
      } catch {
        throw RecordingFault("driver \(name) \(version) is not modelled: \(error)")
      }
    } else if let named = PlacementPolicy(name: name) {
      policy = named
    } else {
      throw RecordingFault(
        "driver \(name) \(version) is not modelled; known are c and rust, with a kernel's release, "
          + "and the names of policies")
    }
    for rule in byHand {
      do throws(RuleError) {
        try policy.rules.set(rule.name, to: rule.value)
      } catch {
        throw RecordingFault("driver \(name) \(version): \(error)")
      }
    }
    return policy
  }

  /// The release, and the rules behind it. A release may itself end in `+`.
  private var parts: (release: String, rules: [RuleSetting]) {
    var parts = version.split(separator: "+", omittingEmptySubsequences: false)
    var rules: [RuleSetting] = []
    while parts.count > 1, let last = parts.last, last.contains("=") {
      let sides = last.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      rules.insert(RuleSetting(name: String(sides[0]), value: String(sides[1])), at: 0)
      parts.removeLast()
    }
    return (parts.joined(separator: "+"), rules)
  }

  /// The Rust driver keeps no high watermark.
  var keepsHighWatermark: Bool { name != "rust" }
}
