import BinderBuffer
import Testing

/// Who is suspected of flooding a region with oneway buffers, and when it is said.
struct SpamRuleTests {
  /// A region whose oneway half holds 128 buffers of 64 bytes; a tenth of it is 1638 bytes.
  static let length = 16384

  /// Fills the oneway half with one sender's buffers.
  private func flood(_ ranges: inout RangeAllocator<Int>) throws -> [Bool] {
    var reports: [Bool] = []
    for i in 0..<128 {
      reports.append(try ranges.allocate(64, oneway: true, sender: 7, metadata: i).isSpam)
    }
    return reports
  }

  @Test func rustReportsEveryTime() throws {
    for policy in [PlacementPolicy.rust, .rust6180] {
      var ranges = try RangeAllocator<Int>(length: Self.length, policy: policy)
      let reports = try flood(&ranges)
      // From the 103rd on, 1600 bytes or fewer are free.
      #expect(reports.firstIndex(of: true) == 102)
      #expect(reports[102...].allSatisfy { $0 })
    }
  }

  @Test func cReportsOnce() throws {
    for policy in [PlacementPolicy.c, .c61] {
      var ranges = try RangeAllocator<Int>(length: Self.length, policy: policy)
      let reports = try flood(&ranges)
      #expect(reports.indices.filter { reports[$0] } == [102])
    }
  }

  @Test func cReportsAgainOnceSpaceWasFound() throws {
    var ranges = try RangeAllocator<Int>(length: Self.length, policy: .c)
    _ = try flood(&ranges)
    // Twenty-seven freed: the next reservation finds a tenth free, the one after does not.
    for i in 0..<27 { _ = try ranges.free(i * 64) }
    var reports: [Bool] = []
    for i in 0..<4 {
      reports.append(try ranges.allocate(64, oneway: true, sender: 7, metadata: i).isSpam)
    }
    #expect(reports == [false, true, false, false])
  }

  @Test(arguments: [(PlacementPolicy.rust, true), (.compact, true), (.rust6180, false)])
  func arrayReports(policy: PlacementPolicy, expected: Bool) throws {
    var ranges = try RangeAllocator<Int>(length: Self.length, policy: policy)
    for i in 0..<8 {
      // After the seventh 1024 bytes are free, less than a tenth.
      let isSpam = try ranges.allocate(1024, oneway: true, sender: 7, metadata: i).isSpam
      #expect(isSpam == (expected && i >= 6))
    }
    #expect(ranges.freeOnewaySpace == 0)
  }

  @Test(arguments: [(PlacementPolicy.rust, 50), (.rust6180, 51)])
  func theNewBufferCountsOrNot(policy: PlacementPolicy, expected: Int) throws {
    var ranges = try RangeAllocator<Int>(length: Self.length, policy: policy)
    for i in 0..<9 { _ = try ranges.allocate(8, metadata: i) }
    // Another sender leaves less than a tenth free, whatever 60 buffers of 8 bytes take.
    for i in 0..<4 {
      _ = try ranges.allocate(1664, oneway: true, sender: Int32(i), metadata: i)
    }
    var reports: [Bool] = []
    for i in 0..<60 {
      reports.append(try ranges.allocate(8, oneway: true, sender: 7, metadata: i).isSpam)
    }
    #expect(reports.firstIndex(of: true) == expected)
  }

  /// Those that tell spammers and charge nothing beside a buffer's bytes.
  static let telling = PlacementPolicy.allCases.filter {
    $0.rules.onewayHeader == .none && ![.none, .log].contains($0.rules.spam)
  }

  @Test(arguments: telling)
  func fewSmallBuffersAreNoSpam(policy: PlacementPolicy) throws {
    // Three senders, 42 buffers and less than a quarter of the region each.
    var ranges = try RangeAllocator<Int>(length: Self.length, policy: policy)
    for i in 0..<126 {
      #expect(try !ranges.allocate(64, oneway: true, sender: Int32(i % 3), metadata: i).isSpam)
    }
    #expect(ranges.freeOnewaySpace == 128)
  }

  @Test(arguments: telling)
  func largeBuffersAreSpam(policy: PlacementPolicy) throws {
    // Fewer than 50, but more than a quarter of the region.
    var ranges = try RangeAllocator<Int>(length: Self.length, policy: policy)
    for i in 0..<10 { _ = try ranges.allocate(8, metadata: i) }
    _ = try ranges.allocate(2496, oneway: true, sender: 1, metadata: 0)
    _ = try ranges.allocate(4096, oneway: true, sender: 2, metadata: 0)
    #expect(try !ranges.allocate(8, oneway: true, sender: 1, metadata: 0).isSpam)
    // Where the new buffer counts for its node's former owner, or for nobody yet, only the second
    // pushes it over.
    let counts = policy.rules.owner == .early && policy.rules.spam != .rustBefore
    #expect(try ranges.allocate(8, oneway: true, sender: 2, metadata: 0).isSpam == counts)
    if !counts { #expect(try ranges.allocate(8, oneway: true, sender: 2, metadata: 0).isSpam) }
  }

  @Test func ownerOfANodeSinceSixEight() throws {
    // The last buffer lands on a node that the sender had owned, so it counts for it.
    for formerOwner: Int32 in [7, 8] {
      var ranges = try RangeAllocator<Int>(length: Self.length, policy: .c)
      let first = try ranges.allocate(64, sender: formerOwner, metadata: 0)
      for i in 0..<50 { _ = try ranges.allocate(64, oneway: true, sender: 7, metadata: i) }
      for i in 0..<60 {
        _ = try ranges.allocate(64, oneway: true, sender: Int32(100 + i), metadata: i)
      }
      _ = try ranges.free(first.offset)
      let last = try ranges.allocate(64, oneway: true, sender: 7, metadata: 0)
      #expect(last.offset == first.offset)
      #expect(last.isSpam == (formerOwner == 7))
    }
  }
}
