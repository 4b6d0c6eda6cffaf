/// Which pages the live buffers of a replay touch.
struct PageTally {
  private var buffersOnPage: [UInt16]
  private var touched: [Bool]
  private(set) var inUse = 0
  private(set) var peak = 0
  private(set) var ever = 0

  init(region: Int) {
    buffersOnPage = Array(repeating: 0, count: (region + 4095) >> 12)
    touched = Array(repeating: false, count: buffersOnPage.count)
  }

  mutating func add(_ offset: Int, _ size: Int) {
    for page in offset >> 12...(offset + size - 1) >> 12 {
      if buffersOnPage[page] == 0 { inUse += 1 }
      buffersOnPage[page] += 1
      if !touched[page] {
        touched[page] = true
        ever += 1
      }
    }
    peak = max(peak, inUse)
  }

  mutating func remove(_ offset: Int, _ size: Int) {
    for page in offset >> 12...(offset + size - 1) >> 12 {
      buffersOnPage[page] -= 1
      if buffersOnPage[page] == 0 { inUse -= 1 }
    }
  }
}
