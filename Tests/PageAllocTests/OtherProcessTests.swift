import CTestPeer
import Glibc
import Testing

@testable import PageAlloc

@Suite("User slices of another process")
struct OtherProcessTests {
  /// A process that holds `bytes`, for as long as `body` runs.
  private func withHolder(
    of bytes: [UInt8], _ body: (inout peer) throws -> Void
  ) throws {
    var holder = peer()
    try #require(unsafe peer_start_holding(&holder, bytes, bytes.count) == 0)
    defer { unsafe peer_end(&holder) }
    try body(&holder)
  }

  private func slice(_ holder: peer) -> UserSlice {
    UserSlice(address: holder.address, length: holder.length, in: .process(holder.pid))
  }

  @Test func isReadStraightIntoAPage() throws {
    let bytes = pattern(10_000)
    try withHolder(of: bytes) { holder in
      let arena = try PageArena(pageCount: 4)
      var block = try arena.allocate(Pages<2>.self)
      var reader = slice(holder).reader()
      try block.copy(from: &reader, at: 8, length: 10_000)
      #expect(reader.isEmpty && reader.bytesRead == 10_000)
      #expect(Array(try block.allBytes()[8..<10_008]) == bytes)
      // What the sender changes afterwards does not reach the copy.
      #expect(unsafe peer_fill(&holder, 0, 0xff, 10_000) == 0)
      #expect(Array(try block.allBytes()[8..<10_008]) == bytes)
      var again = slice(holder).reader()
      #expect(try again.read(as: UInt16.self) == 0xffff)
    }
  }

  @Test func canBeWritten() throws {
    try withHolder(of: pattern(5000)) { holder in
      var writer = slice(holder).writer()
      try writer.skip(4000)
      let bytes = pattern(1000, seed: 77)
      try writer.write(bytes)
      #expect(writer.bytesWritten == 1000 && writer.count == 0)
      var seen = [UInt8](repeating: 0, count: 1000)
      #expect(unsafe peer_read(&holder, 4000, &seen, 1000) == 0)
      #expect(seen == bytes)
    }
  }

  @Test(arguments: 0..<3)
  func aHoleIsABadAddressThere(page: Int) throws {
    let bytes = pattern(3 * 4096)
    try withHolder(of: bytes) { holder in
      #expect(unsafe peer_unmap(&holder, page * 4096, 4096) == 0)
      let hole = holder.address + UInt(page * 4096)
      var reader = slice(holder).reader()
      #expect(
        failure { _ = try reader.readAll() }
          == .badAddress(address: hole, length: (3 - page) * 4096))
      #expect(reader.count == 3 * 4096 && reader.bytesRead == page * 4096)
      var writer = slice(holder).writer()
      #expect(
        failure { try writer.write(bytes) }
          == .badAddress(address: hole, length: (3 - page) * 4096))
    }
  }

  @Test(arguments: [true, false])
  func aDeadProcessIsGone(killed: Bool) throws {
    try withHolder(of: pattern(100)) { holder in
      let gone = PageAllocError.processGone(pid: holder.pid)
      var reader = slice(holder).reader()
      let first = try reader.read(as: UInt8.self)
      #expect(first == pattern(1)[0])
      #expect(unsafe (killed ? peer_kill(&holder) : peer_exit(&holder)) == 0)
      // A zombie now.
      #expect(failure { _ = try reader.readAll() } == gone)
      #expect(reader.count == 99 && reader.bytesRead == 1)
      var writer = slice(holder).writer()
      #expect(failure { try writer.write(UInt8(1)) } == gone)
      #expect(gone.errno == .noSuchProcess)
      // And reaped.
      unsafe peer_end(&holder)
      #expect(failure { _ = try reader.read(as: UInt8.self) } == gone)
    }
  }

  @Test(arguments: [0, -1, Int32.max, Int32.min])
  func aProcessThatNeverWasIsGone(pid: Int32) {
    var reader = UserSlice(address: 4096, length: 1, in: .process(pid)).reader()
    #expect(
      failure { _ = try reader.read(as: UInt8.self) }
        == .processGone(pid: pid))
  }

  @Test(.enabled(if: getuid() != 0, "a privileged process may read every other one"))
  func aProcessOfAnotherUserIsDenied() {
    var reader = UserSlice(address: 4096, length: 1, in: .process(1)).reader()
    #expect(
      failure { _ = try reader.read(as: UInt8.self) }
        == .processDenied(pid: 1))
  }
}
