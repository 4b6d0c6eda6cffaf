import Testing

@testable import bindersim

@Suite(.timeLimit(.minutes(5))) struct PayloadTests {
  private func filled(_ size: Int, objects: Int, key: UInt64) -> (data: [UInt8], offsets: [UInt8]) {
    var data = [UInt8](repeating: 0xaa, count: size)
    var offsets = [UInt8](repeating: 0xaa, count: objects * 8)
    data.withUnsafeMutableBytes { data in
      offsets.withUnsafeMutableBytes { unsafe Payload.fill(data, offsets: $0, key: key) }
    }
    return (data, offsets)
  }

  /// Sizes around words and objects, with as many objects as fit and with fewer.
  private static let shapes = [
    (0, 0), (1, 0), (4, 0), (7, 0), (8, 0), (9, 0), (24, 1), (28, 1), (32, 1), (47, 1), (48, 2),
    (52, 2), (100, 1), (100, 4), (1000, 3),
  ]

  @Test(arguments: shapes)
  func everyChangedByteIsFound(_ size: Int, _ objects: Int) {
    var (data, offsets) = filled(size, objects: objects, key: 99)
    #expect(Payload.firstDifference(in: data.span.bytes, objects: objects, key: 99) == nil)
    #expect(Payload.firstDifference(inOffsets: offsets.span.bytes) == nil)
    for position in data.indices {
      let expected = data[position]
      data[position] ^= 0x10
      #expect(
        Payload.firstDifference(in: data.span.bytes, objects: objects, key: 99)
          == Payload.Difference(position: position, expected: expected, got: expected ^ 0x10))
      data[position] = expected
    }
    for position in offsets.indices {
      let expected = offsets[position]
      offsets[position] ^= 0x80
      #expect(
        Payload.firstDifference(inOffsets: offsets.span.bytes)
          == Payload.Difference(position: position, expected: expected, got: expected ^ 0x80))
      offsets[position] = expected
    }
  }

  @Test func theFirstOfSeveralIsReported() {
    var (data, _) = filled(200, objects: 2, key: 1)
    for position in [5, 60, 199] { data[position] ^= 1 }
    #expect(Payload.firstDifference(in: data.span.bytes, objects: 2, key: 1)?.position == 5)
  }

  @Test func objectsAreHandles() {
    let (data, offsets) = filled(60, objects: 2, key: 7)
    #expect(Array(data[0..<4]) == [0x85, 0x2a, 0x68, 0x73])
    #expect(Array(data[24..<28]) == [0x85, 0x2a, 0x68, 0x73])
    #expect(offsets == [0, 0, 0, 0, 0, 0, 0, 0, 24, 0, 0, 0, 0, 0, 0, 0])
  }

  @Test func anotherMessageOrAnotherPlaceIsNotMistaken() {
    let (data, _) = filled(64, objects: 0, key: 7)
    #expect(Payload.firstDifference(in: data.span.bytes, objects: 0, key: 8)?.position == 0)
    let moved = Array(data[8...])
    #expect(Payload.firstDifference(in: moved.span.bytes, objects: 0, key: 7)?.position == 0)
    let zeros = [UInt8](repeating: 0, count: 64)
    #expect(Payload.firstDifference(in: zeros.span.bytes, objects: 0, key: 7) != nil)
  }
}
