import CTestPeer
import Glibc
import Testing

@testable import PageAlloc

@Suite("Sharing with another process")
struct SharingTests {
  private static func attempts(
    _ sharing: RegionSharing, asUser user: uid_t = .max
  ) throws -> peer_attempts {
    let arena = try PageArena(pageCount: 16, sharing: sharing)
    var block = try arena.allocate(Pages<2>.self)
    let bytes = pattern(5000)
    try block.write(bytes, at: 3000)
    let descriptor = try arena.readOnlyDescriptor()
    defer { close(descriptor) }
    var attempts = peer_attempts()
    let error = unsafe peer_attempt(
      descriptor, 16 * Page.size, 3000, bytes, bytes.count, user, &attempts)
    try #require(error == 0)
    // Whatever was tried, the bytes and the length are as they were.
    #expect(Array(try block.allBytes()[3000..<8000]) == bytes)
    #expect(try arena.residentPageCount() >= 4)
    return attempts
  }

  /// What no receiver can do, whatever the mode.
  private static func expectReadOnly(_ attempts: peer_attempts) {
    #expect(attempts.map_read_only == 0)
    #expect(attempts.read_in_place == 0)
    #expect(attempts.map_writable == EACCES)
    #expect(attempts.raise_protection == EACCES)
    #expect(attempts.write == EBADF)
    #expect(attempts.punch_hole == EBADF)
    #expect(attempts.truncate == EINVAL)
    #expect(attempts.grow == EINVAL)
    #expect(attempts.write_through_proc != 0)
    #expect(attempts.write_as_debugger != 0)
    #expect(attempts.remove_mapped == EACCES)
    #expect([EPERM, EBADF].contains(attempts.add_seal))
  }

  @Test func aReceiverReadsInPlaceAndCanDoNothingElse() throws {
    let attempts = try Self.attempts(.exportable)
    Self.expectReadOnly(attempts)
    // The boundary: a process of the same user can open the file again, but not change its length.
    #expect(attempts.reopen_writable == 0)
    #expect(attempts.reopened_write == 0)
    #expect(attempts.reopened_map_writable == 0)
    #expect(attempts.reopened_shrink == EPERM)
  }

  @Test func sealedAgainstWritingTheSameUserCannotEither() throws {
    let attempts = try Self.attempts(.exportableSealed)
    Self.expectReadOnly(attempts)
    #expect(attempts.reopened_write == EPERM)
    #expect(attempts.reopened_map_writable == EPERM)
    #expect(attempts.reopened_shrink == EPERM)
  }

  @Test(.enabled(if: getuid() == 0, "becoming another user needs a privileged run"))
  func anotherUserCannotOpenItAgain() throws {
    let attempts = try Self.attempts(.exportable, asUser: 65534)
    Self.expectReadOnly(attempts)
    #expect(attempts.reopen_writable == EACCES)
  }

  /// SEAL, SHRINK and GROW.
  private let fixedLength: CInt = 0x7
  private let noFutureWrite: CInt = 0x10

  @Test func theSealsAreSet() throws {
    for (sharing, expected) in [
      (RegionSharing.exportable, fixedLength), (.exportableSealed, fixedLength | noFutureWrite),
    ] {
      let arena = try PageArena(pageCount: 1, sharing: sharing)
      let descriptor = try arena.readOnlyDescriptor()
      defer { close(descriptor) }
      // Kernels from 6.3 on add the seal against execution (0x20).
      #expect(peer_seals(descriptor) & ~0x20 == expected)
      let flags = fcntl(descriptor, F_GETFD)
      #expect(flags & FD_CLOEXEC != 0)
    }
  }

  /// A process of the same user could open it through `/proc`, cut it short, and every access of the
  /// engine behind the new end would raise SIGBUS.
  @Test func aKeptDescriptorIsSealedToo() throws {
    let arena = try PageArena(pageCount: 1)
    guard !arena.memory.file.isNone else { return }
    #expect(peer_seals(arena.memory.file.raw) & ~0x20 == fixedLength)
    #expect(ftruncate(arena.memory.file.raw, 0) == -1 && errno == EPERM)
  }

  @Test func aReceiverThatStaysSeesLaterWritesAndReclaimedPagesAsZeros() throws {
    let arena = try PageArena(pageCount: 4, sharing: .exportable)
    let descriptor = try arena.readOnlyDescriptor()
    defer { close(descriptor) }
    var receiver = peer()
    try #require(unsafe peer_start_mapping(&receiver, descriptor, 4 * Page.size) == 0)
    defer { unsafe peer_end(&receiver) }
    var bytes = zeroPage
    do {
      var page = try arena.allocate(Page.self)
      try page.write(pattern(4096), at: 0)
      #expect(unsafe peer_read(&receiver, 0, &bytes, bytes.count) == 0)
      #expect(bytes == pattern(4096))
    }
    #expect(try arena.residentPageCount() == 0)
    #expect(unsafe peer_read(&receiver, 0, &bytes, bytes.count) == 0)
    #expect(bytes == zeroPage)
    // It brought the page back, and that can be seen.
    #expect(try arena.residentPageCount() == 1)
    #expect(arena.pagesInUse == 0)
  }

  @Test func anArenaInProcessHasNoDescriptor() throws {
    let arena = try PageArena(pageCount: 7)
    let error = failure { _ = try arena.readOnlyDescriptor() }
    #expect(error == .invalidArgument(.notExportable, value: 7))
    #expect(error?.errno == .invalidArgument)
  }

  @Test func openingTheDescriptorMayFail() throws {
    let arena = try PageArena(
      pageCount: 1, sharing: .exportable, faults: .nth(1, points: [.descriptor]))
    #expect(
      failure { _ = try arena.readOnlyDescriptor() }
        == .injected(.descriptor))
    let descriptor = try arena.readOnlyDescriptor()
    #expect(close(descriptor) == 0)
  }
}
