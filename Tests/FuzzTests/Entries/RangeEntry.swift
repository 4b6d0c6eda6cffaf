import BinderBuffer

@testable import bindersim

/// A stream of operations to a range allocator and to the naive model of its policy: every answer
/// is compared, and all that can be seen now and then.
func fuzzRanges(_ bytes: [UInt8]) throws {
  var input = FuzzInput(bytes)
  let policy = input.pick(PlacementPolicy.allCases)
  let length = input.pick([4096, 64, 8, 1000, 8192, 32768, 65536, 1_040_384, 4 << 20])
  var both = try ComparedRanges(length: length, policy: policy)
  while !input.isEmpty { try both.step(&input) }
  try both.finish()
}

/// An allocator and the naive model of its rule, given the same operations.
private struct ComparedRanges: ~Copyable {
  /// A live range as it is described.
  private struct Described: Equatable {
    let offset: Int
    let size: Int
    let isOneway: Bool
    let sender: Int32
  }

  private struct Live {
    let offset: Int
    let number: Int
    var isCommitted: Bool
  }

  private var ranges: RangeAllocator<Int>
  private var model: ModelPlacement
  /// Pages get frames when they are used, and lose them now and then when they are not.
  private let frames: FrameMap
  /// In no order.
  private var live: [Live] = []
  /// Of operations; also every range's metadata and debug id.
  private var number = 0

  init(length: Int, policy: PlacementPolicy) throws {
    frames = FrameMap(pageCount: (length + 4095) / 4096)
    model = ModelPlacement(length: length, policy: policy)
    ranges = try RangeAllocator(length: length, policy: policy, frames: frames)
  }

  mutating func step(_ input: inout FuzzInput) throws {
    number += 1
    let choice = input.byte()
    switch choice & 7 {
    case 0...3:
      try reserve(size(choice >> 5, &input), oneway: choice & 8 != 0, choice & 16 != 0, &input)
    case 4: try free(&input, inSteps: choice & 8 != 0)
    case 5: try toggle(&input)
    case 6: try free(&input, inSteps: choice & 8 != 0)
    default: try misuse(choice >> 3, &input)
    }
    if number % 16 == 0 { try check() }
  }

  /// Sizes of every order, those next to what is free, and impossible ones.
  private func size(_ kind: Int, _ input: inout FuzzInput) -> Int {
    let byte = input.byte()
    switch kind {
    case 0, 1, 2: return byte
    case 3: return byte << 3
    case 4: return byte << 7
    case 5: return byte << 12 | input.byte()
    case 6: return ranges.largestFreeRange + byte & 15 - 8
    default: return [ranges.freeOnewaySpace, ranges.length, -1, .min, .max, 1 << 32][byte % 6]
    }
  }

  private mutating func reserve(
    _ size: Int, oneway: Bool, _ commits: Bool, _ input: inout FuzzInput
  ) throws {
    let sender = Int32(oneway ? input.byte() & 3 : 0)
    // The model knows no sizes that cannot be; and no sum of it overflows.
    let expected =
      size < 0
      ? nil
      : model.reserve(
        min(size, 8 << 20), oneway: oneway, sender: sender, hasFrame: frames.contains)
    let answer = try place(size, oneway, sender, commits)
    try require(answer, expected, "\(number): reserve \(size)")
    if case .placed(let offset, _) = answer {
      live.append(Live(offset: offset, number: number, isCommitted: commits))
      frames.insert(offset / 4096..<(offset + max(8, (size + 7) / 8 * 8) + 4095) / 4096)
    }
  }

  /// The allocator's answer; nil when the size cannot be.
  private mutating func place(
    _ size: Int, _ oneway: Bool, _ sender: Int32, _ commits: Bool
  ) throws -> ModelPlacement.Answer? {
    let refusal: RangeError
    do throws(RangeError) {
      let taken =
        commits
        ? try ranges.allocate(
          size, oneway: oneway, sender: sender, debugID: UInt32(number), metadata: number)
        : try ranges.reserve(size, oneway: oneway, sender: sender, debugID: UInt32(number))
      return .placed(offset: taken.offset, spam: taken.spam)
    } catch {
      refusal = error
    }
    try require(refusal, expectedRefusal(of: size, like: refusal), "\(number): reserve \(size)")
    switch refusal {
    case .noSpace(_, let free, let largest): return .noSpace(free: free, largest: largest)
    case .noOnewaySpace(_, let free): return .noOnewaySpace(free: free)
    default: return nil
    }
  }

  /// The same refusal with the figures that it must have.
  private func expectedRefusal(of size: Int, like error: RangeError) -> RangeError {
    switch error {
    case .noSpace:
      .noSpace(
        requested: size, freeBytes: ranges.freeBytes, largestFree: ranges.largestFreeRange)
    case .noOnewaySpace: .noOnewaySpace(requested: size, free: ranges.freeOnewaySpace)
    default: .invalidSize(size)
    }
  }

  private mutating func free(_ input: inout FuzzInput, inSteps: Bool) throws {
    guard !live.isEmpty else { return }
    try free(at: input.byte() % live.count, inSteps: inSteps)
  }

  private mutating func free(at index: Int, inSteps: Bool) throws {
    let range = live.remove(at: index)
    let hole = model.free(range.offset)
    let freed: FreedRange
    if range.isCommitted && !inSteps {
      let both = try ranges.free(range.offset)
      try require(both.metadata, range.number, "\(number): metadata")
      freed = both.range
    } else {
      if range.isCommitted { try takeBack(range) }
      freed = try ranges.abort(range.offset)
    }
    try require(freed.hole, hole, "\(number): free \(range.offset)")
    try require(freed.offset, range.offset, "\(number): free")
    try require(
      freed.pages.allSatisfy { hole.contains($0 << 12) && hole.contains($0 << 12 + 4095) },
      "\(number): pages \(freed.pages) are not all in \(hole)")
    if number % 3 == 0 { frames.remove(freed.pages) }
  }

  private mutating func takeBack(_ range: Live) throws {
    let again = try ranges.reserveExisting(range.offset)
    try require(again.metadata, range.number, "\(number): metadata")
    try require(again.debugID, UInt32(range.number), "\(number): debug id")
  }

  /// Commits what is reserved, takes back what is committed.
  private mutating func toggle(_ input: inout FuzzInput) throws {
    guard !live.isEmpty else { return }
    let index = input.byte() % live.count
    if live[index].isCommitted {
      try takeBack(live[index])
    } else {
      try ranges.commit(live[index].offset, live[index].number)
    }
    live[index].isCommitted.toggle()
  }

  /// An operation at any offset; it succeeds only where it may, and then it is undone.
  private mutating func misuse(_ operation: Int, _ input: inout FuzzInput) throws {
    let offset = [input.short(), input.short() << 3, -input.short(), Int.max, Int.min][
      operation >> 2 % 5]
    let found = live.first { $0.offset == offset }
    let wanted = operation & 1 == 0
    if let found, found.isCommitted == wanted { return }
    let expected: RangeError =
      found == nil
      ? .noRange(offset: offset)
      : wanted ? .notCommitted(offset: offset) : .notReserved(offset: offset)
    do throws(RangeError) {
      switch (wanted, operation & 2 == 0) {
      case (true, true): _ = try ranges.free(offset)
      case (true, false): _ = try ranges.reserveExisting(offset)
      case (false, true): try ranges.commit(offset, 0)
      case (false, false): _ = try ranges.abort(offset)
      }
    } catch {
      return try require(error == expected, "\(number): \(error) instead of \(expected)")
    }
    throw Finding(description: "\(number): operation \(operation) at \(offset) was accepted")
  }

  /// Compares all that can be asked.
  private func check() throws {
    try ranges.checkInvariants()
    let gaps = model.gaps
    let buffers = model.ranges.filter(\.isLive).map {
      Described(offset: $0.start, size: $0.size, isOneway: $0.isOneway, sender: $0.sender)
    }
    try require(ranges.bufferCount, live.count, "\(number): live ranges")
    try require(ranges.freeOnewaySpace, model.freeOneway, "\(number): oneway space")
    try require(ranges.freeBytes, gaps.reduce(0) { $0 + $1.count }, "\(number): free bytes")
    try require(ranges.largestFreeRange, gaps.map(\.count).max() ?? 0, "\(number): largest")
    var described: [Described] = []
    ranges.forEachRange { range in
      guard range.state != .free else { return }
      described.append(
        Described(
          offset: range.offset, size: range.size, isOneway: range.isOneway, sender: range.sender))
    }
    try require(described, buffers, "\(number): live ranges")
  }

  mutating func finish() throws {
    try check()
    while !live.isEmpty {
      number += 1
      try free(at: live.count / 2, inSteps: false)
    }
    try check()
    try require(ranges.largestFreeRange, ranges.length, "at the end: the largest free range")
  }
}
