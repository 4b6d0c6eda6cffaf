internal import BinderBuffer
internal import PageAlloc

/// Options that mean the same in every command that runs the engine.
enum EngineOptions {
  /// What the engine uses of a region at most.
  static let largestRegion = 4 << 20

  static let seed = Option(
    "seed", short: "s", .seed, default: 1, shown: "1", help: "where all random choices come from")

  static let region = Option(
    "region", short: "r", .region, default: RunOptions.defaultRegion, shown: "1016K",
    help: "bytes of each process's region")

  static let policy = Option(
    "policy", .policy, default: PlacementPolicy.rust, shown: "rust",
    help: "where buffers are placed, by which driver's rules (see 'bindersim help policies'): "
      + PlacementPolicy.allCases.map(\.name).joined(separator: ", "))

  static let budget = Option(
    optional: "budget", .budget,
    help: "memory for all regions together, in pages (256) or as a size (1M); idle pages are "
      + "reclaimed when it is used up (default: no limit)")
}

extension ValueSyntax<Int> {
  static var region: Self {
    .size.filter(accepted: "a multiple of 4096 from 4K to 4M, like 256K, 1016K or 2M") {
      (Page.size...EngineOptions.largestRegion).contains($0) && $0 % Page.size == 0
    }
  }

  /// Pages: a bare number counts them, a size with a unit is a multiple of the page size.
  static var budget: Self {
    Self("PAGES", accepted: "pages like 256, or a size like 1M that is a multiple of 4096") {
      text in
      guard let value = ValueSyntax<Int>.size.parse(text), value > 0 else { return nil }
      if text.allSatisfy(\.isNumber) { return value }
      return value % Page.size == 0 ? value / Page.size : nil
    }
  }
}

extension ValueSyntax<PlacementPolicy> {
  static var policy: Self {
    let names = PlacementPolicy.allCases.map(\.name)
    return Self(
      "POLICY", accepted: "one of " + names.joined(separator: ", "), completion: .names(names)
    ) { PlacementPolicy(name: $0) }
  }
}
