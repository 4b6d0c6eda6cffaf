extension PageArena {
  /// Allocates `1 << order` contiguous pages, aligned to that many pages within the arena.
  ///
  /// The contents are zero, whether or not `flags` says so.
  ///
  /// - Throws: `PageAllocError.arenaFull` without a free block; `.budgetExhausted`; `.system` if
  ///   the machine has no memory. Nothing has changed then.
  /// - Complexity: O(pageCount / 64) and one system call, two for long runs.
  public func allocate<let order: Int>(
    _ type: Pages<order>.Type = Pages<order>.self, flags: AllocationFlags = .kernel
  ) throws(PageAllocError) -> Pages<order> {
    guard (0...maximumOrder).contains(order) else {
      throw .invalidArgument(.order, value: order)
    }
    if faults?.check(.pageAllocation) == true { throw .injected(.pageAllocation) }
    guard let first = state.withLock({ $0.taken.take(order: order) }) else {
      throw .arenaFull(requested: 1 << order, order: order)
    }
    try chargeAndBack(first..<first + 1 << order, flags)
    return Pages(adopting: first, of: self)
  }

  /// Allocates the pages of `run`, one by one in the types and in one system call, long ones in
  /// two.
  ///
  /// All or nothing. The contents are zero.
  ///
  /// - Parameters:
  ///   - run: Indices of pages that have no owner.
  ///   - place: Where the page of an index goes: uninitialised memory, which becomes initialised.
  /// - Throws: `.outOfBounds` (in pages), `.invalidArgument(.pageTaken)`, `.budgetExhausted`,
  ///   `.system`. Nothing has changed then.
  package func allocate(
    run: Range<Int>, flags: AllocationFlags, into place: (Int) -> UnsafeMutablePointer<Page>
  ) throws(PageAllocError) {
    guard run.lowerBound >= 0, run.upperBound <= pageCount else {
      throw .outOfBounds(offset: run.lowerBound, length: run.count, size: pageCount)
    }
    if run.isEmpty { return }
    if faults?.check(.pageAllocation) == true { throw .injected(.pageAllocation) }
    let owned = state.withLock { state in
      let owned = state.taken.firstSet(in: run)
      if owned == nil { state.taken.set(run) }
      return owned
    }
    if let owned { throw .invalidArgument(.pageTaken, value: owned) }
    try chargeAndBack(run, flags)
    for index in run {
      // SAFETY: the caller promises that the place is ours to initialise.
      unsafe place(index).initialize(to: Page(adopting: index, of: self))
    }
  }

  /// Gives back `frames[run]`, one by one in the types and in one system call.
  ///
  /// - Parameters:
  ///   - run: Indices of pages that were allocated here.
  ///   - place: Where the page of an index is: initialised memory, which becomes uninitialised.
  package func release(
    run: Range<Int>, from place: (Int) -> UnsafeMutablePointer<Page>
  ) {
    if run.isEmpty { return }
    for index in run {
      // SAFETY: the caller promises that the place is initialised and gives it up.
      let page = unsafe place(index).move()
      assert(page.index == index, "a page in another page's place")
      page.forget()
    }
    giveBack(run)
  }

  /// Gives back taken pages: their memory to the kernel, their charge to the budget.
  func giveBack(_ run: Range<Int>) {
    // The memory goes first: once the pages are not taken, another thread may back them again.
    let released = punch(run)
    state.withLock { state in
      if !released { state.stale.set(run) }
      assert(run.allSatisfy { state.taken[$0] }, "a page given back twice")
      state.taken.clear(run)
    }
    budget?.uncharge(run.count)
  }

  /// Charges and backs pages that were just taken; on failure they are not taken any more.
  private func chargeAndBack(_ run: Range<Int>, _ flags: AllocationFlags) throws(PageAllocError) {
    do throws(PageAllocError) {
      try budget?.charge(run.count, flags)
    } catch {
      state.withLock { $0.taken.clear(run) }
      throw error
    }
    do throws(PageAllocError) {
      try back(run)
    } catch {
      giveBack(run)
      throw error
    }
  }
}
