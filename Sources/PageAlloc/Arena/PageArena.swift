/// A contiguous stretch of memory from which pages are allocated, backed by one memory file.
///
/// Pages without an owner have no memory behind them.
///
/// For one block that lives as long as the program, plain memory is simpler.
///
///     let budget = PageBudget(pages: 1000)
///     let arena = try PageArena(pageCount: 256, budget: budget)
///     let block = try arena.allocate(Pages<2>.self, flags: .kernel)   // 16 KiB, aligned
///
/// Safe to use from several threads. Lives until the last of its pages is gone. Only the process
/// that made it may change it: in a forked child, allocating and writing throw `inherited`, and
/// dropping pages changes nothing.
@safe public final class PageArena: Sendable {
  let memory: PageMemory
  /// The first byte of the driver view.
  @usableFromInline nonisolated(unsafe) let base: UnsafeMutableRawPointer
  /// Pages that have an owner.
  let taken: Protected<PageBitmap>

  /// Maps a new memory file. Backs no page yet.
  ///
  /// - Parameters:
  ///   - pageCount: The length, 1 through 2²⁴ pages (64 GiB).
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
    memory = try PageMemory(
      pageCount: pageCount, sharing: sharing, budget: budget, faults: faults)
    unsafe base = memory.driverView
    taken = Protected(try PageBitmap(pageCount: pageCount), rank: .arena)
  }

  /// The length in pages.
  public var pageCount: Int { memory.pageCount }

  /// Who can get at the memory.
  public var sharing: RegionSharing { memory.sharing }

  /// The budget that every page of this arena is charged to.
  public var budget: PageBudget? { memory.budget }

  /// Pages that have an owner. O(pageCount / 64).
  public var pagesInUse: Int { taken.withLock { $0.setCount } }

  /// How many pages the kernel holds in memory for this arena.
  ///
  /// Fewer than `pagesInUse` if some are swapped out; more if somebody read pages that have no
  /// owner, which the kernel then backs with zeros, or if memory could not be given back.
  ///
  /// - Throws: `PageAllocError.system` if the kernel does not tell.
  /// - Complexity: O(pageCount).
  public func residentPageCount() throws(PageAllocError) -> Int { try memory.residentPageCount() }

  /// A new descriptor of the memory that can only be read and mapped read-only. The caller closes
  /// it; it is closed on exec, so pass it over a socket, or clear that flag in a forked child.
  ///
  /// - Throws: `PageAllocError.invalidArgument(.notExportable)` if `inProcess`; `.system` if
  ///   descriptors are used up or `/proc` is not there.
  public func readOnlyDescriptor() throws(PageAllocError) -> CInt {
    try memory.readOnlyDescriptor()
  }

  /// Allocates `1 << order` contiguous pages, aligned to that many pages within the arena.
  ///
  /// The contents are zero, whether or not `flags` says so.
  ///
  /// - Throws: `PageAllocError.arenaFull` without a free block; `.budgetExhausted`; `.system` if
  ///   the machine has no memory; `.inherited` in a forked child. Nothing has changed then.
  /// - Complexity: O(pageCount / 64) and one system call, two for long runs.
  public func allocate<let order: Int>(
    _ type: Pages<order>.Type = Pages<order>.self, flags: AllocationFlags = .kernel
  ) throws(PageAllocError) -> Pages<order> {
    guard Pages<order>.exists else { throw .invalidArgument(.order, value: order) }
    // Another thread may have held the lock when this process was forked.
    if memory.isInherited { throw .inherited }
    if memory.faults?.check(.pageAllocation) == true { throw .injected(.pageAllocation) }
    guard let first = taken.withLock({ $0.take(order: order) }) else {
      throw .arenaFull(requested: 1 << order, order: order)
    }
    let run = first..<first + 1 << order
    do throws(PageAllocError) {
      try budget?.charge(run.count, flags)
    } catch {
      taken.withLock { $0.clear(run) }
      throw error
    }
    do throws(PageAllocError) {
      try memory.back(run, flags)
    } catch {
      memory.giveBackUnwritten(run)
      taken.withLock { $0.clear(run) }
      throw error
    }
    return Pages(adopting: first, of: self)
  }

  @usableFromInline var injectsCopyFault: Bool { memory.faults?.check(.userCopy) ?? false }

  /// Gives back pages whose owner goes: their memory to the kernel, their charge to the budget.
  @usableFromInline
  func giveBack(_ run: Range<Int>) {
    guard !memory.isInherited else { return }
    // The memory goes first: once the pages are not taken, another thread may back them again.
    memory.giveBack(run)
    taken.withLock {
      assert($0.containsAll(run), "a page given back twice")
      $0.clear(run)
    }
  }
}
