internal import BinderBuffer

extension RecordedDriver {
  /// The driver whose answers a policy gives.
  init(policy: PlacementPolicy) {
    if policy == .rust {
      self.init(name: "rust", version: "6.18.19")
    } else if policy == .rust6180 {
      self.init(name: "rust", version: "6.18.0")
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
      guard let major = numbers.first, numbers.count >= 2 else { return nil }
      let (minor, patch) = (numbers[1], numbers.count > 2 ? numbers[2] : 0)
      // 6.18.19 and 6.19.9 changed when spam is looked for.
      if major > 6 || major == 6 && minor > 19 { return .rust }
      guard major == 6, minor >= 18 else { return nil }
      return patch >= (minor == 18 ? 19 : 9) ? .rust : .rust6180
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
