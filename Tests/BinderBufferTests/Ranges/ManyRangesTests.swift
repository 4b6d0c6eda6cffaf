import BinderBuffer
import Testing

@testable import bindersim

/// Large numbers of buffers: long chains of equal ranges, many senders, every size.
struct ManyRangesTests {
  /// Fills a region with equal buffers, frees them in some order and takes the holes again.
  ///
  /// Passes every way of keeping equal ranges (a line, chunks, trees), upwards and downwards.
  @Test(arguments: PlacementPolicy.newest, [1, 2, 5])
  func equalHoles(policy: PlacementPolicy, units: Int) throws {
    let count = 1300
    let size = units * 8
    var ranges = try RangeAllocator<Int>(length: 128 << 10, policy: policy)
    // A row of buffers, each followed by one that stays, so that holes never merge.
    var rows: [Int] = []
    for i in 0..<count {
      rows.append(try ranges.allocate(size, metadata: i).offset)
      _ = try ranges.allocate(8, metadata: -1)
    }
    var random = Random(seed: UInt64(units))
    for round in 0..<4 {
      var holes = rows
      for i in holes.indices { holes.swapAt(i, random.below(i + 1)) }
      let part = holes.prefix(round == 0 ? count : random.below(count))
      for offset in part {
        #expect(try ranges.free(offset).metadata >= 0)
        if offset % 832 == 0 { try ranges.checkInvariants() }
      }
      try ranges.checkInvariants()
      var taken: [Int] = []
      for i in part.indices {
        taken.append(try ranges.allocate(size, metadata: i).offset)
        if i % 151 == 0 { try ranges.checkInvariants() }
      }
      // All are filled exactly; the Rust driver and compact take the lowest first.
      #expect(taken.sorted() == part.sorted())
      if policy.search != .c { #expect(taken == taken.sorted()) }
      try ranges.checkInvariants()
    }
  }

  /// The same against the model, with frees and reservations interleaved.
  @Test(arguments: PlacementPolicy.newest)
  func equalHolesInterleaved(policy: PlacementPolicy) throws {
    var both = try RangeComparison(length: 16384, policy: policy)
    var random = Random(seed: 7)
    while both.model.gaps.reduce(0, { $0 + $1.count }) > 0 {
      try both.reserve(both.operations % 2 == 0 ? 16 : 8)
    }
    for goal in [300, 1100, 100, 1300, 700, 0] {
      while both.live.count != goal {
        if random.below(10) < (both.live.count > goal ? 8 : 2) {
          if !both.live.isEmpty { try both.free(at: random.below(both.live.count)) }
        } else {
          try both.reserve(random.below(3) == 0 ? 16 : 8)
        }
      }
      try both.check()
    }
  }

  /// Every size there is, once, then again in the holes.
  @Test(arguments: PlacementPolicy.newest)
  func everySize(policy: PlacementPolicy) throws {
    var both = try RangeComparison(length: 4 << 20, policy: policy)
    var random = Random(seed: 11)
    for round in 0..<3 {
      for _ in 0..<120 {
        // Mostly around the border between short and long sizes.
        let size = random.below(3) == 0 ? 1 + random.below(40000) : 8100 + random.below(200)
        try both.reserve(size)
      }
      try both.check()
      for _ in 0..<(round == 2 ? both.live.count : 90) {
        try both.free(at: random.below(both.live.count))
      }
      try both.check()
    }
  }

  /// Hundreds of long holes at once, taken whole and in part.
  @Test(arguments: PlacementPolicy.newest)
  func longHoles(policy: PlacementPolicy) throws {
    var both = try RangeComparison(length: 4 << 20, policy: policy)
    var random = Random(seed: 13)
    for _ in 0..<460 { try both.reserve(8400 + 8 * random.below(80)) }
    // Every other one: the holes never merge.
    for i in stride(from: both.live.count - 1, to: 0, by: -2) { try both.free(at: i) }
    try both.check()
    let longHoles = both.model.gaps.count { $0.count > 8192 }
    try #require(longHoles > 200)
    for _ in 0..<300 {
      if random.below(3) == 0 {
        try both.free(at: random.below(both.live.count))
      } else {
        try both.reserve([128, 7000, 8184, 8192, 8600, 8900, 20000][random.below(7)])
      }
      try both.check()
    }
    while !both.live.isEmpty { try both.free(at: random.below(both.live.count)) }
    try both.check()
  }

  /// A full region of the smallest buffers, emptied at random.
  @Test(arguments: PlacementPolicy.newest)
  func smallestBuffers(policy: PlacementPolicy) throws {
    let isLong = RangeRecordingTests.environment("BINDERBUFFER_LONG") != nil
    let length = isLong ? 1 << 20 : 64 << 10
    var ranges = try RangeAllocator<UInt32>(length: length, policy: policy)
    var offsets: [Int] = []
    for i in 0..<length / 8 {
      offsets.append(try ranges.allocate(0, metadata: UInt32(i)).offset)
      #expect(offsets[i] == i * 8)
    }
    #expect(throws: RangeError.noSpace(requested: 0, freeBytes: 0, largestFree: 0)) {
      try ranges.reserve(0)
    }
    try ranges.checkInvariants()
    var random = Random(seed: 3)
    for i in offsets.indices { offsets.swapAt(i, random.below(i + 1)) }
    for (i, offset) in offsets.enumerated() {
      #expect(try ranges.free(offset).metadata == UInt32(offset / 8))
      if i % (length / 64) == 0 { try ranges.checkInvariants() }
    }
    try ranges.checkInvariants()
    #expect(ranges.isEmpty && ranges.largestFreeRange == length)
  }

  /// Thousands of senders come and go; the totals stay right.
  @Test(arguments: PlacementPolicy.allCases)
  func manySenders(policy: PlacementPolicy) throws {
    var ranges = try RangeAllocator<Int32>(length: 128 << 10, policy: policy)
    var live: [(offset: Int, sender: Int32)] = []
    var random = Random(seed: 5)
    for step in 0..<12000 {
      let grows = step / 4000 % 2 == 0
      if random.below(10) < (grows ? 7 : 3) || live.isEmpty {
        // Some senders once, some often, any number.
        let sender =
          random.below(4) == 0
          ? Int32(random.below(5)) : Int32(truncatingIfNeeded: random.next() >> 17)
        guard
          let taken = try? ranges.allocate(
            8, oneway: true, sender: sender, metadata: sender)
        else { continue }
        live.append((taken.offset, sender))
      } else {
        let (offset, sender) = live.remove(at: random.below(live.count))
        #expect(try ranges.free(offset).metadata == sender)
      }
      if step % 500 == 0 { try ranges.checkInvariants() }
    }
    while let (offset, _) = live.popLast() { _ = try ranges.free(offset) }
    try ranges.checkInvariants()
    #expect(ranges.freeOnewaySpace == 64 << 10)
  }
}
