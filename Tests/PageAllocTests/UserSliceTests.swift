import Glibc
import Testing

@testable import PageAlloc

@Suite("User slices of this process")
struct UserSliceTests {
  @Test(arguments: [UserMemory.trusted, .untrusted])
  func aReaderGoesFromFrontToBack(memory: UserMemory) throws {
    let source = pattern(64)
    try unsafe source.withUnsafeBytes { raw in
      let slice =
        memory == .trusted
        ? unsafe UserSlice(unsafeTrusted: raw)
        : UserSlice(address: UInt(bitPattern: raw.baseAddress), length: 64, in: memory)
      #expect(slice.memory == memory)
      var reader = slice.reader()
      #expect(reader.count == 64 && !reader.isEmpty)
      #expect(try reader.read(as: UInt8.self) == source[0])
      // Unaligned.
      let word = unsafe raw.loadUnaligned(fromByteOffset: 1, as: UInt32.self)
      #expect(try reader.read(as: UInt32.self) == word)
      try reader.skip(3)
      var target = [UInt8](repeating: 0, count: 10)
      try reader.read(into: &target)
      #expect(target == Array(source[8..<18]))
      #expect(reader.count == 46)
      #expect(reader.bytesRead == 15)
      var clone = reader.clone()
      #expect(try clone.readAll() == Array(source[18...]))
      #expect(clone.isEmpty && clone.bytesRead == 46)
      #expect(reader.count == 46 && reader.bytesRead == 15)
      struct Header: BitwiseCopyable {
        var a: UInt16
        var b: UInt64
      }
      let header = try unsafe reader.read(as: Header.self)
      let a = unsafe raw.loadUnaligned(fromByteOffset: 18, as: UInt16.self)
      let b = unsafe raw.loadUnaligned(fromByteOffset: 26, as: UInt64.self)
      #expect(header.a == a && header.b == b)
      #expect(reader.count == 30)
    }
  }

  @Test(arguments: [UserMemory.trusted, .untrusted])
  func pastTheEndNothingMoves(memory: UserMemory) throws {
    let source = pattern(10)
    try unsafe source.withUnsafeBytes { raw in
      let slice =
        memory == .trusted
        ? unsafe UserSlice(unsafeTrusted: raw)
        : UserSlice(address: UInt(bitPattern: raw.baseAddress), length: 10, in: memory)
      var reader = slice.reader()
      try reader.skip(4)
      let error = failure { _ = try reader.read(as: UInt64.self) }
      #expect(error == .pastEnd(requested: 8, remaining: 6))
      #expect(error?.errno == .badAddress)
      #expect(
        failure { try reader.skip(7) }
          == .pastEnd(requested: 7, remaining: 6))
      #expect(
        failure { try reader.skip(-1) }
          == .invalidArgument(.byteCount, value: -1))
      #expect(reader.count == 6 && reader.bytesRead == 0)
      #expect(try reader.readAll() == Array(source[4...]))
      #expect(try reader.readAll() == [])
      var target: [UInt8] = []
      try unsafe target.withUnsafeMutableBytes { try unsafe reader.read(into: $0) }
    }
  }

  /// Where the page that cannot be reached lies among three, and how it came to be so.
  static let holes = (0..<3).flatMap { page in Hole.allCases.map { (page, $0) } }

  @Test(arguments: holes)
  func anUnreachablePageIsABadAddressThere(page: Int, hole: Hole) throws {
    let memory = HoleyMemory(pages: 3)
    let bytes = memory.bytes
    try memory.make(hole, page: page)
    // From inside the first page to inside the last.
    let start = 100
    let length = 3 * Page.size - 200
    let good = max(0, page * Page.size - start)
    let slice = UserSlice(address: memory.address + UInt(start), length: length, in: .untrusted)
    let expected = PageAllocError.badAddress(
      address: slice.address + UInt(good), length: length - good)

    var reader = slice.reader()
    var target = [UInt8](repeating: 0xee, count: length)
    let error = failure { try reader.read(into: &target) }
    #expect(error == expected)
    #expect(error?.errno == .badAddress)
    #expect(reader.count == length && reader.bytesRead == good)
    #expect(target[..<good] == bytes[start..<start + good])
    #expect(target[good...].allSatisfy { $0 == 0xee })
    #expect(failure { _ = try reader.readAll() } == expected)
    #expect(reader.count == length)
    // Around the hole, all can be had.
    var before = UserSlice(address: slice.address, length: good, in: .untrusted).reader()
    #expect(try before.readAll() == Array(bytes[start..<start + good]))
    if page < 2 {
      try reader.skip((page + 1) * Page.size - start)
      #expect(try reader.readAll() == Array(bytes[((page + 1) * Page.size)..<(start + length)]))
    }
  }

  /// A page that is not mapped at all; in a process of its own, where nobody maps it meanwhile.
  @Test func anUnmappedPageIsABadAddressThere() async {
    await #expect(processExitsWith: .success) {
      for page in 0..<3 {
        let memory = HoleyMemory(pages: 3)
        unsafe munmap(memory.base + page * Page.size, Page.size)
        var reader = UserSlice(
          address: memory.address, length: 3 * Page.size, in: .untrusted
        ).reader()
        var target = [UInt8](repeating: 0, count: 3 * Page.size)
        let expected = PageAllocError.badAddress(
          address: memory.address + UInt(page * Page.size), length: (3 - page) * Page.size)
        let error = failure { try reader.read(into: &target) }
        try #require(error == expected)
        let count = reader.count
        try #require(count == 3 * Page.size)
      }
    }
  }

  @Test(
    arguments: [
      (0, 8), (1, 1), (UInt.max, 1), (UInt.max - 7, 8), (UInt.max - 3, 8), (1 << 63, 64),
      (0xffff_8000_0000_0000, 4096), (UInt(1) << 47, 1),
    ] as [(UInt, Int)])
  func impossibleAddressesAreBad(address: UInt, length: Int) throws {
    var reader = UserSlice(address: address, length: length, in: .untrusted).reader()
    var target = [UInt8](repeating: 0, count: length)
    #expect(
      failure {
        try reader.read(into: &target)
      } == .badAddress(address: address, length: length))
    #expect(reader.count == length)
  }

  /// A sender that claims more than there is costs no memory and no crash.
  @Test(arguments: [Int.max, -1, Int.min, 1 << 40])
  func hugeClaimsEndAtTheFirstBadAddress(length: Int) throws {
    let memory = HoleyMemory(pages: 2)
    memory.protect(page: 1, PROT_NONE)
    let slice = UserSlice(address: memory.address, length: length, in: .untrusted)
    #expect(slice.length == (length < 0 ? Int.max : length))
    var reader = slice.reader()
    guard
      case .badAddress(let address, _) = failure({
        _ = try reader.readAll()
      })
    else {
      Issue.record("no bad address")
      return
    }
    #expect(address == memory.address + 4096)
    #expect(reader.count == slice.length)
    #expect(try reader.read(as: UInt8.self) == memory.bytes(page: 0)[0])
  }

  /// Reading all takes several steps when there is much; a failure undoes them all.
  @Test func aHoleFarBehindLeavesTheReaderWhereItWas() throws {
    let arena = try PageArena(pageCount: 1024)
    let start = unsafe UInt(bitPattern: arena.memory.receiverView)
    let length = 1024 * Page.size
    let last = start + UInt(length - Page.size)
    unsafe mprotect(UnsafeMutableRawPointer(bitPattern: last), Page.size, PROT_NONE)
    var reader = UserSlice(address: start, length: length, in: .untrusted).reader()
    try reader.skip(5)
    let expected = PageAllocError.badAddress(address: last, length: Page.size)
    #expect(failure { _ = try reader.readAll() } == expected)
    #expect(reader.count == length - 5 && reader.bytesRead == length - Page.size - 5)
    #expect(failure { _ = try reader.readAll() } == expected)
  }

  /// Only memory that comes as memory is trusted, not a number.
  @Test func aNumberIsNotTrusted() {
    let slice = UserSlice(address: 8, length: 8, in: .trusted)
    #expect(slice.memory == .untrusted)
    var reader = slice.reader()
    #expect(
      failure { _ = try reader.read(as: UInt64.self) }
        == .badAddress(address: 8, length: 8))
  }

  @Test func readsAllOfALargeSliceInDoublingSteps() throws {
    var source = [UInt8](repeating: 1, count: 5_000_001)
    for index in stride(from: 0, to: source.count, by: 509) {
      source[index] = UInt8(truncatingIfNeeded: index)
    }
    let bytes = try unsafe UserSlice.withTrusted(source.span.bytes) { slice in
      var reader = slice.reader()
      let bytes = Result { try reader.readAll() }
      #expect(reader.bytesRead == source.count && reader.isEmpty)
      return bytes
    }.get()
    #expect(bytes == source)
  }

  @Test func theEmptySliceIsEmpty() throws {
    #expect(UserSlice.empty.isEmpty)
    var reader = UserSlice.empty.reader()
    #expect(reader.count == 0)
    #expect(try reader.readAll() == [])
    #expect(
      failure { _ = try reader.read(as: UInt8.self) }
        == .pastEnd(requested: 1, remaining: 0))
  }
}

/// Why a page cannot be reached.
enum Hole: CaseIterable {
  /// It is mapped and may not be touched.
  case protected
  /// It is mapped and lies behind the end of its file.
  case behindTheEndOfFile
}

extension HoleyMemory {
  func make(_ hole: Hole, page: Int) throws {
    switch hole {
    case .protected:
      protect(page: page, PROT_NONE)
    case .behindTheEndOfFile:
      let file = try FileDescriptor.memoryFile(byteCount: 0)
      unsafe mmap(
        base + page * Page.size, Page.size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
        file.raw, 0)
    }
  }

  func bytes(page: Int) -> [UInt8] {
    unsafe [UInt8](UnsafeRawBufferPointer(start: base + page * Page.size, count: Page.size))
  }
}
