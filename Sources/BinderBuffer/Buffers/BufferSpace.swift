internal import PageAlloc

/// The buffers of one region: where they are placed, which pages they use, and what they count.
///
/// What happens to a region happens here, and nowhere else: this is the drivers' `binder_alloc`. It
/// knows no queue, call or node, takes no lock and waits for nothing; whoever shares it among
/// threads puts a lock around it.
///
/// A buffer is *reserved* (a range is taken and its pages are in use), filled through its `window`,
/// then *committed* with a record of the holder's, and at last *freed*; one that is never committed
/// is *aborted*.
///
///     let taken = try space.reserve(size, oneway: true, sender: pid, debugID: 7)
///     try space.window(at: taken.offset, size: taken.size).write(bytes, at: 0)   // outside any lock
///     space.commit(taken.offset, record)
///     let record = space.free(taken.offset)
///
/// No step allocates memory or is linear in the number of buffers; `reserve` makes system calls for
/// pages that have no frame.
@safe struct BufferSpace<Record: BufferSpaceRecord>: ~Copyable {
  private(set) var ranges: RangeAllocator<Record>
  private(set) var pages: RegionPages
  private let order: ReleaseOrder
  private var clock: IdleClock
  // INVARIANT: both are mappings of `pages`' memory, which this value keeps.
  /// The region as the receiver sees it: read-only, valid for as long as this value lives.
  let view: UnsafeRawPointer
  /// The same bytes as the driver writes them.
  private let driverView: UnsafeMutableRawPointer

  /// Bytes that live buffers take.
  var bytesInUse = 0
  /// The most bytes that were in use at one time.
  private(set) var peakBytes = 0
  /// The most buffers that were live at one time.
  private(set) var peakBuffers = 0
  /// The least oneway space that was ever left, in bytes.
  private(set) var lowestFreeOnewaySpace: Int
  /// Reservations whose sender was suspected of oneway spam.
  private(set) var spamReports = 0

  /// A space over a region without a buffer or a page.
  ///
  /// - Parameter length: in bytes, a positive multiple of the page size; of more than
  ///   `Region.longest` that much is used.
  /// - Parameter shrinker: whose clock says when pages become idle; nil for a clock of its own.
  /// - Throws: `noMemory` without a memory file, a mapping or address space.
  init(
    length: Int, policy: PlacementPolicy, sharing: RegionSharing = .inProcess,
    budget: PageBudget? = nil, faults: FaultInjector? = nil, shrinker: Shrinker? = nil
  ) throws(BufferError) {
    let length = min(length, Region.longest)
    let pages: RegionPages
    do throws(PageAllocError) {
      pages = try RegionPages(
        pageCount: length >> Page.shift, sharing: sharing, budget: budget, faults: faults)
    } catch {
      throw .noMemory(error)
    }
    do throws(RangeError) {
      ranges = try RangeAllocator(length: length, policy: policy, frames: pages.frameMap)
    } catch {
      throw BufferError(error)
    }
    self.pages = pages
    order = ReleaseOrder(policy)
    clock = IdleClock(shrinker)
    unsafe driverView = self.pages.memory.driverView
    unsafe view = self.pages.memory.receiverView
    lowestFreeOnewaySpace = length / 2
  }

  /// The rule by which ranges are chosen.
  var policy: PlacementPolicy { ranges.policy }

  /// The memory of the region, for tests.
  var memory: PageMemory { pages.memory }

  /// The region's length in bytes.
  var length: Int { ranges.length }

  /// A descriptor through which another process can map the region, read-only for good.
  func readOnlyDescriptor() throws(PageAllocError) -> Int32 {
    try pages.memory.readOnlyDescriptor()
  }

  // MARK: reserve, fill, commit

  /// Takes a range for a buffer of `size` bytes and makes its pages in use.
  ///
  /// - Parameters:
  ///   - oneway: Whether it is accounted against the oneway half of the region.
  ///   - sender: For whom, in the accounting of oneway spam.
  ///   - debugID: A number kept with it.
  /// - Throws: why not; nothing is held then.
  mutating func reserve(
    _ size: Int, oneway: Bool, sender: Int32, debugID: UInt32
  ) throws(BufferError) -> Reservation {
    let (reservation, isBacked) = try beginReserve(
      size, oneway: oneway, sender: sender, debugID: debugID)
    if isBacked { return reservation }
    var unbacked: UnbackedPages? = unbacked(reservation)
    do throws(BufferError) {
      while unbacked != nil {
        unbacked!.back()
        try settle(&unbacked, of: reservation)
      }
    } catch {
      abort(reservation.offset)
      throw error
    }
    return reservation
  }

  /// The first step of a reservation for those with a lock around the space.
  ///
  /// - Returns: also whether all its pages have memory. If not, it is fetched outside the lock: `back()`
  ///   what is `unbacked` without the lock, then `settle` it, until nothing is left.
  @inline(__always)
  mutating func beginReserve(
    _ size: Int, oneway: Bool, sender: Int32, debugID: UInt32
  ) throws(BufferError) -> (Reservation, isBacked: Bool) {
    let reservation: Reservation
    do throws(RangeError) {
      reservation = try ranges.reserve(size, oneway: oneway, sender: sender, debugID: debugID)
    } catch {
      throw BufferError(error)
    }
    bytesInUse += reservation.size
    let isBacked = pages.beginUse(offset: reservation.offset, size: reservation.size)
    if isBacked { countReserved(reservation) }
    return (reservation, isBacked)
  }

  /// The second step, of a reservation whose pages lack memory.
  mutating func unbacked(_ reservation: Reservation) -> UnbackedPages {
    pages.unbacked(offset: reservation.offset, size: reservation.size)
  }

  /// The last step of a reservation whose pages have been backed: it is complete when `unbacked` is nil
  /// afterwards.
  ///
  /// - Throws: `noMemory`; the caller then aborts the reservation.
  mutating func settle(
    _ unbacked: inout UnbackedPages?, of reservation: Reservation
  ) throws(BufferError) {
    guard let work = unbacked.take() else { return }
    do throws(PageAllocError) {
      unbacked = try pages.settle(work)
    } catch {
      throw .noMemory(error)
    }
    if unbacked == nil { countReserved(reservation) }
  }

  @inline(__always)
  private mutating func countReserved(_ reservation: Reservation) {
    peakBytes = max(peakBytes, bytesInUse)
    peakBuffers = max(peakBuffers, ranges.bufferCount)
    lowestFreeOnewaySpace = min(lowestFreeOnewaySpace, ranges.freeOnewaySpace)
    if reservation.isSpam { spamReports += 1 }
  }

  /// The bytes of a buffer that is being filled, for its one writer: outside any lock, until the
  /// buffer is committed or aborted.
  @inline(__always)
  func window(at offset: Int, size: Int) -> RegionView {
    precondition(offset >= 0 && size >= 0 && offset <= length - size, "bytes outside the region")
    // SAFETY: just checked to lie in the region, whose mapping this value keeps.
    return unsafe RegionView(base: driverView + offset, count: size)
  }

  /// Hands a filled buffer over, with what the holder keeps of it. Traps unless one is reserved at
  /// `offset`.
  @inline(__always)
  mutating func commit(_ offset: Int, _ record: Record) {
    do throws(RangeError) {
      try ranges.commit(offset, record)
    } catch {
      preconditionFailure("offset \(offset) is not reserved: \(error)")
    }
  }

  /// Gives up a buffer that was reserved and never committed. Traps unless there is one at `offset`.
  ///
  /// - Parameter size: how many of its bytes are zeroed before.
  mutating func abort(_ offset: Int, clearing size: Int = 0) {
    if size > 0 { clear(offset, size) }
    do throws(RangeError) {
      release(try ranges.abort(offset))
    } catch {
      preconditionFailure("offset \(offset) is not reserved: \(error)")
    }
  }

  // MARK: committed buffers

  /// What begins at an offset.
  enum BufferState { case none, reserved, committed }

  /// What begins at `offset`, which may be any number.
  mutating func state(at offset: Int) -> BufferState {
    do throws(RangeError) {
      _ = try ranges.withMetadata(at: offset) { _ in }
      return .committed
    } catch .notCommitted {
      return .reserved
    } catch {
      return .none
    }
  }

  /// The record of the committed buffer at `offset`, which may be any number; nil if there is none.
  mutating func record(at offset: Int) -> Record? {
    do throws(RangeError) {
      return try ranges.withMetadata(at: offset) { $0 }
    } catch {
      return nil
    }
  }

  /// Changes the record of a committed buffer. Traps unless there is one at `offset`.
  @inline(__always)
  mutating func update<R>(_ offset: Int, _ body: (inout Record) -> R) -> R {
    do throws(RangeError) {
      return try ranges.withMetadata(at: offset, body)
    } catch {
      preconditionFailure("offset \(offset) is not committed: \(error)")
    }
  }

  /// Calls `body` with the offset and record of every committed buffer, by address. O(buffers).
  mutating func forEachCommitted(_ body: (Int, inout Record) -> Void) {
    var offsets: [Int] = []
    ranges.forEachRange { if $0.state == .committed { offsets.append($0.offset) } }
    for offset in offsets { update(offset) { body(offset, &$0) } }
  }

  /// Frees a committed buffer: zeroes it if its record says so, merges its range with its free
  /// neighbours, and makes the pages that no other buffer touches available. Traps unless there is
  /// one at `offset`.
  @inline(__always)
  mutating func free(_ offset: Int) -> Record {
    let freed: Freed<Record>
    do throws(RangeError) {
      freed = try ranges.free(offset)
    } catch {
      preconditionFailure("offset \(offset) is not committed: \(error)")
    }
    // Its pages are in use until they are released.
    if freed.metadata.clearsOnFree { clear(offset, freed.range.size) }
    release(freed.range)
    return freed.metadata
  }

  @inline(__always)
  private mutating func release(_ freed: FreedRange) {
    bytesInUse -= freed.size
    if freed.pages.isEmpty { return }
    order.release(freed, from: &pages, stamp: clock.now())
  }

  /// Begins to fetch what the next free writes.
  @inline(__always)
  mutating func prepareFree() { clock.prepare() }

  @inline(never)
  private func clear(_ offset: Int, _ size: Int) {
    // A forked child's copy must not change what the parent holds.
    if pages.memory.isInherited { return }
    // SAFETY: the bytes lie in the region, and their pages are in use, so they have frames.
    unsafe (driverView + offset).initializeMemory(as: UInt8.self, repeating: 0, count: size)
  }

  // MARK: idle pages

  /// When the page that has been idle longest became idle; `.max` when none is.
  @inline(__always)
  var oldestIdle: UInt64 { pages.idle.oldestStamp ?? .max }

  /// Whether reclaimed memory really returns to the system.
  var canReclaim: Bool { pages.canReclaim }

  /// Gives back memory that readers brought in where no page has a frame.
  ///
  /// - Returns: how many pages came back.
  mutating func reclaimStrays() -> Int { pages.reclaimStrays() }

  /// Takes back up to `limit` idle pages that became idle before `deadline`, longest idle first.
  ///
  /// - Returns: how many went.
  mutating func reclaim(upTo limit: Int = .max, before deadline: UInt64 = .max) -> Int {
    pages.canReclaim ? pages.reclaim(upTo: limit, before: deadline) : 0
  }
}

/// What a holder keeps with each committed buffer.
protocol BufferSpaceRecord: BitwiseCopyable {
  /// Whether the buffer is zeroed before its range can be reused.
  var clearsOnFree: Bool { get }
}

/// What the driver fixes about regions.
public enum Region {
  /// The longest usable region in bytes; of a longer mapping the first 4 MiB are used.
  public static var longest: Int { 4 << 20 }
}
