/// A flat table of trivial elements at a fixed address, indexed by 32-bit numbers.
///
/// The index is checked in debug builds only: the engines keep every index in range by the
/// invariants that they state, and `checkInvariants` proves them after any operation.
/// Copies refer to the same elements; the owner of the memory outlives them all.
@safe
struct Table<Element: BitwiseCopyable> {
  private var base: UnsafeMutablePointer<Element>
  #if DEBUG
    private var count: Int
  #endif

  /// A table of `count` elements at `address`, which must be aligned, zeroed or initialised.
  init(at address: UnsafeMutableRawPointer, count: Int) {
    // SAFETY: the memory is the caller's, zero-filled, and every table's element is trivial with
    // zero as a valid value; nothing reads it under another type.
    unsafe base = address.assumingMemoryBound(to: Element.self)
    #if DEBUG
      self.count = count
    #endif
  }

  /// A table without elements: what stands in before there is memory.
  init() {
    // SAFETY: an aligned dummy that no index reaches.
    unsafe base = UnsafeMutablePointer(bitPattern: MemoryLayout<Element>.alignment)!
    #if DEBUG
      count = 0
    #endif
  }

  /// The table's elements from `index` on.
  @inline(__always)
  func suffix(from index: UInt32) -> Self {
    var suffix = self
    // SAFETY: the caller's index is in the table, which the suffix ends with.
    unsafe suffix.base += Int(index)
    #if DEBUG
      suffix.count -= Int(index)
    #endif
    return suffix
  }

  subscript(_ index: UInt32) -> Element {
    @inline(__always)
    unsafeAddress {
      check(index)
      // SAFETY: every caller's index is below the table's count (checked in debug builds).
      return unsafe UnsafePointer(base + Int(index))
    }
    @inline(__always)
    nonmutating unsafeMutableAddress {
      check(index)
      // SAFETY: as above; the engine that holds the table is the only one to write to it.
      return unsafe base + Int(index)
    }
  }

  @inline(__always)
  private func check(_ index: UInt32) {
    #if DEBUG
      precondition(Int(index) < count, "table index \(index) of \(count)")
    #endif
  }
}
