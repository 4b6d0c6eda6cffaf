import Testing

@testable import PageAlloc

@Suite("Page geometry")
struct GeometryTests {
  @Test func aPageIs4096Bytes() {
    #expect(Page.shift == 12)
    #expect(Page.size == 4096)
    #expect(Page.mask == ~4095)
    #expect(Page.count == 1)
    #expect(0x12345 & Page.mask == 0x12000)
  }

  @Test func anOrderDoublesTheSize() {
    #expect(Pages<1>.size == 8192)
    #expect(Pages<3>.count == 8)
    #expect(Pages<10>.shift == 22)
    #expect(Pages<10>.size == 4 << 20)
    #expect(Pages<3>.mask == ~32767)
  }

  @Test(arguments: [
    (0, 0), (1, 4096), (4095, 4096), (4096, 4096), (4097, 8192),
    (Int.max - 4095, Int.max - 4095),
  ])
  func alignRoundsUp(value: Int, aligned: Int) {
    #expect(Page.align(value) == aligned)
  }

  @Test(arguments: [Int.max, Int.max - 4094, -1, -4096, Int.min])
  func alignRefusesWhatHasNoAnswer(value: Int) {
    #expect(Page.align(value) == nil)
  }

  @Test func higherOrdersAlignToTheirSize() {
    #expect(Pages<2>.align(1) == 16384)
    #expect(Pages<2>.align(16384) == 16384)
    #expect(Pages<2>.align(Int.max - 16382) == nil)
  }

  /// Orders without pages, whose size no integer holds.
  @Test func impossibleOrdersHaveNoAnswer() {
    #expect(Pages<19>.align(1) == nil && Pages<51>.align(1) == nil && Pages<60>.align(1) == nil)
    #expect(Pages<18>.align(1) == 1 << 30)
    _ = (Pages<51>.mask, Pages<51>.size, Pages<52>.mask, Pages<52>.size)
  }

  @Test func aPageIsTwoWords() {
    #expect(MemoryLayout<Page>.stride == 16)
    #expect(MemoryLayout<Page?>.stride == 16)
  }
}
