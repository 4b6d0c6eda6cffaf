/// The index of free ranges of the Rust driver's rule and of `compact`: exact best fit, the lowest
/// offset among equals.
///
/// INVARIANT: every free range is in the bin of its size; its node's tag is its place there.
struct BestFitIndex {
  var bins = TieBins()
  var nodes = Table<RangeNode>()

  @inline(__always)
  mutating func insert(_ id: UInt32, start: UInt32, size: UInt32) {
    nodes[id].tag = bins.insert(
      TieBins.key(id, start: start, size: size), into: TieBins.bin(size))
  }

  @inline(__always)
  mutating func remove(_ id: UInt32, _ node: RangeNode) {
    bins.remove(id, from: TieBins.bin(node.word.size), nodes: nodes)
  }

  /// The longest free range, in units.
  @inline(__always)
  var largest: UInt32 { bins.largest }
}
