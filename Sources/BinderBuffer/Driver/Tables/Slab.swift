/// Names an entry of a slab. `none` names no entry.
struct SlabIndex<Element: ~Copyable>: Hashable, BitwiseCopyable, Sendable {
  let raw: UInt32
  static var none: Self { Self(raw: .max) }
  var isNone: Bool { raw == .max }
}

/// Entries at stable numbers that are reused after they went: a table without reference counting.
///
/// A generation counts how often an entry was made, so that a number which outlived its entry is
/// told from a live one (`generation(_:)`). Access to an entry that is not live traps.
@safe struct Slab<Element: ~Copyable>: ~Copyable {
  typealias Index = SlabIndex<Element>

  private struct Slot: BitwiseCopyable {
    /// Odd while the entry is live.
    var generation: UInt32 = 0
    /// The next free entry.
    var next: UInt32 = .max
  }

  // INVARIANT: the first `used` of `capacity` slots are initialised; of the elements those whose
  // slot's generation is odd.
  private var slots = UnsafeMutablePointer<Slot>.allocate(capacity: 0)
  private var elements = UnsafeMutablePointer<Element>.allocate(capacity: 0)
  private var capacity = 0
  private var used = 0
  private var firstFree: UInt32 = .max
  /// Live entries.
  private(set) var count = 0

  init() {}

  deinit {
    for i in 0..<used where isLive(UInt32(i)) {
      // SAFETY: live, so initialised.
      unsafe (elements + i).deinitialize(count: 1)
    }
    // SAFETY: allocated in `init` or `grow`.
    unsafe elements.deallocate()
    unsafe slots.deallocate()
  }

  private func isLive(_ raw: UInt32) -> Bool {
    // SAFETY: callers' numbers are checked against `used` before the slot is read.
    unsafe Int(raw) < used && slots[Int(raw)].generation & 1 == 1
  }

  func contains(_ index: Index) -> Bool { isLive(index.raw) }

  /// Tells a live entry from earlier ones of the same number.
  func generation(_ index: Index) -> UInt32 {
    precondition(isLive(index.raw))
    return unsafe slots[Int(index.raw)].generation
  }

  /// The entry of a number and a generation; nil when it is gone.
  func index(_ raw: UInt32, generation: UInt32) -> Index? {
    guard isLive(raw), unsafe slots[Int(raw)].generation == generation else { return nil }
    return Index(raw: raw)
  }

  mutating func insert(_ element: consuming Element) -> Index {
    if firstFree == .max, used == capacity { grow() }
    let raw: UInt32
    if firstFree != .max {
      raw = firstFree
      unsafe firstFree = slots[Int(raw)].next
    } else {
      raw = UInt32(used)
      unsafe (slots + used).initialize(to: Slot())
      used += 1
    }
    // SAFETY: a free entry below `capacity`, whose element is not initialised.
    unsafe slots[Int(raw)].generation &+= 1
    unsafe (elements + Int(raw)).initialize(to: element)
    count += 1
    return Index(raw: raw)
  }

  /// Ends an entry and hands out what it was.
  @discardableResult
  mutating func remove(_ index: Index) -> Element {
    precondition(isLive(index.raw), "no live entry \(index.raw)")
    let i = Int(index.raw)
    unsafe slots[i].generation &+= 1
    unsafe slots[i].next = firstFree
    firstFree = index.raw
    count -= 1
    // SAFETY: it was live until just now.
    return unsafe (elements + i).move()
  }

  subscript(_ index: Index) -> Element {
    @inline(__always)
    unsafeAddress {
      precondition(isLive(index.raw), "no live entry")
      // SAFETY: live, so initialised.
      return unsafe UnsafePointer(elements + Int(index.raw))
    }
    @inline(__always)
    unsafeMutableAddress {
      precondition(isLive(index.raw), "no live entry")
      // SAFETY: as above; `self` is exclusively ours.
      return unsafe elements + Int(index.raw)
    }
  }

  /// Calls `body` with each live entry, by number.
  func forEachIndex(_ body: (Index) -> Void) {
    for raw in 0..<UInt32(used) where isLive(raw) { body(Index(raw: raw)) }
  }

  private mutating func grow() {
    let grown = max(8, capacity * 2)
    let newSlots = UnsafeMutablePointer<Slot>.allocate(capacity: grown)
    let newElements = UnsafeMutablePointer<Element>.allocate(capacity: grown)
    // SAFETY: both new blocks are longer; live elements move, others were not initialised.
    unsafe newSlots.moveInitialize(from: slots, count: used)
    for i in 0..<used where unsafe newSlots[i].generation & 1 == 1 {
      unsafe (newElements + i).moveInitialize(from: elements + i, count: 1)
    }
    unsafe slots.deallocate()
    unsafe elements.deallocate()
    unsafe slots = unsafe newSlots
    unsafe elements = unsafe newElements
    capacity = grown
  }
}

// SAFETY: all memory that it refers to is its own; a value is used by one thread at a time.
extension Slab: @unchecked Sendable where Element: Sendable & ~Copyable {}
