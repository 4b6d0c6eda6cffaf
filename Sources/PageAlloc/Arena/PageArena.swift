internal import Glibc

/// A contiguous stretch of memory from which pages are allocated, backed by one memory file.
///
/// Page *i* of the arena is page *i* of the file. The whole file is mapped twice: the *driver view*
/// is writable, the *receiver view* is not. Pages without an owner have no memory behind them.
///
/// Use it for pages of any order (`allocate(_:flags:)`), or as the memory of a region whose pages
/// are taken and given back in runs. For one block that lives as long as the program, plain memory
/// is simpler.
///
///     let budget = PageBudget(pages: 1000)
///     let arena = try PageArena(pageCount: 256, budget: budget)
///     let block = try arena.allocate(Pages<2>.self, flags: .kernel)   // 16 KiB, aligned
///
/// Safe to use from several threads. Lives until the last of its pages is gone.
public final class PageArena: Sendable {
  /// The length in pages.
  public let pageCount: Int

  /// Who can get at the memory.
  public let sharing: RegionSharing

  /// The budget that every page of this arena is charged to.
  public let budget: PageBudget?

  @usableFromInline package let faults: FaultInjector?

  @usableFromInline let driver: Mapping
  let receiver: Mapping
  /// The memory file, writable; none if it is closed already, as `inProcess` allows.
  let file: FileDescriptor
  let state: Protected<PageArenaState>

  /// Maps a new memory file. Backs no page yet.
  ///
  /// - Parameters:
  ///   - pageCount: The length, 1 through `UInt32.max` pages.
  ///   - sharing: Who can get at the memory.
  ///   - budget: Bounds the pages in use; nil for no bound.
  ///   - faults: Makes chosen steps fail; nil for none.
  /// - Throws: `PageAllocError.invalidArgument` for the length, or if the system's page size is
  ///   not 4096; `.system` if descriptors, mappings or address space are used up. Nothing is left
  ///   behind then.
  /// - Complexity: about ten system calls.
  public init(
    pageCount: Int, sharing: RegionSharing = .inProcess, budget: PageBudget? = nil,
    faults: FaultInjector? = nil
  ) throws(PageAllocError) {
    guard (1...Int(UInt32.max)).contains(pageCount) else {
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

    self.pageCount = pageCount
    self.sharing = sharing
    self.budget = budget
    self.faults = faults
    self.driver = driver
    self.receiver = receiver
    state = Protected(PageArenaState(pageCount: pageCount), rank: .arena)
    if sharing != .inProcess { try Self.seal(file, sharing) }
    if sharing == .inProcess, !file.isAmongFirst {
      self.file = .none
    } else {
      self.file = file
    }
  }

  /// The whole arena, writable.
  @inlinable
  package var driverView: UnsafeMutableRawPointer { unsafe driver.base }

  /// The whole arena, read-only. Reading a page that has no owner gives zeros, and the kernel backs
  /// it; `residentPageCount()` shows such strays.
  package var receiverView: UnsafeRawPointer { unsafe UnsafeRawPointer(receiver.base) }

  /// Pages that have an owner.
  public var pagesInUse: Int { state.withLock { $0.taken.setCount } }
}

/// What an arena knows about its pages.
struct PageArenaState: ~Copyable {
  /// Pages that have an owner.
  var taken: PageBitmap
  /// Pages that were given back while the kernel refused to take their memory: they still hold
  /// what was written.
  var stale: PageBitmap

  init(pageCount: Int) {
    taken = PageBitmap(pageCount: pageCount)
    stale = PageBitmap(pageCount: pageCount)
  }
}
