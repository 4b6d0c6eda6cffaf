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
  /// Rust driver.
  case down

  init(_ policy: PlacementPolicy) {
    switch policy {
    case .c: self = .interiorUpThenRightThenLeft
    case .c61: self = .interiorDownThenRightThenLeft
    case .rust: self = .down
    }
  }

  @inline(__always)
  func release(_ freed: FreedRange, from pages: inout PageRange, stamp: UInt64) {
    guard !freed.pages.isEmpty else { return }
    guard self != .down else {
      pages.stopUsing(freed.pages.reversed(), stamp: stamp)
      return
    }
    let interior = freed.interior
    if self == .interiorUpThenRightThenLeft {
      pages.stopUsing(interior, stamp: stamp)
    } else {
      pages.stopUsing(interior.reversed(), stamp: stamp)
    }
    if interior.isEmpty {
      // One page, or two whose border lies inside the buffer: right before left.
      pages.stopUsing(freed.pages.reversed(), stamp: stamp)
    } else {
      pages.stopUsing(interior.upperBound..<freed.pages.upperBound, stamp: stamp)
      pages.stopUsing(freed.pages.lowerBound..<interior.lowerBound, stamp: stamp)
    }
  }
}
