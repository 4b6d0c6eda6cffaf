internal import PageAlloc

/// A range that was just taken, and the slot of its metadata.
@usableFromInline
struct PlacedRange {
  @usableFromInline let reservation: Reservation
  @usableFromInline let slot: UInt32

  @inline(__always)
  init(start: UInt32, units: UInt32, slot: UInt32, spam: SpamFinding) {
    reservation = Reservation(start: start, units: units, spam: spam)
    self.slot = slot
  }
}

/// A range that was just freed, and the slot of its metadata.
@usableFromInline
struct FreedSlot {
  @usableFromInline let range: FreedRange
  @usableFromInline let slot: UInt32

  @inline(__always)
  init(start: UInt32, units: UInt32, holeStart: UInt32, holeEnd: UInt32, slot: UInt32) {
    range = FreedRange(start: start, units: units, holeStart: holeStart, holeEnd: holeEnd)
    self.slot = slot
  }
}

/// Everything about a region's ranges but their metadata: the non-generic core of
/// ``RangeAllocator``.
///
/// Sizes and offsets are counted in units of 8 bytes (at most 524,288), so that they fit in 20
/// bits and their sums never overflow 32; arithmetic on them therefore does not check.
///
/// The large tables are mapped when they are first needed: a region that has never held more than
/// eight buffers under the Rust driver's rule has none.
@usableFromInline
@safe
struct RangeEngine: ~Copyable {
  /// Where the ranges are kept now.
  @usableFromInline
  enum Mode: UInt8 {
    /// In the short array (Rust driver, `compact`), or nowhere yet (C driver, before the first
    /// request).
    case array
    /// In the list, the free ones under ``BestFitIndex``.
    case bestFit
    /// In the list, the free ones under ``SizeTree``.
    case sizeTree
  }

  let policy: PlacementPolicy
  /// The policy's, at hand.
  @usableFromInline let search: PlacementPolicy.Search
  /// Bytes of free oneway space that a oneway range costs beside its own, and that must be there.
  let onewayCharge: UInt32
  let onewayRequirement: UInt32
  /// Bytes.
  let length: UInt32
  let units: UInt32
  @usableFromInline var mode = Mode.array
  /// How many ranges the array may hold before the list takes over.
  let arrayLimit: UInt32

  var liveCount: UInt32 = 0
  var liveUnits: UInt32 = 0
  /// Bytes: half of an odd number of units is no number of units.
  var freeOneway: UInt32
  /// Bytes of oneway space that empty oneway ranges have leaked, where the rules say so.
  var leakedOneway: UInt32 = 0
  /// Spam was reported, and is not again until oneway space recovers, where the rules say so.
  var spamLatched = false

  var array: ShortArray
  var list = RangeList()
  var bestFit = BestFitIndex()
  var sizeTree = SizeTree()
  var senders = SenderTotals()

  /// Which pages have frames, under the policy that cares; nil: all count as having one.
  let frames: FrameMap?

  private let small: SmallBlock
  private var memory: LazyMemory?
  private let metadataStride: Int
  private let metadataAlignment: Int
  /// Metadata of slots 1 to 8.
  @usableFromInline let smallMetadata: UnsafeMutableRawPointer
  /// Metadata of the slots from 9 on, indexed by slot.
  @usableFromInline var largeMetadata: UnsafeMutableRawPointer

  @usableFromInline
  init(
    length: Int, policy: PlacementPolicy, frames: FrameMap?, metadataStride: Int,
    metadataAlignment: Int
  ) throws(RangeError) {
    guard length > 0, length <= 4 << 20, length & 7 == 0 else { throw .invalidLength(length) }
    precondition(
      frames.map { $0.pageCount >= (length + 4095) >> 12 } ?? true,
      "the frame map is shorter than the region")
    self.policy = policy
    search = policy.search
    self.frames = search == .compact ? frames : nil
    onewayCharge = UInt32(policy.rules.onewayHeader.charged)
    onewayRequirement = UInt32(policy.rules.onewayHeader.required)
    self.length = UInt32(length)
    units = UInt32(length) / 8
    arrayLimit = search != .c ? UInt32(ShortArray.capacity) : 0
    freeOneway = UInt32(length) / 2
    small = SmallBlock(metadataStride: metadataStride, metadataAlignment: metadataAlignment)
    array = ShortArray(entries: small.entries, owners: small.owners)
    self.metadataStride = metadataStride
    self.metadataAlignment = metadataAlignment
    unsafe smallMetadata = small.metadata
    unsafe largeMetadata = small.metadata
  }

  // Its own, so that no code in a client's module takes the members apart.
  @usableFromInline
  deinit {}

  var hasTables: Bool { memory != nil }

  /// Maps the large tables, once.
  mutating func mapTables() throws(RangeError) {
    guard memory == nil else { return }
    let units = Int(units)
    let isBestFit = search != .c
    var layout = RangeLayout()
    // What every region touches comes first and shares a page; what grows starts its own.
    let sizes = layout.add(UInt64.self, count: isBestFit ? 0 : SizeBitmap.wordCount)
    let runs = layout.add(UInt64.self, count: isBestFit ? 0 : Int(SizeBitmap.sizeCount))
    let heads = layout.add(UInt32.self, count: RangeList.headCount(units: units))
    let nodes = layout.add(RangeNode.self, count: RangeList.nodeCount(units: units))
    let tree = layout.add(SizeTreeNode.self, count: isBestFit ? 0 : nodes.count)
    let bins = layout.add(UInt64.self, count: isBestFit ? TieBins.wordCount(units: units) : 0)
    let records = layout.add(SenderRecord.self, count: SenderTotals.recordCount(units: units))
    let buckets = layout.add(UInt32.self, count: SenderTotals.bucketCount(units: units))
    let metadata = layout.add(
      UInt8.self, count: nodes.count * metadataStride, alignment: metadataAlignment)

    let memory: LazyMemory
    do throws(PageAllocError) {
      memory = try LazyMemory(byteCount: layout.byteCount)
    } catch {
      throw .noMemory(bytes: layout.byteCount)
    }
    // SAFETY: the layout's size is the mapping's, and the engine keeps both together.
    let start = unsafe memory.base
    list.nodes = unsafe Table(nodes, from: start)
    list.heads = unsafe Table(heads, from: start)
    bestFit.nodes = list.nodes
    bestFit.bins.words = unsafe Table(bins, from: start)
    sizeTree.sizes.words = unsafe Table(sizes, from: start)
    sizeTree.nodes = unsafe Table(tree, from: start)
    sizeTree.runs = unsafe Table(runs, from: start)
    senders.records = unsafe Table(records, from: start)
    senders.buckets = unsafe Table(buckets, from: start)
    unsafe largeMetadata = start + metadata.distance
    self.memory = consume memory
  }

  /// Bytes of the longest free range.
  var largestFree: Int {
    switch mode {
    case .array: Int(array.largestGap(units: units)) * 8
    case .bestFit: Int(bestFit.largest) * 8
    case .sizeTree: Int(sizeTree.largest) * 8
    }
  }
}
