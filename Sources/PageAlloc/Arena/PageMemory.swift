internal import CLinuxShims
internal import Glibc

/// Who can get at the memory of an arena.
public enum RegionSharing: Sendable, Hashable, CaseIterable {
  /// This process only. With its descriptor an arena backs long runs of pages faster; but only one
  /// whose number is in the lowest quarter of those that this process may have is kept, all others
  /// are closed as soon as the views are mapped. So the number of arenas is not bounded by that of
  /// descriptors.
  case inProcess

  /// Other processes too, which get a descriptor that was opened read-only: they cannot map it
  /// writable, raise its protection, write, or punch holes. A process of another user cannot get
  /// more. One of the same user could open the file again for writing: such processes are as
  /// isolated from each other as any two of one user.
  ///
  /// A receiver that reads pages without an owner makes the kernel back them with zeros, outside any
  /// budget: at most the length of the region, until the region is reclaimed from.
  case exportable

  /// As `exportable`, and the file is sealed against all future writing, which holds against
  /// processes of the same user too. The kernel then refuses to punch holes: memory that was once
  /// backed stays until the arena goes.
  case exportableSealed
}

/// The memory of an arena or a region: one memory file, mapped twice.
///
/// Page *i* is page *i* of the file. The *driver view* is writable, the *receiver view* is not. It
/// does not know which pages are in use: its owner records that, charges the budget for them, and
/// has them backed.
///
/// Safe to use from several threads, for different pages. Only the process that made it may change
/// it; in a forked child, giving back does nothing and backing throws.
package final class PageMemory: Sendable {
  // INVARIANT: a page without an owner reads as zeros.
  package let pageCount: Int
  package let sharing: RegionSharing
  package let budget: PageBudget?
  package let faults: FaultInjector?
  let driver: Mapping
  let receiver: Mapping
  /// The memory file, writable; none if it is closed already, as `inProcess` allows.
  let file: FileDescriptor
  private let mark = ForkMark()

  /// The longest memory in pages: 64 GiB.
  static let longest = 1 << 24

  /// Maps a new memory file. Backs no page yet. About ten system calls.
  ///
  /// - Throws: as `PageArena.init`.
  package init(
    pageCount: Int, sharing: RegionSharing, budget: PageBudget?, faults: FaultInjector?
  ) throws(PageAllocError) {
    guard (1...Self.longest).contains(pageCount) else {
      throw .invalidArgument(.pageCount, value: pageCount)
    }
    let systemPageSize = sysconf(CInt(_SC_PAGESIZE))
    guard systemPageSize == Page.size else {
      throw .invalidArgument(.systemPageSize, value: systemPageSize)
    }
    let byteCount = pageCount << Page.shift

    if faults?.check(.memoryFile) == true { throw .injected(.memoryFile) }
    let file = try FileDescriptor.memoryFile(byteCount: byteCount)
    if faults?.check(.mapping) == true { throw .injected(.mapping) }
    let driver = try Mapping(file: file, byteCount: byteCount, .readWrite)
    if faults?.check(.mapping) == true { throw .injected(.mapping) }
    let receiver = try Mapping(file: file, byteCount: byteCount, .readOnly)
    try Self.seal(file, sharing)

    self.pageCount = pageCount
    self.sharing = sharing
    self.budget = budget
    self.faults = faults
    self.driver = driver
    self.receiver = receiver
    if sharing == .inProcess, !file.isAmongFirst {
      self.file = .none
    } else {
      self.file = file
    }
  }

  /// Makes a memory file safe to keep and to hand out. The driver view must be mapped already.
  private static func seal(
    _ file: borrowing FileDescriptor, _ sharing: RegionSharing
  ) throws(PageAllocError) {
    // Nobody but this user may open it for writing.
    try file.changeMode(0o600)
    // The length is fixed: touching a page of the file can then never raise SIGBUS.
    var seals = bb_SEAL_GROW | bb_SEAL_SHRINK | bb_SEAL_SEAL
    if sharing == .exportableSealed { seals |= bb_SEAL_FUTURE_WRITE }
    try file.addSeals(seals)
  }

  /// The whole memory, writable.
  package var driverView: UnsafeMutableRawPointer { unsafe driver.base }

  /// The whole memory, read-only. Reading a page without an owner gives zeros, and the kernel backs
  /// it: `residentPageCount()` shows such strays, `releaseStrays` gives them back.
  package var receiverView: UnsafeRawPointer { unsafe UnsafeRawPointer(receiver.base) }

  /// Whether this is a forked child's copy, which must not change the memory.
  package var isInherited: Bool { mark.isInherited }

  /// As `PageArena.readOnlyDescriptor()`.
  package func readOnlyDescriptor() throws(PageAllocError) -> CInt {
    guard sharing != .inProcess else { throw .invalidArgument(.notExportable, value: pageCount) }
    if faults?.check(.descriptor) == true { throw .injected(.descriptor) }
    return try file.reopenReadOnly().take()
  }
}
