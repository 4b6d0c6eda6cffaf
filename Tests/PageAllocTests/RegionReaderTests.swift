import Glibc
import Testing

@testable import PageAlloc

/// Regions read by whoever gets a descriptor of them.
@Suite(.timeLimit(.minutes(15))) struct RegionReaderTests {
  private static func arena(
    pages: Int = 4, _ sharing: RegionSharing = .exportable
  ) throws -> PageArena {
    try PageArena(pageCount: pages, sharing: sharing)
  }

  @Test(arguments: [RegionSharing.exportable, .exportableSealed])
  func readsWhatIsThere(_ sharing: RegionSharing) throws {
    let arena = try Self.arena(sharing)
    let region = try RegionReader(adopting: arena.readOnlyDescriptor(), byteCount: 4 * Page.size)
    #expect(region.byteCount == 4 * Page.size)
    var block = try arena.allocate(Pages<2>.self)
    let sent = pattern(4 * Page.size)
    try block.write(sent, at: 0)
    #expect(try region.bytes(at: 0, count: sent.count) == sent)
    #expect(try region.bytes(at: 4090, count: 11) == Array(sent[4090..<4101]))
    #expect(try region.bytes(at: 4 * Page.size, count: 0) == [])
    // At no alignment.
    let expected = (0..<8).reduce(UInt64(0)) { $0 | UInt64(sent[4093 + $1]) << (8 * UInt64($1)) }
    #expect(try region.integer(at: 4093, as: UInt64.self) == expected.littleEndian)
    #expect(try region.integer(at: 4 * Page.size - 1, as: UInt8.self) == sent.last)
    let sum = try region.withBytes(at: 100, count: 5000) { bytes in
      var sum = 0
      for index in bytes.indices { sum += Int(bytes[index]) }
      return sum
    }
    #expect(sum == sent[100..<5100].reduce(0) { $0 + Int($1) })
    // The same memory, not a copy of it.
    try block.fillZero()
    #expect(try region.integer(at: 4093, as: UInt64.self) == 0)
  }

  @Test(arguments: [
    (-1, 1), (0, -1), (0, 16385), (16384, 1), (16380, 8), (.max, 1), (1, .max), (.min, .min),
    (.max, .max),
  ])
  func nothingOutsideIsRead(_ offset: Int, _ count: Int) throws {
    let arena = try Self.arena()
    let region = try RegionReader(adopting: arena.readOnlyDescriptor())
    let error = PageAllocError.outOfBounds(offset: offset, length: count, size: 4 * Page.size)
    #expect(failure { _ = try region.bytes(at: offset, count: count) } == error)
    #expect(failure { try region.withBytes(at: offset, count: count) { _ in } } == error)
    if count == 8 {
      #expect(failure { _ = try region.integer(at: offset, as: Int64.self) } == error)
    }
  }

  @Test func outlivesWhoMadeIt() throws {
    var arena: PageArena? = try Self.arena()
    let region = try RegionReader(adopting: arena!.readOnlyDescriptor())
    var page: Page? = try arena!.allocate(Page.self)
    try page!.write([1, 2, 3], at: 7)
    #expect(try region.bytes(at: 7, count: 3) == [1, 2, 3])
    page = nil
    arena = nil
    // Whatever is in it, it can be read: the file is as long as ever.
    #expect(try region.bytes(at: 0, count: region.byteCount).count == 4 * Page.size)
  }

  @Test func onlyFilesOfAFixedLengthAreMapped() throws {
    let unsealed = try FileDescriptor.memoryFile(byteCount: 2 * Page.size)
    let number = unsealed.take()
    #expect(
      failure { _ = try RegionReader(adopting: number) }
        == .invalidArgument(.notARegion, value: Int(number)))
    #expect(fcntl(number, F_GETFD) == -1, "it was closed")
    for path in ["/dev/zero", "/proc/self/exe"] {
      let other = open(path, O_RDONLY)
      #expect(
        failure { _ = try RegionReader(adopting: other) }
          == .invalidArgument(.notARegion, value: Int(other)))
      #expect(fcntl(other, F_GETFD) == -1, "it was closed")
    }
    #expect(
      failure { _ = try RegionReader(adopting: 1_000_000) }
        == .system(.seals, .badFileDescriptor))
    #expect(failure { _ = try RegionReader(adopting: -1) } == .system(.seals, .badFileDescriptor))
  }

  @Test func aLengthThatWasNotExpectedIsRefused() throws {
    let arena = try Self.arena()
    let descriptor = try arena.readOnlyDescriptor()
    let error = failure { _ = try RegionReader(adopting: descriptor, byteCount: 3 * Page.size) }
    #expect(error == .invalidArgument(.regionLength, value: 4 * Page.size))
    #expect(error.map { "\($0)" }?.contains("16384") == true)
    #expect(fcntl(descriptor, F_GETFD) == -1, "it was closed")
    // A file that is no number of pages.
    let odd = try FileDescriptor.memoryFile(byteCount: 100)
    try odd.addSeals(0x7)
    let number = odd.take()
    #expect(
      failure { _ = try RegionReader(adopting: number) }
        == .invalidArgument(.regionLength, value: 100))
  }

  // MARK: over a socket

  private static func sockets() -> (Int32, Int32) {
    var ends: [Int32] = [-1, -1]
    #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
    return (ends[0], ends[1])
  }

  @Test func comesOverASocket() throws {
    let (here, there) = Self.sockets()
    defer {
      close(here)
      close(there)
    }
    let arena = try Self.arena()
    var page = try arena.allocate(Page.self)
    try page.write([42], at: 0)
    let descriptor = try arena.readOnlyDescriptor()
    try RegionReader.send(descriptor, over: here)
    #expect(close(descriptor) == 0, "it is the caller's")
    let region = try RegionReader(receivingFrom: there)
    #expect(try region.integer(at: 0, as: UInt8.self) == 42)
    #expect(
      failure { try RegionReader.send(1_000_000, over: here) }
        == .system(.send, .badFileDescriptor))
  }

  @Test func whatElseComesIsRefused() throws {
    let (here, there) = Self.sockets()
    defer { close(there) }
    // A byte without a descriptor; a descriptor of another kind; nobody.
    #expect(send(here, "R", 1, 0) == 1)
    #expect(
      failure { _ = try RegionReader(receivingFrom: there) } == .system(.receive, .protocolError))
    try RegionReader.send(here, over: here)
    let error = failure { _ = try RegionReader(receivingFrom: there) }
    guard case .invalidArgument(.notARegion, _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    close(here)
    #expect(
      failure { _ = try RegionReader(receivingFrom: there) } == .system(.receive, .brokenPipe))
    #expect(failure { try RegionReader.send(0, over: there) } == .system(.send, .brokenPipe))
  }

  @Test func theAddressIsThatOfTheBytes() {
    let bytes = pattern(100)
    UserSlice.withAddress(of: bytes.span) { address, length in
      #expect(length == 100)
      #expect(unsafe UnsafePointer<UInt8>(bitPattern: address)![99] == bytes[99])
    }
    UserSlice.withAddress(of: [UInt8]().span) { _, length in #expect(length == 0) }
  }
}
