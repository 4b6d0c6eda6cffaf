import Testing

@testable import BinderBuffer

/// Placement by a rule of one's own: the answers of the rule are followed, and nothing else changes.
@Suite(.timeLimit(.minutes(15))) struct PlacementRuleTests {
  private struct FirstFit: PlacementRule {
    func place(_ request: PlacementRequest, in space: borrowing FreeSpace) -> Int? {
      space.first { $0.size >= request.size }?.offset
    }
  }

  /// Anywhere in any free range.
  private struct Anywhere: PlacementRule {
    var state: UInt64

    mutating func next(below limit: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % limit
    }

    mutating func place(_ request: PlacementRequest, in space: borrowing FreeSpace) -> Int? {
      var fitting: [FreeRange] = []
      space.forEachRange { if $0.size >= request.size { fitting.append($0) } }
      guard !fitting.isEmpty else { return nil }
      let range = fitting[next(below: fitting.count)]
      return range.offset + next(below: (range.size - request.size) / 8 + 1) * 8
    }
  }

  private struct Fixed: PlacementRule {
    var offset: Int?
    func place(_ request: PlacementRequest, in space: borrowing FreeSpace) -> Int? { offset }
  }

  /// A region as a list of what each unit of 8 bytes belongs to.
  private struct Model {
    var owner: [Int]
    init(length: Int) { owner = Array(repeating: 0, count: length / 8) }

    var free: [FreeRange] {
      var ranges: [FreeRange] = []
      var start: Int?
      for unit in 0...owner.count {
        if unit < owner.count, owner[unit] == 0 {
          start = start ?? unit
        } else if let first = start {
          ranges.append(FreeRange(UInt32(first), UInt32(unit - first)))
          start = nil
        }
      }
      return ranges
    }
  }

  private func free<M>(_ ranges: borrowing RangeAllocator<M>) -> [FreeRange] {
    var found: [FreeRange] = []
    ranges.forEachRange {
      if $0.state == .free { found.append(FreeRange(UInt32($0.offset / 8), UInt32($0.size / 8))) }
    }
    return found
  }

  /// Random places, sizes and frees, beside a model; built-in rules now and then in between.
  @Test(arguments: [PlacementPolicy.rust, .compact], 1...8)
  func randomPlacesLeaveEverythingConsistent(_ policy: PlacementPolicy, _ seed: Int) throws {
    let length = 32 << 10
    var ranges = try RangeAllocator<Int>(length: length, policy: policy)
    var model = Model(length: length)
    var rule = Anywhere(state: UInt64(seed))
    var live: [(offset: Int, size: Int)] = []
    for step in 1...2000 {
      let isFull = live.count > 8 + step / 20
      if !live.isEmpty, isFull || rule.next(below: 100) < 45 {
        let index = step % 500 < 20 ? 0 : rule.next(below: live.count)
        let (offset, size) = live.remove(at: index)
        let freed = try ranges.free(offset)
        #expect(freed.metadata == offset)
        for unit in offset / 8..<(offset + size) / 8 { model.owner[unit] = 0 }
      } else {
        let size = rule.next(below: 8) == 0 ? rule.next(below: 6000) : rule.next(below: 300)
        let isOneway = rule.next(below: 4) == 0
        do throws(RangeError) {
          let taken =
            step % 10 == 0
            ? try ranges.reserve(size, oneway: isOneway)
            : try ranges.reserve(size, oneway: isOneway, by: &rule)
          try ranges.commit(taken.offset, taken.offset)
          let units = taken.offset / 8..<(taken.offset + taken.size) / 8
          #expect(model.owner[units].allSatisfy { $0 == 0 })
          for unit in units { model.owner[unit] = step }
          live.append((taken.offset, taken.size))
        } catch {
          switch error {
          case .noSpace: #expect(!model.free.contains { $0.size >= max(8, size) })
          case .noOnewaySpace: #expect(isOneway)
          default: Issue.record("\(error)")
          }
        }
      }
      if step % 8 == 0 {
        try ranges.checkInvariants()
        #expect(free(ranges) == model.free)
        #expect(ranges.bufferCount == live.count)
      }
    }
    for (offset, _) in live { _ = try ranges.free(offset) }
    try ranges.checkInvariants()
    #expect(ranges.isEmpty && ranges.freeOnewaySpace == length / 2)
  }

  /// A place that is not free is refused, and everything stays as it was.
  @Test(arguments: [1, 20])
  func aWrongPlaceIsRefused(_ count: Int) throws {
    var ranges = try RangeAllocator<Void>(length: 4096, policy: .rust)
    var first = FirstFit()
    for _ in 0..<count { _ = try ranges.allocate(64, metadata: ()) }
    let before = free(ranges)
    for offset in [0, 8, 64 * count - 8, 3, 4096, 4096 - 32, -8, .min, .max] {
      var wrong = Fixed(offset: offset)
      #expect(throws: RangeError.invalidPlacement(offset: offset, size: 40)) {
        try ranges.reserve(33, by: &wrong)
      }
      #expect(free(ranges) == before && ranges.bufferCount == count)
      try ranges.checkInvariants()
    }
    var none = Fixed(offset: nil)
    #expect(
      throws: RangeError.noSpace(
        requested: 33, freeBytes: 4096 - 64 * count, largestFree: 4096 - 64 * count)
    ) { try ranges.reserve(33, by: &none) }
    #expect(throws: RangeError.invalidSize(-1)) { try ranges.reserve(-1, by: &first) }
    #expect(throws: RangeError.noOnewaySpace(requested: 2056, free: 2048)) {
      try ranges.reserve(2056, oneway: true, by: &first)
    }
    #expect(try ranges.reserve(33, by: &first).offset == 64 * count)
  }

  /// What `compact` knows, a rule knows too: free ranges, missing frames, idle pages.
  @Test func theRuleSeesWhatCompactSees() throws {
    let frames = FrameMap(pageCount: 4)
    frames.insert(2..<4)
    var ranges = try RangeAllocator<Void>(length: 16 << 10, policy: .compact, frames: frames)
    struct Spy: PlacementRule {
      var seen: [FreeRange] = []
      var missing: [Int] = []
      var idle = 0
      var sizes: [Int] = []
      mutating func place(_ request: PlacementRequest, in space: borrowing FreeSpace) -> Int? {
        seen = []
        space.forEachRange { seen.append($0) }
        missing = [0, 4096, 8192].map { space.missingFrames(at: $0, size: 4097) }
        idle = space.idlePages(of: seen[0], at: seen[0].offset, size: 4096)
        sizes = [request.size, space.regionLength, space.freeBytes]
        return seen[0].offset
      }
    }
    var spy = Spy()
    _ = try ranges.allocate(100, metadata: ())
    _ = try ranges.reserve(10, sender: 7, debugID: 9, by: &spy)
    #expect(spy.missing == [2, 1, 0])
    #expect(spy.sizes == [16, 16 << 10, (16 << 10) - 104])
    let free = try #require(spy.seen.first)
    #expect(spy.seen.count == 1 && free.size == (16 << 10) - 104)
    // `compact` took the end, where there are frames: 4096 bytes from 0 are one whole page.
    #expect(free.offset == 0 && spy.idle == 1)
    var owner: RangeDescription?
    ranges.forEachRange { if $0.debugID == 9 { owner = $0 } }
    #expect(owner?.sender == 7 && owner?.size == 16)
  }
}
