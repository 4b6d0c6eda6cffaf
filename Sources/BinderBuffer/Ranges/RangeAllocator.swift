/// Places buffers in a region of bytes that it never touches: offsets and sizes only.
///
/// Use it alone wherever something of fixed size is to be shared out (a GPU heap, a file's
/// extents, a ring of descriptors): it decides where, remembers a value of yours for each range,
/// and tells at each free which 4096-byte pages nobody uses any more. It does not own or touch
/// the memory that the offsets mean, and it does not lock: share it under a lock of yours. It is not
/// `Sendable`, since its maker may hold its frame map; a `Mutex` takes it over, and the map with it.
///
///     var ranges = try RangeAllocator<String>(length: 1 << 20, policy: .rust)
///     let taken = try ranges.reserve(100)          // offset 0, size 104
///     try ranges.commit(taken.offset, "hello")
///     let freed = try ranges.free(taken.offset)    // metadata "hello", hole 0..<1048576
///
/// A range is first *reserved* (somebody fills it), then *committed* with its metadata; only
/// committed ranges can be freed, reserved ones are aborted. An operation that throws has changed
/// nothing that can be observed, now or later, except that a request which comes to a full array
/// (policy ``PlacementPolicy/rust``) moves on to the tree even when it fails, as the driver does.
///
/// No operation is linear in the number of ranges (of those of 8 KiB and more, at most 511, some look
/// at all); none but the first few allocates.
@frozen
public struct RangeAllocator<Metadata>: ~Copyable {
  @usableFromInline var engine: RangeEngine

  /// An allocator over one free range of `length` bytes.
  ///
  /// - Parameters:
  ///   - length: a positive multiple of 8, at most 4 MiB.
  ///   - frames: which pages have frames, for the policy that cares
  ///     (``PlacementPolicy/compact``); nil: all count as having one. Traps if it does not cover
  ///     the region. Whoever changes it does so under the lock that guards this allocator.
  /// - Throws: ``RangeError/invalidLength(_:)``.
  @inlinable
  public init(
    length: Int, policy: PlacementPolicy, frames: FrameMap? = nil
  ) throws(RangeError) {
    engine = try RangeEngine(
      length: length, policy: policy, frames: frames,
      metadataStride: MemoryLayout<Metadata>.stride,
      metadataAlignment: MemoryLayout<Metadata>.alignment)
  }

  @inlinable
  deinit {
    // SAFETY: a committed range's slot is initialised, and nobody can reach it after this.
    engine.forEachCommittedSlot { unsafe metadata($0).deinitialize(count: 1) }
  }

  @inlinable
  @inline(__always)
  func metadata(_ slot: UInt32) -> UnsafeMutablePointer<Metadata> {
    // SAFETY: both blocks have room for every slot at this stride and alignment; slots up to 8
    // live in the small one, where they stay when the large one is mapped.
    let block = unsafe slot <= 8 ? engine.smallMetadata : engine.largeMetadata
    return unsafe (block + Int(slot) * MemoryLayout<Metadata>.stride)
      .assumingMemoryBound(to: Metadata.self)
  }

  /// Takes a range of `size` bytes, rounded up to 8 and at least 8.
  ///
  /// - Parameters:
  ///   - oneway: Whether it is accounted against the region's oneway half.
  ///   - sender: For whom, in the accounting of oneway spam.
  ///   - debugID: A number kept with the range.
  /// - Throws: ``RangeError/noSpace(requested:freeBytes:largestFree:)``,
  ///   ``RangeError/noOnewaySpace(requested:free:)``, ``RangeError/invalidSize(_:)``;
  ///   ``RangeError/noMemory(bytes:)`` once, when its tables cannot be mapped.
  @inlinable
  public mutating func reserve(
    _ size: Int, oneway: Bool = false, sender: Int32 = 0, debugID: UInt32 = 0
  ) throws(RangeError) -> Reservation {
    defer { checkAfterChange() }
    return try engine.reserve(
      size, oneway: oneway, sender: sender, debugID: debugID, committed: false
    ).reservation
  }

  /// Hands a reserved range over, with its metadata.
  ///
  /// - Throws: ``RangeError/noRange(offset:)``, ``RangeError/notReserved(offset:)``.
  @inlinable
  public mutating func commit(_ offset: Int, _ metadata: consuming Metadata) throws(RangeError) {
    defer { checkAfterChange() }
    let slot = try engine.commit(offset)
    // SAFETY: a reserved range's slot is not initialised.
    unsafe self.metadata(slot).initialize(to: metadata)
  }

  /// Takes a committed range back into the reserved state, with its metadata.
  ///
  /// - Throws: ``RangeError/noRange(offset:)``, ``RangeError/notCommitted(offset:)``.
  @inlinable
  public mutating func reserveExisting(
    _ offset: Int
  ) throws(RangeError) -> ReservedAgain<Metadata> {
    defer { checkAfterChange() }
    let again = try engine.reserveExisting(offset)
    // SAFETY: the slot was committed, so initialised; it counts as not initialised from here on.
    return ReservedAgain(
      size: Int(again.size), debugID: again.debugID, metadata: unsafe metadata(again.slot).move())
  }

  /// Frees a reserved range and merges it with its free neighbours.
  ///
  /// - Throws: ``RangeError/noRange(offset:)``, ``RangeError/notReserved(offset:)``.
  @inlinable
  public mutating func abort(_ offset: Int) throws(RangeError) -> FreedRange {
    defer { checkAfterChange() }
    return try engine.free(offset, committed: false).range
  }

  /// `reserve` and `commit` in one step, for ranges that need no filling in between.
  @inlinable
  public mutating func allocate(
    _ size: Int, oneway: Bool = false, sender: Int32 = 0, debugID: UInt32 = 0,
    metadata: consuming Metadata
  ) throws(RangeError) -> Reservation {
    defer { checkAfterChange() }
    let placed = try engine.reserve(
      size, oneway: oneway, sender: sender, debugID: debugID, committed: true)
    // SAFETY: a free range's slot is not initialised.
    unsafe self.metadata(placed.slot).initialize(to: metadata)
    return placed.reservation
  }

  /// `reserveExisting` and `abort` in one step: frees a committed range.
  ///
  /// - Throws: ``RangeError/noRange(offset:)``, ``RangeError/notCommitted(offset:)``.
  @inlinable
  public mutating func free(_ offset: Int) throws(RangeError) -> Freed<Metadata> {
    defer { checkAfterChange() }
    let freed = try engine.free(offset, committed: true)
    // SAFETY: the slot was committed, so initialised; its node is free now, and no reservation
    // can reuse it before this returns.
    return Freed(range: freed.range, metadata: unsafe metadata(freed.slot).move())
  }

  /// Lends the metadata of a committed range.
  ///
  /// - Throws: ``RangeError/noRange(offset:)``, ``RangeError/notCommitted(offset:)``.
  @inlinable
  public mutating func withMetadata<R>(
    at offset: Int, _ body: (inout Metadata) -> R
  ) throws(RangeError) -> R {
    let slot = try engine.slot(ofCommitted: offset)
    // SAFETY: initialised, and exclusively ours while `self` is being mutated.
    let pointer = unsafe metadata(slot)
    return unsafe body(&pointer.pointee)
  }
}
