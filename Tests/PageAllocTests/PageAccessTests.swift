import Testing

@testable import PageAlloc

@Suite("Access to pages", .timeLimit(.minutes(5)))
struct PageAccessTests {
  /// Each refused pair of offset and length.
  static let outside = [
    (-1, 1), (0, -1), (4097, 0), (0, 4097), (4096, 1), (4095, 2), (1, 4096), (Int.max, 1),
    (1, Int.max), (Int.max, Int.max), (Int.min, Int.min), (-4096, 8192),
  ]

  @Test(arguments: outside)
  func outsideTheBoundsNothingRuns(offset: Int, length: Int) throws {
    let arena = try PageArena(pageCount: 2)
    var page = try arena.allocate(Page.self)
    let error = PageAllocError.outOfBounds(offset: offset, length: length, size: 4096)
    var ran = false
    #expect(
      failure {
        try page.withBytes(offset: offset, length: length) { _ in ran = true }
      } == error)
    #expect(
      failure {
        try page.withMutableBytes(offset: offset, length: length) { _ in ran = true }
      } == error)
    #expect(
      failure {
        try page.fillZero(offset: offset, length: length)
      } == error)
    let source = pattern(16)
    unsafe source.withUnsafeBytes { source in
      var reader = unsafe UserSlice(unsafeTrusted: source).reader()
      #expect(
        failure {
          try page.copy(from: &reader, at: offset, length: length)
        } == error)
      #expect(reader.count == 16)
    }
    #expect(!ran)
    #expect(error.errno == .invalidArgument)
  }

  @Test(arguments: [(0, 0), (4096, 0), (0, 4096), (4095, 1), (17, 100)])
  func insideTheBoundsTheClosureSeesExactlyThatMuch(offset: Int, length: Int) throws {
    let arena = try PageArena(pageCount: 2)
    var page = try arena.allocate(Page.self)
    try page.withMutableBytes { all in
      for index in 0..<all.byteCount {
        all.storeBytes(
          of: UInt8(truncatingIfNeeded: index), toByteOffset: index, as: UInt8.self)
      }
    }
    try page.withBytes(offset: offset, length: length) { bytes in
      #expect(bytes.byteCount == length)
      if length > 0 {
        #expect(unsafe bytes.unsafeLoad(as: UInt8.self) == UInt8(truncatingIfNeeded: offset))
      }
    }
    let mutableCount = try page.withMutableBytes(offset: offset, length: length) { $0.byteCount }
    #expect(mutableCount == length)
  }

  @Test func readsBackWhatWasWritten() throws {
    let arena = try PageArena(pageCount: 4)
    var pages = try arena.allocate(Pages<1>.self)
    let source = pattern(5000)
    // Across the seam of the two pages.
    try pages.write(source, at: 2000)
    var target = [UInt8](repeating: 0xff, count: 5000)
    try pages.read(into: &target, at: 2000)
    #expect(target == source)
    let all = try pages.allBytes()
    #expect(all[..<2000].allSatisfy { $0 == 0 } && all[7000...].allSatisfy { $0 == 0 })
  }

  @Test func writesAndReadsThatEndOutsideAreRefused() throws {
    let arena = try PageArena(pageCount: 1)
    var page = try arena.allocate(Page.self)
    let source = pattern(100)
    #expect(
      failure {
        try page.write(source, at: 4000)
      } == .outOfBounds(offset: 4000, length: 100, size: 4096))
    var target = [UInt8](repeating: 7, count: 100)
    #expect(
      failure {
        try page.read(into: &target, at: 3997)
      } == .outOfBounds(offset: 3997, length: 100, size: 4096))
    #expect(target.allSatisfy { $0 == 7 })
    #expect(try page.allBytes() == zeroPage)
  }

  @Test func fillsWithZerosJustThere() throws {
    let arena = try PageArena(pageCount: 1)
    var page = try arena.allocate(Page.self)
    let source = [UInt8](repeating: 9, count: 4096)
    try page.write(source, at: 0)
    try page.fillZero(offset: 10, length: 20)
    let bytes = try page.allBytes()
    #expect(bytes[10..<30].allSatisfy { $0 == 0 })
    #expect(bytes[..<10].allSatisfy { $0 == 9 } && bytes[30...].allSatisfy { $0 == 9 })
    try page.fillZero()
    #expect(try page.allBytes() == zeroPage)
  }

  @Test func copiesFromAReaderAndMovesIt() throws {
    let arena = try PageArena(pageCount: 1)
    var page = try arena.allocate(Page.self)
    let source = pattern(300)
    try unsafe source.withUnsafeBytes { bytes in
      var reader = unsafe UserSlice(unsafeTrusted: bytes).reader()
      try page.copy(from: &reader, at: 4000, length: 96)
      #expect(reader.count == 204)
      #expect(reader.bytesRead == 96)
      #expect(
        failure {
          try page.copy(from: &reader, at: 0, length: 205)
        } == .pastEnd(requested: 205, remaining: 204))
      #expect(reader.count == 204)
    }
    #expect(try page.allBytes() == [UInt8](repeating: 0, count: 4000) + source[..<96])
  }

  @Test func theReceiverSeesWhatTheDriverWrites() throws {
    let arena = try PageArena(pageCount: 8)
    var page = try arena.allocate(Page.self)
    let source = pattern(4096)
    try page.write(source, at: 0)
    #expect(arena.receiverBytes(page: page.index) == source)
  }
}
