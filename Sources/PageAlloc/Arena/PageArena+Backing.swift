internal import CLinuxShims
internal import Glibc

extension PageArena {
  /// True if memory of pages that are given back really goes back to the kernel.
  package var returnsMemory: Bool { sharing != .exportableSealed }

  /// Puts zeroed memory behind the pages of `run`. On failure a part of it may be backed.
  func back(_ run: Range<Int>) throws(PageAllocError) {
    if faults?.check(.backing) == true {
      // As the kernel may do: fail when a part is done already.
      try populate(run.lowerBound..<run.lowerBound + run.count / 2)
      throw .injected(.backing)
    }
    try populate(run)
    let stale = state.withLock { $0.stale.firstSet(in: run) != nil }
    if stale { clearStale(run) }
  }

  /// From this many pages on, a call more is worth it.
  private static var longRun: Int { 8 }

  /// Asks the kernel to back the pages: mapped, zeroed, and ready to be written.
  private func populate(_ run: Range<Int>) throws(PageAllocError) {
    if run.isEmpty { return }
    if run.count >= Self.longRun, !file.isNone {
      // Frames for the whole run at once, which are then only mapped. It is all or nothing and may
      // fail, for a signal too: the call below then does everything, or says why not.
      _ = bb_allocate(
        file.raw, Int64(run.lowerBound) << Int64(Page.shift), Int64(run.count) << Int64(Page.shift))
    }
    // Interruptions are rare and short; the bound only keeps a broken kernel from hanging us.
    for _ in 0..<1000 {
      // SAFETY: the range lies in our own driver view.
      let result = unsafe madvise(
        driverView + run.lowerBound << Page.shift, run.count << Page.shift,
        bb_MADV_POPULATE_WRITE)
      if result == 0 { return }
      switch errno {
      case EINTR, EAGAIN: continue
      case EINVAL: return touch(run)  // The kernel is older than 5.14.
      case let code: throw .system(.populate, Errno(rawValue: code))
      }
    }
    throw .system(.populate, .tryAgain)
  }

  /// Backs the pages by writing to each.
  func touch(_ run: Range<Int>) {
    for index in run {
      // SAFETY: the page lies in our own driver view. What it may hold is zeroed afterwards.
      unsafe driverView.storeBytes(of: 0, toByteOffset: index << Page.shift, as: UInt8.self)
    }
  }

  /// Gives the memory of the pages back; false if the kernel refuses.
  func punch(_ run: Range<Int>) -> Bool {
    guard returnsMemory else { return false }
    let offset = run.lowerBound << Page.shift
    let length = run.count << Page.shift
    if !file.isNone { return bb_punch_hole(file.raw, Int64(offset), Int64(length)) == 0 }
    // SAFETY: the range lies in our own driver view, and the pages have no user any more. Refused
    // when the memory is locked (mlockall).
    return unsafe madvise(driverView + offset, length, MADV_REMOVE) == 0
  }

  /// Zeroes the pages of `run` that still hold what a former owner wrote.
  private func clearStale(_ run: Range<Int>) {
    for index in run where state.withLock({ $0.stale[index] }) {
      // SAFETY: the page is taken by the caller and backed, nobody else writes to it.
      unsafe (driverView + index << Page.shift)
        .initializeMemory(as: UInt8.self, repeating: 0, count: Page.size)
      state.withLock { $0.stale.clear(index..<index + 1) }
    }
  }

  /// How many pages the kernel holds in memory for this arena.
  ///
  /// Fewer than `pagesInUse` if some are swapped out; more if somebody read pages that have no
  /// owner, which the kernel then backs with zeros, or if memory could not be given back.
  ///
  /// - Complexity: O(pageCount).
  public func residentPageCount() throws(PageAllocError) -> Int {
    var resident = [UInt8](repeating: 0, count: pageCount)
    // SAFETY: one byte for each page of our own mapping.
    let result = unsafe mincore(driverView, pageCount << Page.shift, &resident)
    guard result == 0 else { throw .system(.residency, Errno(rawValue: errno)) }
    return resident.count { $0 & 1 != 0 }
  }
}
