import BinderBuffer

/// The rule of `compact`: of all places that a buffer can have, the one that ranks first.
struct NaiveCompact: NaiveRanges {
  let length: Int
  private let frames: FrameMap?
  private(set) var live: [NaiveBuffer] = []

  init(length: Int) { self.init(length: length, frames: nil) }

  /// - Parameter frames: Which pages have frames; without it all have.
  init(length: Int, frames: FrameMap?) {
    self.length = length
    self.frames = frames
  }

  mutating func reserve(_ size: Int, oneway: Bool, sender: Int32) -> Placement {
    let size = max(8, (size + 7) / 8 * 8)
    if oneway && size > freeOnewaySpace { return .noOnewaySpace }
    guard let offset = place(size) else { return .noSpace }
    let buffer = NaiveBuffer(offset: offset, size: size, isOneway: oneway, sender: sender)
    live.insert(buffer, at: live.firstIndex { $0.offset > offset } ?? live.count)
    let isSpam = oneway && freeOnewaySpace < length / 10 && floods(live, sender)
    return .placed(offset: offset, isSpam: isSpam)
  }

  private func place(_ size: Int) -> Int? {
    let fitting = gaps.filter { $0.count >= size }
    guard let least = fitting.map(\.count).min() else { return nil }
    let best = fitting.first { $0.count == least }!.lowerBound
    // A short range is taken as it is.
    if least < 8192 { return best }
    var places: [(rank: [Int], offset: Int)] = []
    for gap in fitting {
      for (isAtEnd, offset) in [gap.lowerBound, gap.upperBound - size].enumerated() {
        let missing = missing(offset, size)
        let idle = idle(offset, size, gap)
        places.append(
          (
            size > 8192
              ? [missing, idle, gap.count, gap.lowerBound, isAtEnd]
              : [missing, gap.count, gap.lowerBound, idle, isAtEnd], offset
          ))
      }
    }
    return places.min { $0.rank.lexicographicallyPrecedes($1.rank) }!.offset
  }

  /// Whole pages of a gap that a place in it touches.
  private func idle(_ offset: Int, _ size: Int, _ gap: Range<Int>) -> Int {
    (offset / 4096...(offset + size - 1) / 4096).count {
      gap.contains($0 * 4096..<($0 + 1) * 4096)
    }
  }

  private func missing(_ offset: Int, _ size: Int) -> Int {
    guard let frames else { return 0 }
    return (offset / 4096...(offset + size - 1) / 4096).count { !frames.contains($0) }
  }

  mutating func free(_ offset: Int) -> Range<Int> {
    live.removeAll { $0.offset == offset }
    return gaps.first { $0.contains(offset) }!
  }
}
