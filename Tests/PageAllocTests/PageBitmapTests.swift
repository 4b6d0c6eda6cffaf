import Testing

@testable import PageAlloc

@Suite("Page bitmap")
struct PageBitmapTests {
  @Test(arguments: [1, 63, 64, 65, 128, 200])
  func takesEachPageOnceFromTheLowest(pageCount: Int) throws {
    var bitmap = try PageBitmap(pageCount: pageCount)
    for page in 0..<pageCount { #expect(bitmap.take(order: 0) == page) }
    #expect(bitmap.take(order: 0) == nil)
    #expect(bitmap.setCount == pageCount)
    bitmap.clear(pageCount - 1..<pageCount)
    #expect(bitmap.take(order: 0) == pageCount - 1)
  }

  @Test func knowsWhetherAllAreSet() throws {
    var bitmap = try PageBitmap(pageCount: 300)
    bitmap.set(70..<200)
    #expect(bitmap.containsAll(70..<200) && bitmap.containsAll(5..<5))
    #expect(!bitmap.containsAll(69..<200) && !bitmap.containsAll(70..<201))
  }

  /// Random blocks of all orders against a plain array of flags.
  @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64])
  func agreesWithANaiveModel(seed: UInt64) throws {
    var random = SplitMix64(state: seed)
    let pageCount = 100 + Int(random.next() % 500)
    var bitmap = try PageBitmap(pageCount: pageCount)
    var model = [Bool](repeating: false, count: pageCount)
    var blocks: [Range<Int>] = []
    for _ in 0..<2000 {
      if random.next() % 5 < 3 {
        let order = Int(random.next() % 9)
        let length = 1 << order
        let expected = stride(from: 0, through: pageCount - length, by: length).first { start in
          !model[start..<start + length].contains(true)
        }
        #expect(bitmap.take(order: order) == expected)
        if let expected {
          blocks.append(expected..<expected + length)
          for page in blocks[blocks.count - 1] { model[page] = true }
        }
      } else if !blocks.isEmpty {
        let block = blocks.remove(at: Int(random.next() % UInt64(blocks.count)))
        bitmap.clear(block)
        for page in block { model[page] = false }
      }
      #expect(bitmap.setCount == model.count { $0 })
    }
    for page in 0..<pageCount { #expect(bitmap[page] == model[page]) }
  }
}

/// A small generator with a fixed sequence for each seed.
struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
