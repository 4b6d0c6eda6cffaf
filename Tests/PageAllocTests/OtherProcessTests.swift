import CTestPeer
import Foundation
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

  /// A process whose memory of 16 pages does not answer; without the right to make one, `body` is
  /// passed over.
  private func withBlockingHolder(_ body: (inout peer) throws -> Void) throws {
    var holder = peer()
    let error = unsafe peer_start_blocking(&holder, 16 * Page.size)
    if error == EPERM || error == ENOSYS {
      print("skipped: this user has no userfaultfd")
      return
    }
    try #require(error == 0)
    defer { unsafe peer_end(&holder) }
    try body(&holder)
  }

  private func slice(_ holder: peer) throws -> UserSlice {
    UserSlice(
      address: holder.address, length: holder.length, in: try UserProcess(pid: holder.pid))
  }

  @Test func isReadStraightIntoAPage() throws {
    let bytes = pattern(10_000)
    try withHolder(of: bytes) { holder in
      let arena = try PageArena(pageCount: 4)
      var block = try arena.allocate(Pages<2>.self)
      var reader = try slice(holder).reader()
      try block.copy(from: &reader, at: 8, length: 10_000)
      #expect(reader.isEmpty && reader.bytesRead == 10_000)
      #expect(Array(try block.allBytes()[8..<10_008]) == bytes)
      // What the sender changes afterwards does not reach the copy.
      #expect(unsafe peer_fill(&holder, 0, 0xff, 10_000) == 0)
      #expect(Array(try block.allBytes()[8..<10_008]) == bytes)
      var again = try slice(holder).reader()
      #expect(try again.read(as: UInt16.self) == 0xffff)
    }
  }

  @Test(arguments: 0..<3)
  func aHoleIsABadAddressThere(page: Int) throws {
    let bytes = pattern(3 * 4096)
    try withHolder(of: bytes) { holder in
      #expect(unsafe peer_unmap(&holder, page * 4096, 4096) == 0)
      let hole = holder.address + UInt(page * 4096)
      var reader = try slice(holder).reader()
      #expect(
        failure { _ = try reader.readAll() }
          == .badAddress(address: hole, length: (3 - page) * 4096))
      #expect(reader.count == 3 * 4096 && reader.bytesRead == page * 4096)
    }
  }

  @Test(arguments: [true, false])
  func aDeadProcessIsGone(killed: Bool) throws {
    try withHolder(of: pattern(100)) { holder in
      let gone = PageAllocError.processGone(pid: holder.pid)
      var reader = try slice(holder).reader()
      let first = try reader.read(as: UInt8.self)
      #expect(first == pattern(1)[0])
      #expect(unsafe (killed ? peer_kill(&holder) : peer_exit(&holder)) == 0)
      // A zombie now.
      #expect(failure { _ = try reader.readAll() } == gone)
      #expect(reader.count == 99 && reader.bytesRead == 1)
      #expect(gone.errno == .noSuchProcess)
      // And reaped.
      unsafe peer_end(&holder)
      #expect(failure { _ = try reader.read(as: UInt8.self) } == gone)
    }
  }

  @Test(arguments: [0, -1, Int32.max, Int32.min])
  func aProcessThatNeverWasIsGone(pid: Int32) {
    #expect(failure { _ = try UserProcess(pid: pid) } == .processGone(pid: pid))
  }

  /// This process's own memory is named by an explicit choice, not by its number.
  @Test func thisProcessIsNoOther() {
    let own = PageAllocError.invalidArgument(.ownProcess, value: Int(getpid()))
    #expect(failure { _ = try UserProcess(pid: getpid()) } == own)
  }

  @Test func aDescriptorOfAProcessIsAHandleToo() throws {
    try withHolder(of: pattern(100)) { holder in
      let process = try UserProcess(adopting: unsafe peer_descriptor(&holder))
      #expect(process.pid == holder.pid)
      var reader = UserSlice(address: holder.address, length: 100, in: process).reader()
      #expect(try reader.readAll() == pattern(100))
      let descriptor = unsafe peer_descriptor(&holder)
      unsafe peer_end(&holder)
      #expect(failure { _ = try UserProcess(adopting: descriptor) } == .processGone(pid: -1))
    }
    let noProcess = failure { _ = try UserProcess(adopting: dup(0)) }
    #expect(noProcess?.errno == .invalidArgument)
  }

  /// Its memory does not answer, because it is under userfaultfd; when it is killed, the kernel ends
  /// the copy with zeros that it never held.
  @Test(.timeLimit(.minutes(15)))
  func killedInTheMiddleOfACopyItIsGone() throws {
    try withBlockingHolder { holder in
      var reader = try slice(holder).reader()
      let pid = holder.pid
      let killer = Thread {
        usleep(20_000)
        kill(pid, SIGKILL)
      }
      killer.start()
      #expect(failure { _ = try reader.readAll() } == .processGone(pid: pid))
    }
  }

  /// With a time limit a copy is what it is without one.
  @Test(.timeLimit(.minutes(15)))
  func aTimeLimitChangesNoCopyThatEndsInTime() throws {
    let bytes = pattern(3 * 4096)
    try withHolder(of: bytes) { holder in
      let process = try UserProcess(pid: holder.pid, copyTimeLimit: .seconds(50))
      let slice = UserSlice(address: holder.address, length: bytes.count, in: process)
      var reader = slice.reader()
      #expect(try reader.readAll() == bytes)
      #expect(unsafe peer_unmap(&holder, 4096, 4096) == 0)
      reader = slice.reader()
      #expect(
        failure { _ = try reader.readAll() }
          == .badAddress(address: holder.address + 4096, length: 2 * 4096))
      #expect(unsafe peer_kill(&holder) == 0)
      #expect(failure { _ = try reader.readAll() } == .processGone(pid: holder.pid))
      // Nothing of the helpers is left behind: this process has no other child.
      unsafe peer_end(&holder)
    }
  }

  /// Memory under userfaultfd that nobody serves: the copy ends at its limit, and where it was to go
  /// nothing is written any more.
  @Test(.timeLimit(.minutes(15)))
  func memoryThatBlocksEndsTheCopyInTime() throws {
    try withBlockingHolder { holder in
      let process = try UserProcess(pid: holder.pid, copyTimeLimit: .milliseconds(20))
      var reader = UserSlice(address: holder.address, length: holder.length, in: process).reader()
      let blocked = failure { _ = try reader.readAll() }
      #expect(blocked == .processBlocked(pid: holder.pid))
      #expect(blocked?.errno == .timedOut)
      #expect(reader.count == 16 * Page.size && reader.bytesRead == 0)
    }
  }

  /// Another process has taken the number of one that is gone.
  @Test(.timeLimit(.minutes(15)))
  func aReusedNumberIsAnotherProcess() throws {
    try withHolder(of: pattern(100)) { holder in
      var reader = try slice(holder).reader()
      let pid = holder.pid
      unsafe peer_end(&holder)
      var other = peer()
      for _ in 0..<200 where other.pid != pid {
        unsafe peer_end(&other)
        guard let file = unsafe fopen("/proc/sys/kernel/ns_last_pid", "w") else { break }
        unsafe fputs("\(pid - 1)", file)
        guard unsafe fclose(file) == 0 else { break }
        try #require(unsafe peer_start_holding(&other, pattern(100), 100) == 0)
      }
      defer { unsafe peer_end(&other) }
      guard other.pid == pid else {
        print("skipped: the next process number cannot be chosen here")
        return
      }
      #expect(failure { _ = try reader.readAll() } == .processGone(pid: pid))
    }
  }

  @Test(.enabled(if: getuid() != 0, "a privileged process may read every other one"))
  func aProcessOfAnotherUserIsDenied() throws {
    var reader = UserSlice(address: 4096, length: 1, in: try UserProcess(pid: 1)).reader()
    #expect(
      failure { _ = try reader.read(as: UInt8.self) }
        == .processDenied(pid: 1))
  }
}
