/// Which IDs have been given out, as ranges: one, where a recording counts upwards.
struct SeenIDs {
  // INVARIANT: ascending, neither overlapping nor touching.
  private var ranges: [ClosedRange<UInt64>] = []

  func contains(_ id: UInt64) -> Bool {
    let index = firstRange(endingAt: id)
    return index < ranges.count && ranges[index].contains(id)
  }

  /// False when it was in already.
  mutating func insert(_ id: UInt64) -> Bool {
    let index = firstRange(endingAt: id)
    if index < ranges.count, ranges[index].contains(id) { return false }
    let joinsLower = index > 0 && ranges[index - 1].upperBound + 1 == id
    let joinsUpper = index < ranges.count && id + 1 == ranges[index].lowerBound
    switch (joinsLower, joinsUpper) {
    case (true, true):
      ranges[index - 1] = ranges[index - 1].lowerBound...ranges[index].upperBound
      ranges.remove(at: index)
    case (true, false): ranges[index - 1] = ranges[index - 1].lowerBound...id
    case (false, true): ranges[index] = id...ranges[index].upperBound
    case (false, false): ranges.insert(id...id, at: index)
    }
    return true
  }

  var rangeCount: Int { ranges.count }

  /// The first range whose end is not below `id`.
  private func firstRange(endingAt id: UInt64) -> Int {
    var low = 0
    var high = ranges.count
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].upperBound < id { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
