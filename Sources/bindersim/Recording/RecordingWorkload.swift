/// Shapes of traffic to record, each with the sizes, lifetimes and order of frees that make it.
enum RecordingWorkload: String, CaseIterable, Sendable {
  case mixed, small, bimodal, oneway, fifo, lru, pages, ties

  var summary: String {
    switch self {
    case .mixed: "sizes from none to 16 KiB, a third oneway, freed in any order"
    case .small: "up to 512 bytes, freed in any order"
    case .bimodal: "nine in ten small, the others 16 to 64 KiB"
    case .oneway: "oneway only, until their space runs out, with suspected spam"
    case .fifo: "freed in the order in which they came"
    case .lru: "whole and partial pages, idle pages given back often"
    case .pages: "multiples of a page and a little more, over many pages"
    case .ties: "few sizes, so that many free ranges are equal"
    }
  }

  /// How many buffers live, about, when a region of `length` bytes is filled: a little more than it
  /// has room for, so that some requests fail.
  func target(regionLength length: Int) -> Int {
    let count =
      switch self {
      case .mixed: length / 1200
      case .small: length / 250
      case .bimodal: length / 4000
      case .oneway: length / 200
      case .fifo: length / 4000
      case .lru: 16
      case .pages: length / 18000
      case .ties: length / 380
      }
    return max(4, count)
  }

  var freesInOrder: Bool { self == .fifo }

  /// One operation in so many gives idle pages back; nil for never.
  var reclaimInterval: Int? {
    switch self {
    case .lru: 20
    case .pages: 200
    default: nil
    }
  }

  func isOneway(_ random: inout SplitMix64) -> Bool {
    switch self {
    case .oneway, .lru: true
    case .fifo, .pages, .bimodal: random.next(below: 4) == 0
    case .mixed, .small, .ties: random.next(below: 3) == 0
    }
  }

  /// Data and offsets bytes of one transaction.
  func sizes(_ random: inout SplitMix64) -> (data: Int, offsets: Int, extra: Int) {
    let data =
      switch self {
      case .mixed: mixed(&random)
      case .small: random.next(in: 0...512)
      case .bimodal:
        random.next(below: 10) == 0
          ? random.next(in: 16 << 10...64 << 10) : random.next(in: 16...256)
      case .oneway: random.next(in: 0...300)
      case .fifo: random.next(in: 8...8192)
      case .lru:
        random.next(below: 2) == 0
          ? 4096 * random.next(in: 1...3) : random.next(in: 1...9000)
      case .pages: 4096 * random.next(in: 1...8) + (random.next(below: 2) == 0 ? 0 : 8)
      case .ties: 64 << random.next(in: 0...4)
      }
    let objects = random.next(below: 4) == 0 ? random.next(in: 0...4) : 0
    let offsets = min(objects, data / ObjectPattern.objectSize) * 8
    return (data, offsets, random.next(below: 16) == 0 ? 8 * random.next(in: 1...16) : 0)
  }

  /// Small sizes are common and large ones rare, over four decades.
  private func mixed(_ random: inout SplitMix64) -> Int {
    random.next(below: 1 << random.next(in: 3...14))
  }
}
