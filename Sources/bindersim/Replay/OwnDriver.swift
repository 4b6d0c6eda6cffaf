internal import BinderBuffer

/// The rules that the driver of a capture, or of other evidence, had: by the kernel that was given,
/// else by the one that the files tell.
struct OwnDriver {
  private(set) var policy: PlacementPolicy
  /// In words, without a full stop.
  private(set) var reason: String
  /// The kernel that the policy is of, where one is known and modelled.
  private(set) var kernel: KernelRelease?
  /// Why the kernel's own rules are not taken.
  private(set) var notModelled: KernelError?

  init(_ facts: CaptureFacts, _ options: ReplayOptions) {
    let driver: BinderDriver = facts.driver.family == .rust ? .rust : .c
    policy = driver == .rust ? .rust : .c
    reason =
      facts.driver.family == nil
      ? "c: nothing tells the driver"
      : "\(driver.rawValue), the capture's own driver: \(facts.driver.text)"
    if let given = options.kernel {
      take(given, "as given", driver)
    } else if let reported = facts.kernel {
      take(reported.release, reported.source.text, driver)
    } else if let told = options.toldKernel {
      take(told.release, told.source, driver)
    }
    set(options.rules)
  }

  /// Of logs and dumps; nil where nothing tells the kernel or its rules.
  init?(_ evidence: Evidence, _ options: ReplayOptions) {
    let driver = evidence.driver ?? .c
    policy = driver == .rust ? .rust : .c
    reason = "the \(driver == .rust ? "Rust" : "C") driver"
    if let given = options.kernel {
      take(given, "as given", driver)
    } else if let told = evidence.kernels.first {
      take(told, "as the files tell", driver)
    } else if options.rules.isEmpty {
      return nil
    }
    set(options.rules)
  }

  private mutating func take(_ release: String, _ told: String, _ driver: BinderDriver) {
    reason += "; kernel \(release) (\(told))"
    do throws(KernelError) {
      let release = try KernelRelease(release)
      let choice = try release.policy(of: driver)
      policy = choice.policy
      kernel = release
      reason += "; rules \(policy.name), of \(choice)"
    } catch {
      notModelled = error
      reason += "; \(error); the newest rules are taken"
    }
  }

  private mutating func set(_ rules: [RuleSetting]) {
    for rule in rules {
      // INVARIANT: the command line's parser has set it before.
      try? policy.rules.set(rule.name, to: rule.value)
      reason += "; \(rule.name)=\(rule.value) set by hand"
    }
  }
}
