import CTestPeer
import Glibc
import PageAlloc
import Testing

@testable import BinderBuffer

/// Senders whose bytes cannot be read: an error, and nothing is held.
@Suite struct BadSourceTests {
  enum Part: CaseIterable { case data, offsets, securityContext }

  static func transaction(_ part: Part, _ slice: UserSlice) -> Transaction {
    switch part {
    case .data: Transaction(flags: .oneway, data: slice)
    case .offsets: Transaction(flags: .oneway, offsets: slice)
    case .securityContext: Transaction(flags: .oneway, securityContext: slice)
    }
  }

  @Test(arguments: Part.allCases, 0..<3)
  func holesAnywhereInASlice(part: Part, hole: Int) throws {
    let world = try World()
    let memory = TestMemory(pages: 3, fill: 7)
    memory.hide(page: hole)
    let error = failure {
      _ = try world.client.send(
        Self.transaction(part, memory.slice(0, 3 * 4096)), to: world.node)
    }
    #expect(
      error
        == .badSource(
          .badAddress(
            address: memory.address + UInt(hole * 4096), length: (3 - hole) * 4096)))
    #expect(error?.errno == .badAddress)
    #expect(try world.server.isDrained)
    #expect(world.server.statistics.failures == FailureCounts([.badSource: 1]))
    #expect(world.server.statistics.bytesCopied == 0)
    try world.expectNothingHeld()
  }

  /// The last readable byte and the first that is not.
  @Test func theEdgeOfAHole() throws {
    let world = try World()
    let memory = TestMemory(pages: 2, fill: 7)
    memory.hide(page: 1)
    try _ = world.client.send(
      Transaction(flags: .oneway, data: memory.slice(4000, 96)), to: world.node)
    try world.server.take().free()
    let error = failure {
      _ = try world.client.send(
        Transaction(flags: .oneway, data: memory.slice(4000, 97)), to: world.node)
    }
    #expect(error == .badSource(.badAddress(address: memory.address + 4096, length: 1)))
    try world.expectNothingHeld()
  }

  @Test(arguments: Part.allCases, [UInt(0), 1, 0xffff_8000_0000_0000, .max - 15, .max])
  func wildAddresses(part: Part, address: UInt) throws {
    let world = try World()
    let slice = UserSlice(address: address, length: 16, in: .untrusted)
    let error = failure {
      _ = try world.client.send(Self.transaction(part, slice), to: world.node)
    }
    #expect(error == .badSource(.badAddress(address: address, length: 16)))
    try world.expectNothingHeld()
  }

  @Test func anotherProcessWithAHole() throws {
    let world = try World()
    var holder = peer()
    defer { peer_end(&holder) }
    let bytes = [UInt8](repeating: 3, count: 3 * 4096)
    #expect(peer_start_holding(&holder, bytes, bytes.count) == 0)
    #expect(peer_unmap(&holder, 4096, 4096) == 0)
    let slice = UserSlice(
      address: holder.address, length: bytes.count, in: try UserProcess(pid: holder.pid))
    let error = failure {
      _ = try world.client.send(Transaction(flags: .oneway, data: slice), to: world.node)
    }
    #expect(error == .badSource(.badAddress(address: holder.address + 4096, length: 8192)))
    try world.expectNothingHeld()
  }

  @Test func anotherProcessThatIsGone() throws {
    let world = try World()
    var holder = peer()
    defer { peer_end(&holder) }
    #expect(peer_start_holding(&holder, [1, 2, 3, 4], 4) == 0)
    let slice = UserSlice(address: holder.address, length: 4, in: try UserProcess(pid: holder.pid))
    let transaction = Transaction(data: slice)
    #expect(peer_kill(&holder) == 0)
    let gone = BinderError.badSource(.processGone(pid: holder.pid))
    // First a zombie, then nothing.
    #expect(failure { _ = try world.client.send(transaction, to: world.node) } == gone)
    peer_end(&holder)
    let error = failure { _ = try world.client.send(transaction, to: world.node) }
    #expect(error == gone)
    #expect(error?.errno == .noSuchProcess)
    try world.expectNothingHeld()
  }

  @Test func aReaderShorterThanPromised() throws {
    let world = try World()
    let bytes = [UInt8](repeating: 9, count: 32)
    var allocation = try world.client.allocate(dataSize: 64, oneway: false, for: world.node)
    let short = bytes.withUnsafeBytes { bytes in
      failure {
        var reader = UserSlice(unsafeTrusted: bytes).reader()
        try allocation.copy(from: &reader, length: 64)
      }
    }
    #expect(short == .badSource(.pastEnd(requested: 64, remaining: 32)))
    drop(allocation)
    try world.expectNothingHeld()
  }

  /// Windows do not let anything out of the buffer, whoever asks.
  @Test(arguments: [
    (-1, 8), (57, 8), (64, 1), (65, 0), (0, 65), (0, -1), (Int.max, 8), (8, Int.max),
  ])
  func fillingOutsideTheBuffer(offset: Int, length: Int) throws {
    let world = try World()
    let bytes = [UInt8](repeating: 9, count: 128)
    var allocation = try world.client.allocate(dataSize: 64, oneway: false, for: world.node)
    let expected = BinderError.badSource(.outOfBounds(offset: offset, length: length, size: 64))
    let copying = bytes.withUnsafeBytes { bytes in
      failure {
        var reader = UserSlice(unsafeTrusted: bytes).reader()
        try allocation.copy(from: &reader, at: offset, length: length)
      }
    }
    #expect(copying == expected)
    #expect(failure { try allocation.fillZero(at: offset, length: length) } == expected)
    if (0...128).contains(length) {
      let writing = failure {
        try allocation.write(bytes.span.bytes.extracting(first: length), at: offset)
      }
      #expect(writing == expected)
    }
    drop(allocation)
    try world.expectNothingHeld()
  }
}
