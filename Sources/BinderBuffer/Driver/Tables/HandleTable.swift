/// The handles of one process: numbers for its references, always the lowest that is free.
///
/// Two levels of words mark which numbers are taken, so that a million handles cost no search.
struct HandleTable {
  private var references: [Driver.ReferenceIndex] = []
  // Bit n of word n/64: number n is taken. Bit n of `full`: word n has no free bit.
  private var taken: [UInt64] = []
  private var full: [UInt64] = []
  /// Handles in use.
  private(set) var count = 0

  subscript(handle: UInt32) -> Driver.ReferenceIndex? {
    guard Int(handle) < references.count, !references[Int(handle)].isNone else { return nil }
    return references[Int(handle)]
  }

  /// Gives `reference` the lowest free number from `lowest` (0 or 1) up.
  mutating func insert(_ reference: Driver.ReferenceIndex, from lowest: UInt32) -> UInt32 {
    let handle = lowestFree(from: lowest)
    let i = Int(handle)
    while taken.count <= i / 64 {
      taken.append(0)
      if taken.count > full.count * 64 { full.append(0) }
    }
    while references.count <= i { references.append(.none) }
    references[i] = reference
    taken[i / 64] |= 1 << UInt64(i % 64)
    if taken[i / 64] == .max { full[i / 4096] |= 1 << UInt64(i / 64 % 64) }
    count += 1
    return handle
  }

  mutating func remove(_ handle: UInt32) {
    let i = Int(handle)
    references[i] = .none
    taken[i / 64] &= ~(1 << UInt64(i % 64))
    full[i / 4096] &= ~(1 << UInt64(i / 64 % 64))
    count -= 1
  }

  /// Every handle in use, ascending.
  var all: [UInt32] {
    references.indices.filter { !references[$0].isNone }.map { UInt32($0) }
  }

  private func lowestFree(from lowest: UInt32) -> UInt32 {
    // The first word is special: number 0 may be left out.
    if let first = taken.first {
      let free = ~first & (lowest == 0 ? .max : .max << 1)
      if free != 0 { return UInt32(free.trailingZeroBitCount) }
    } else {
      return lowest
    }
    for (i, word) in full.enumerated() {
      let ignored: UInt64 = i == 0 ? 1 : 0
      let free = ~(word | ignored)
      guard free != 0 else { continue }
      let w = i * 64 + free.trailingZeroBitCount
      guard w < taken.count else { break }
      return UInt32(w * 64 + (~taken[w]).trailingZeroBitCount)
    }
    return UInt32(taken.count * 64)
  }
}
