internal import CLinuxShims
internal import Glibc

extension PageMemory {
  /// True if memory of pages that are given back really goes back to the kernel.
  package var returnsMemory: Bool { sharing != .exportableSealed }

  /// Puts zeroed memory behind pages that are charged and lack it. Pages of `run` that have memory
  /// keep it and what it holds, so that several threads may back the same page.
  ///
  /// When the system has no memory, idle pages are given up for it: the budget's shrinkers run, and
  /// it tries again as long as pages come back.
  ///
  /// - Parameter flags: whether shrinkers may run. They do, so hold no lock.
  /// - Throws: `.inherited`, `.injected`, `.system(.populate, _)`. A part may be backed then.
  package func back(_ run: Range<Int>, _ flags: AllocationFlags) throws(PageAllocError) {
    if isInherited { throw .inherited }
    if faults?.check(.backing) == true {
      // As the kernel may do: fail when a part is done already.
      try populate(run.lowerBound..<run.lowerBound + run.count / 2)
      throw .injected(.backing)
    }
    var passes = 0
    while true {
      do throws(PageAllocError) {
        return try populate(run)
      } catch {
        passes += 1
        guard let budget, flags.mayReclaim, passes <= PageBudget.mostPasses,
          budget.shrink(by: run.count)
        else { throw error }
      }
    }
  }

  /// Gives the memory of charged pages to the kernel, then their charge to the budget: they lose
  /// their owner with this, who must not yet have recorded so.
  package func giveBack(_ run: Range<Int>) {
    // The owner is the process that made it; so is the budget.
    guard !isInherited, !run.isEmpty else { return }
    // What the kernel refuses to take (sealed, or locked by mlockall) must read as zeros.
    if !punch(run) { zero(run) }
    budget?.uncharge(run.count)
  }

  /// Gives back charged pages of which some may never have got memory, and none was written.
  package func giveBackUnwritten(_ run: Range<Int>) {
    guard !isInherited else { return }
    _ = punch(run)
    budget?.uncharge(run.count)
  }

  /// From this many pages on, a call more is worth it.
  private static var longRun: Int { 8 }

  /// Asks the kernel to back the pages: mapped, zeroed if they were not there, ready to be written.
  private func populate(_ run: Range<Int>) throws(PageAllocError) {
    if run.isEmpty { return }
    if run.count >= Self.longRun, !file.isNone {
      // Frames for the whole run at once, which are then only mapped. It is all or nothing and may
      // fail, for a signal too: the call below then does everything, or says why not. Without memory
      // it is not tried, since it would take the last pages, and shrinkers need some to run.
      let result = bb_allocate(
        file.raw, Int64(run.lowerBound) << Int64(Page.shift), Int64(run.count) << Int64(Page.shift))
      if result == -ENOMEM { throw .system(.populate, .noMemory) }
    }
    let error = Self.untilUninterrupted {
      // SAFETY: the range lies in our own driver view.
      unsafe madvise(
        driverView + run.lowerBound << Page.shift, run.count << Page.shift,
        bb_MADV_POPULATE_WRITE) == 0 ? 0 : errno
    }
    switch error {
    case 0: return
    case EINVAL: touch(run)  // The kernel is older than 5.14.
    default: throw .system(.populate, Errno(rawValue: error))
    }
  }

  /// Makes a system call again for as long as it is interrupted, and gives its last error, 0 for none.
  /// Interruptions are rare and short; the bound only keeps a broken kernel from hanging us.
  static func untilUninterrupted(_ call: () -> CInt) -> CInt {
    var error = EINTR
    for _ in 0..<1000 where error == EINTR || error == EAGAIN { error = call() }
    return error
  }

  /// Backs the pages by writing to each, without changing what it holds.
  func touch(_ run: Range<Int>) {
    for index in run {
      // SAFETY: the byte lies in our own driver view, and an atomic 0 changes none of its bits.
      unsafe bb_touch(driverView + index << Page.shift)
    }
  }

  /// Gives the memory of the pages back; false if the kernel refuses.
  func punch(_ run: Range<Int>) -> Bool {
    guard returnsMemory else { return false }
    let offset = run.lowerBound << Page.shift
    let length = run.count << Page.shift
    if !file.isNone {
      let result = bb_punch_hole(file.raw, Int64(offset), Int64(length))
      // A privileged receiver can have marked the file as one that never changes.
      guard result == -EPERM, bb_clear_file_flags(file.raw) == 0 else { return result == 0 }
      return bb_punch_hole(file.raw, Int64(offset), Int64(length)) == 0
    }
    // SAFETY: the range lies in our own driver view, and the pages have no user any more.
    return unsafe madvise(driverView + offset, length, MADV_REMOVE) == 0
  }

  private func zero(_ run: Range<Int>) {
    // SAFETY: the pages lie in our own driver view, have memory and no user any more.
    unsafe (driverView + run.lowerBound << Page.shift)
      .initializeMemory(as: UInt8.self, repeating: 0, count: run.count << Page.shift)
  }

  /// How many pages the kernel holds in memory, as this process's view shows them.
  ///
  /// - Complexity: O(pageCount).
  package func residentPageCount() throws(PageAllocError) -> Int {
    var resident = [UInt8](repeating: 0, count: pageCount)
    // SAFETY: one byte for each page of our own mapping.
    let result = unsafe mincore(driverView, pageCount << Page.shift, &resident)
    guard result == 0 else { throw .system(.residency, Errno(rawValue: errno)) }
    return resident.count { $0 & 1 != 0 }
  }

  /// How many pages the file has, swapped out ones too; nil without a descriptor, where nobody else
  /// can bring pages in. One system call.
  package var filePageCount: Int? {
    guard sharing == .exportable else { return nil }
    var status = stat()
    guard unsafe fstat(file.raw, &status) == 0 else { return nil }
    return Int(status.st_blocks) >> (Page.shift - 9)
  }

  /// Gives back memory behind pages that have no owner: a receiver brought it in by reading there.
  package func releaseStrays(_ run: Range<Int>) {
    guard !isInherited else { return }
    _ = punch(run)
    budget?.noteReturned()
  }
}
