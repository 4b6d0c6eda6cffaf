/// The order in which the pages of one free go onto the LRU: each driver has its own.
///
/// *Interior* pages lie wholly inside the freed buffer; a *seam* page is shared with the free range
/// beside it. Observed on the drivers; after one free the C driver queues the interior pages, then
/// the seam page on the right, then that on the left, and the Rust driver the whole range
/// downwards.
enum ReleaseOrder {
  /// C driver, 6.12.
  case interiorUpThenRightThenLeft
  /// C driver, 6.1.
  case interiorDownThenRightThenLeft
  /// Rust driver; `compact` follows it.
  case down

  init(_ policy: PlacementPolicy) {
    switch policy.rules.lru {
    case .up: self = .interiorUpThenRightThenLeft
    case .down: self = .interiorDownThenRightThenLeft
    case .allDown: self = .down
    }
  }

  @inline(__always)
  func release(_ freed: FreedRange, from pages: inout RegionPages, stamp: UInt64) {
    guard !freed.pages.isEmpty else { return }
    let interior = freed.interior
    switch self {
    case .down: pages.stopUsing(freed.pages, .down, stamp: stamp)
    case .interiorUpThenRightThenLeft, .interiorDownThenRightThenLeft:
      // Without an interior there are at most two pages, and right goes before left.
      guard !interior.isEmpty else { return pages.stopUsing(freed.pages, .down, stamp: stamp) }
      let isUp = self == .interiorUpThenRightThenLeft
      pages.stopUsing(interior, isUp ? .up : .down, stamp: stamp)
      pages.stopUsing(interior.upperBound..<freed.pages.upperBound, .up, stamp: stamp)
      pages.stopUsing(freed.pages.lowerBound..<interior.lowerBound, .up, stamp: stamp)
    }
  }
}
