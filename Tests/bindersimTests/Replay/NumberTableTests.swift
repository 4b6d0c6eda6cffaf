import Testing

@testable import bindersim

@Suite(.timeLimit(.minutes(5))) struct NumberTableTests {
  @Test(arguments: 1...20)
  func likeADictionary(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var table = NumberTable()
    var model: [UInt64: Int] = [:]
    // Few keys meet often; multiples share their lower bits.
    let scale: UInt64 = [1, 64, 1 << 32, 0x1_0000_0001][Int(seed % 4)]
    for step in 0..<2000 {
      let key = UInt64(random.next(below: 300)) &* scale
      if random.next(below: 5) < 3 {
        table[key] = step
        model[key] = step
      } else {
        table[key] = nil
        model[key] = nil
      }
      #expect(table.count == model.count)
      let probe = UInt64(random.next(below: 300)) &* scale
      #expect(table[probe] == model[probe])
    }
    for key in UInt64(0)..<300 { #expect(table[key &* scale] == model[key &* scale]) }
  }

  @Test func numbersOfBothSigns() {
    var table = NumberTable()
    table[Int32(-1)] = 4
    #expect(table[UInt32.max] == 4)
    #expect(table[UInt64.max] == nil)
    table[Int32.min] = 5
    table[Int32(-1)] = nil
    #expect(table[Int32(-1)] == nil)
    #expect(table[Int32.min] == 5)
    #expect(table.count == 1)
  }
}
