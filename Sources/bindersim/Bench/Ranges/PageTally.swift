internal import BinderBuffer

/// Which pages the live buffers of a replay touch, and which have frames.
struct PageTally {
  private var buffersOnPage: [UInt16]
  private(set) var inUse = 0
  private(set) var peak = 0
  /// Frames given to pages so far; without reclaim, pages ever touched.
  private(set) var fresh = 0
  let frames: FrameMap

  init(region: Int) {
    buffersOnPage = Array(repeating: 0, count: (region + 4095) >> 12)
    frames = FrameMap(pageCount: buffersOnPage.count)
  }

  static func pages(_ offset: Int, _ size: Int) -> Range<Int> {
    offset >> 12..<(offset + size + 4095) >> 12
  }

  mutating func add(_ offset: Int, _ size: Int) {
    for page in Self.pages(offset, size) {
      if buffersOnPage[page] == 0 { inUse += 1 }
      buffersOnPage[page] += 1
      if !frames.contains(page) {
        frames.insert(page..<page + 1)
        fresh += 1
      }
    }
    peak = max(peak, inUse)
  }

  mutating func remove(_ offset: Int, _ size: Int) {
    for page in Self.pages(offset, size) {
      buffersOnPage[page] -= 1
      if buffersOnPage[page] == 0 { inUse -= 1 }
    }
  }

  /// Takes back the frames of all idle pages.
  func reclaim() {
    for page in buffersOnPage.indices where buffersOnPage[page] == 0 {
      frames.remove(page..<page + 1)
    }
  }
}
