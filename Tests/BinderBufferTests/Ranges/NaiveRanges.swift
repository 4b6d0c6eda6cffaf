/// What a placement rule answers to one request.
enum Placement: Equatable {
  case placed(offset: Int, isSpam: Bool)
  case noSpace
  case noOnewaySpace
}

/// A placement rule written down as plainly as possible, to compare the allocator with.
protocol NaiveRanges {
  init(length: Int)
  mutating func reserve(_ size: Int, oneway: Bool, sender: Int32) -> Placement
  /// Frees a live range; gives the free range that surrounds it now.
  mutating func free(_ offset: Int) -> Range<Int>
  /// Live ranges in address order.
  var live: [NaiveBuffer] { get }
  var length: Int { get }
}

struct NaiveBuffer: Equatable {
  var offset: Int
  var size: Int
  var isOneway: Bool
  var sender: Int32
  var end: Int { offset + size }
}

extension NaiveRanges {
  var freeOnewaySpace: Int { length / 2 - live.reduce(0) { $0 + ($1.isOneway ? $1.size : 0) } }

  /// The gaps between live ranges, in address order.
  var gaps: [Range<Int>] {
    var gaps: [Range<Int>] = []
    var end = 0
    for buffer in live {
      if buffer.offset > end { gaps.append(end..<buffer.offset) }
      end = buffer.end
    }
    if end < length { gaps.append(end..<length) }
    return gaps
  }

  /// A sender's live oneway ranges, and whether they are too many or too much.
  func floods(_ buffers: [NaiveBuffer], _ sender: Int32) -> Bool {
    let own = buffers.filter { $0.isOneway && $0.sender == sender }
    return own.count > 50 || own.reduce(0) { $0 + $1.size } > length / 4
  }
}

/// The Rust driver's rule over a sorted array.
struct NaiveRust: NaiveRanges {
  let length: Int
  private(set) var live: [NaiveBuffer] = []
  private(set) var isTree = false

  /// Before 6.18.19: spam is looked for before the new buffer is entered, and in the tree only.
  private let isOld: Bool

  init(length: Int) { self.init(length: length, isOld: false) }
  init(length: Int, isOld: Bool) {
    self.length = length
    self.isOld = isOld
  }

  mutating func reserve(_ size: Int, oneway: Bool, sender: Int32) -> Placement {
    if live.count == 8 { isTree = true }
    let size = max(8, (size + 7) / 8 * 8)
    if oneway && size > freeOnewaySpace { return .noOnewaySpace }
    guard let offset = isTree ? bestFit(size) : firstFit(size) else { return .noSpace }
    let before = live
    let buffer = NaiveBuffer(offset: offset, size: size, isOneway: oneway, sender: sender)
    live.insert(buffer, at: live.firstIndex { $0.offset > offset } ?? live.count)
    let isLow = oneway && freeOnewaySpace < length / 10
    let isSpam = isLow && (isOld ? isTree && floods(before, sender) : floods(live, sender))
    return .placed(offset: offset, isSpam: isSpam)
  }

  private func firstFit(_ size: Int) -> Int? {
    let end = live.last?.end ?? 0
    if length - end >= size { return end }
    return gaps.first { $0.count >= size }?.lowerBound
  }

  private func bestFit(_ size: Int) -> Int? {
    var best: Range<Int>?
    for gap in gaps where gap.count >= size {
      if best == nil || gap.count < best!.count { best = gap }
    }
    return best?.lowerBound
  }

  mutating func free(_ offset: Int) -> Range<Int> {
    live.removeAll { $0.offset == offset }
    if live.isEmpty { isTree = false }
    return gaps.first { $0.contains(offset) }!
  }
}
