import Synchronization
import Testing

@testable import BinderBuffer

/// Metadata lives exactly as long as its range is committed.
@Suite(.timeLimit(.minutes(15))) struct RangeMetadataTests {
  final class Tracker: Sendable {
    let live = Atomic<Int>(0)
    let made = Atomic<Int>(0)
    var count: Int { live.load(ordering: .relaxed) }
  }

  final class Token {
    let tracker: Tracker
    let number: Int
    init(_ tracker: Tracker, _ number: Int) {
      self.tracker = tracker
      self.number = number
      tracker.live.add(1, ordering: .relaxed)
      tracker.made.add(1, ordering: .relaxed)
    }
    deinit { tracker.live.subtract(1, ordering: .relaxed) }
  }

  @Test(arguments: PlacementPolicy.allCases, [3, 8, 9, 40])
  func destroyedExactlyOnce(policy: PlacementPolicy, buffers: Int) throws {
    let tracker = Tracker()
    do {
      var ranges = try RangeAllocator<Token>(length: 8192, policy: policy)
      var offsets: [Int] = []
      for i in 0..<buffers {
        let taken = try ranges.reserve(100)
        #expect(tracker.count == i)
        try ranges.commit(taken.offset, Token(tracker, i))
        offsets.append(taken.offset)
        #expect(tracker.count == i + 1)
      }
      // A value that is refused dies at once.
      #expect(throws: RangeError.notReserved(offset: offsets[0])) {
        try ranges.commit(offsets[0], Token(tracker, -1))
      }
      #expect(
        throws: RangeError.noSpace(
          requested: 9000, freeBytes: 8192 - buffers * 104, largestFree: 8192 - buffers * 104)
      ) {
        _ = try ranges.allocate(9000, metadata: Token(tracker, -1))
      }
      #expect(tracker.count == buffers)

      #expect(try ranges.withMetadata(at: offsets[1]) { $0.number } == 1)
      try ranges.withMetadata(at: offsets[1]) { $0 = Token(tracker, 100) }
      #expect(tracker.count == buffers)
      #expect(try ranges.free(offsets[1]).metadata.number == 100)
      #expect(tracker.count == buffers - 1)

      do {
        let again = try ranges.reserveExisting(offsets[2])
        #expect(again.metadata.number == 2)
        #expect(tracker.count == buffers - 1)
      }
      #expect(tracker.count == buffers - 2)
      // Reserved again: nothing to destroy when it is aborted or committed anew.
      if buffers % 2 == 0 {
        try ranges.commit(offsets[2], Token(tracker, 200))
        #expect(tracker.count == buffers - 1)
      } else {
        _ = try ranges.abort(offsets[2])
        #expect(tracker.count == buffers - 2)
      }
    }
    // The rest dies with the allocator.
    #expect(tracker.count == 0)
    #expect(tracker.made.load(ordering: .relaxed) > buffers)
  }

  /// Each buffer keeps its value while others come, go and move between the rule's two shapes.
  @Test(arguments: PlacementPolicy.allCases)
  func staysWithItsRange(policy: PlacementPolicy) throws {
    let tracker = Tracker()
    var ranges = try RangeAllocator<Token>(length: 8192, policy: policy)
    var live: [(offset: Int, number: Int)] = []
    var random = Random(seed: 9)
    for step in 0..<3000 {
      let goal = [0, 7, 10, 30][step / 100 % 4]
      if live.count < goal || (live.count == goal && random.below(2) == 0) {
        if let taken = try? ranges.allocate(1 + random.below(200), metadata: Token(tracker, step)) {
          live.append((taken.offset, step))
        }
      } else if !live.isEmpty {
        let (offset, number) = live.remove(at: random.below(live.count))
        #expect(try ranges.free(offset).metadata.number == number)
      }
      for (offset, number) in live where step % 10 == 0 {
        #expect(try ranges.withMetadata(at: offset) { $0.number } == number)
      }
      #expect(tracker.count == live.count)
    }
  }

  @Test(arguments: PlacementPolicy.allCases)
  func anyLayout(policy: PlacementPolicy) throws {
    // Nothing at all, one byte, more than a cache line at its alignment.
    try fill((), policy) { _, _ in true }
    try fill(UInt8(7), policy, ==)
    try fill(SIMD64<UInt8>(repeating: 3), policy, ==)
    try fill("a string that is long enough to live on the heap", policy, ==)
    try fill([[1, 2], [3]], policy, ==)
  }

  /// Its maker may hold its frame map, which another thread must not change meanwhile.
  @Test func anAllocatorIsNotSendable() {
    func isSendable<T: ~Copyable>(_: T.Type) -> Bool { false }
    func isSendable<T: ~Copyable & Sendable>(_: T.Type) -> Bool { true }
    #expect(!isSendable(RangeAllocator<Int>.self))
    #expect(isSendable(PlacementPolicy.self))
  }

  /// Alignments that only types of C have, in regions so small that their tables share pages.
  @Test(arguments: [8, 64, 128, 512], [8, 64, 4096, 8192])
  func anyAlignment(alignment: Int, length: Int) throws {
    for policy in PlacementPolicy.newest {
      var engine = try RangeEngine(
        length: length, policy: policy, frames: nil, metadataStride: alignment,
        metadataAlignment: alignment)
      #expect(Int(bitPattern: engine.smallMetadata) % alignment == 0)
      try engine.mapTables()
      #expect(Int(bitPattern: engine.largeMetadata) % alignment == 0)
    }
  }

  private func fill<Value>(
    _ value: Value, _ policy: PlacementPolicy, _ isEqual: (Value, Value) -> Bool
  ) throws {
    var ranges = try RangeAllocator<Value>(length: 4096, policy: policy)
    var offsets: [Int] = []
    for _ in 0..<20 { offsets.append(try ranges.allocate(24, metadata: value).offset) }
    for offset in offsets { #expect(isEqual(try ranges.free(offset).metadata, value)) }
    let isEmpty = ranges.isEmpty
    #expect(isEmpty)
  }
}
