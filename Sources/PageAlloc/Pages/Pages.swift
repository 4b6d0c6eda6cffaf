/// `1 << order` contiguous frames of memory, 4 KiB each, given back when this is dropped.
///
/// A value stands for two things at once: the budget of the arena is charged, and the memory is
/// there. Dropping it gives back both. Reading and writing goes through methods that check their
/// bounds; no pointer leaves them.
///
///     let arena = try PageArena(pageCount: 64)
///     var page = try arena.allocate(Page.self, flags: [.kernel, .zero])
///     try page.withMutableBytes(offset: 0, length: 8) { bytes in
///       bytes.storeBytes(of: 42, as: UInt64.self)
///     }
///
/// May be sent to another thread; writing needs exclusive access, as the compiler enforces. In a
/// forked child it can be read; writing throws `PageAllocError.inherited`, and dropping it changes
/// nothing.
@frozen @safe
public struct Pages<let order: Int>: ~Copyable, @unchecked Sendable {
  // INVARIANT: holds one retain of the arena, which lives as long as any of its pages.
  @usableFromInline let arena: Unmanaged<PageArena>
  // INVARIANT: pages firstIndex ..< firstIndex + 1 << order of the arena are taken, charged and
  // backed, and belong to this value alone.
  @usableFromInline let firstIndex: UInt32

  /// Takes over pages that were just allocated in `arena`.
  init(adopting index: Int, of arena: PageArena) {
    unsafe self.arena = Unmanaged.passRetained(arena)
    firstIndex = UInt32(truncatingIfNeeded: index)
  }

  deinit {
    // SAFETY: this value's own retain keeps the arena alive until the release below, which
    // balances the one of `init`.
    unsafe arena._withUnsafeGuaranteedRef { arena in
      arena.giveBack(Int(firstIndex)..<Int(firstIndex) + Self.count)
    }
    unsafe arena.release()
  }

  /// The index of the first page in its arena; a multiple of `1 << order`.
  @inlinable
  public var index: Int { Int(firstIndex) }

  /// The first byte, in the driver view. Valid for as long as this value lives.
  @inlinable
  var base: UnsafeMutableRawPointer {
    // SAFETY: the retain of this value keeps the arena alive; the index is inside of it.
    unsafe arena._withUnsafeGuaranteedRef { arena in
      unsafe arena.base + Int(firstIndex) << pageShift
    }
  }
}

/// One page: 4096 bytes.
public typealias Page = Pages<0>
