import BinderBuffer
import Testing

@testable import bindersim

/// What the allocator or the model answers to one request.
typealias Placement = ModelPlacement.Answer

/// An allocator and the naive model of its rule, given the same operations.
///
/// Every answer is compared; `check` compares everything else that can be seen.
struct RangeComparison: ~Copyable {
  var ranges: RangeAllocator<Int>
  var model: ModelPlacement
  /// Pages get frames when they are used, and lose them now and then when they are not.
  let frames: FrameMap
  /// Offsets of live ranges, in no order.
  var live: [Int] = []
  /// Counts operations; also every range's metadata and debug id.
  private(set) var operations = 0
  private var numbers: [Int: Int] = [:]

  init(length: Int, policy: PlacementPolicy) throws {
    frames = FrameMap(pageCount: (length + 4095) / 4096)
    ranges = try RangeAllocator(length: length, policy: policy, frames: frames)
    model = ModelPlacement(length: length, policy: policy)
  }

  /// Asks both; gives what they answered.
  @discardableResult
  mutating func reserve(
    _ size: Int, oneway: Bool = false, sender: Int32 = 1
  ) throws -> Placement {
    operations += 1
    let expected = model.reserve(
      size, oneway: oneway, sender: sender, hasFrame: frames.contains)
    let answer = try answer(size, oneway, sender)
    try #require(answer == expected, "operation \(operations): reserve \(size)")
    if case .placed(let offset, _) = answer {
      live.append(offset)
      frames.insert(offset / 4096..<(offset + max(8, (size + 7) / 8 * 8) + 4095) / 4096)
      numbers[offset] = operations
    }
    return answer
  }

  private mutating func answer(
    _ size: Int, _ oneway: Bool, _ sender: Int32
  ) throws -> Placement {
    do throws(RangeError) {
      // Two ways to the same end, both exercised.
      if operations % 2 == 0 {
        let taken = try ranges.allocate(
          size, oneway: oneway, sender: sender, debugID: UInt32(operations), metadata: operations)
        return .placed(offset: taken.offset, spam: taken.spam)
      }
      let taken = try ranges.reserve(
        size, oneway: oneway, sender: sender, debugID: UInt32(operations))
      try ranges.commit(taken.offset, operations)
      return .placed(offset: taken.offset, spam: taken.spam)
    } catch {
      switch error {
      case .noSpace(let requested, let free, let largest):
        #expect(requested == size && free == ranges.freeBytes)
        #expect(largest == ranges.largestFreeRange)
        return .noSpace(free: free, largest: largest)
      case .noOnewaySpace(let requested, let free):
        #expect(requested == size && free == ranges.freeOnewaySpace)
        return .noOnewaySpace(free: free)
      default: throw error
      }
    }
  }

  /// Frees the live range at `index` of `live` in both.
  mutating func free(at index: Int) throws {
    operations += 1
    let offset = live.remove(at: index)
    let number = numbers.removeValue(forKey: offset)
    let hole = model.free(offset)
    let freed: FreedRange
    if operations % 2 == 0 {
      let both = try ranges.free(offset)
      #expect(both.metadata == number)
      freed = both.range
    } else {
      let again = try ranges.reserveExisting(offset)
      #expect(again.metadata == number && again.debugID == UInt32(number ?? 0))
      freed = try ranges.abort(offset)
      #expect(freed.size == again.size)
    }
    try #require(freed.hole == hole, "operation \(operations): free \(offset)")
    try #require(freed.offset == offset)
    checkPages(freed)
    if operations % 3 == 0 { frames.remove(freed.pages) }
  }

  private func checkPages(_ freed: FreedRange) {
    let touched = freed.offset / 4096..<(freed.offset + freed.size + 4095) / 4096
    let inHole = touched.filter { freed.hole.contains($0 * 4096..<($0 + 1) * 4096) }
    let inBuffer = touched.filter {
      (freed.offset..<freed.offset + freed.size).contains($0 * 4096..<($0 + 1) * 4096)
    }
    #expect(Array(freed.pages) == inHole)
    #expect(Array(freed.interior) == inBuffer)
  }

  /// Compares all that can be asked.
  func check(invariants: Bool = true) throws {
    if invariants { try ranges.checkInvariants() }
    let gaps = model.gaps
    let buffersOfModel = model.ranges.filter(\.isLive)
    try #require(ranges.bufferCount == live.count)
    try #require(ranges.isEmpty == live.isEmpty)
    try #require(ranges.freeOnewaySpace == model.freeOneway)
    try #require(ranges.freeBytes == gaps.reduce(0) { $0 + $1.count })
    try #require(ranges.largestFreeRange == gaps.map(\.count).max() ?? 0)
    var described: [RangeDescription] = []
    ranges.forEachRange { described.append($0) }
    try #require(
      described.map(\.offset) == model.ranges.map(\.start))
    let buffers = described.filter { $0.state != .free }
    try #require(buffers.count == live.count)
    for (range, buffer) in zip(buffers, buffersOfModel) {
      #expect(range.state == .committed && range.isOneway == buffer.isOneway)
      #expect(range.size == buffer.size && range.sender == buffer.sender)
      #expect(range.debugID == UInt32(numbers[range.offset] ?? 0))
    }
  }
}
