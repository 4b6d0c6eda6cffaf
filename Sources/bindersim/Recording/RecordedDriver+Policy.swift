internal import BinderBuffer

extension RecordedDriver {
  /// The driver whose answers a policy gives.
  init(policy: PlacementPolicy) {
    if policy == .rust {
      self.init(name: "rust", version: "6.18")
    } else if policy == .c {
      self.init(name: "c", version: "6.12")
    } else if policy == .c61 {
      self.init(name: "c", version: "6.1")
    } else {
      self.init(name: policy.name, version: "1")
    }
  }

  /// The policy that answers as this driver did; nil for one that is not modelled.
  var policy: PlacementPolicy? {
    let numbers = version.split(separator: ".").compactMap { Int($0) }
    switch name {
    case "rust":
      // Later ones report spam in array mode too.
      return numbers.starts(with: [6, 18]) ? .rust : nil
    case "c":
      guard let major = numbers.first, numbers.count >= 2 else { return nil }
      // Since 6.8 the new buffer's owner is not known yet when spam is looked for.
      return major > 6 || major == 6 && numbers[1] >= 8 ? .c : .c61
    default:
      return PlacementPolicy(name: name)
    }
  }

  /// The Rust driver keeps no high watermark.
  var keepsHighWatermark: Bool { name != "rust" }
}
