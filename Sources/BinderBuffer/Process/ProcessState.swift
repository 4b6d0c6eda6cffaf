internal import PageAlloc
internal import Synchronization

/// What threads use without holding a process's lock, the lock itself first.
///
/// Apart from `ProcessState`, whose every change is an access to all of it.
@safe struct ProcessSync: ~Copyable {
  let lock = Lock(rank: .process)
  /// Signalled when a transaction arrives, and when the process exits.
  let arrivals = Condition()
  /// Signalled when a call ends, and when the process exits.
  let replies = Condition()
  /// Written under the lock; read without it by those who only want to give up early.
  let exited = Atomic<Bool>(false)
  /// False only while nothing waits to be received: a receiver that polls needs no lock to know.
  // INVARIANT: written under the lock; true after `exit` and while there is no region.
  let mayHaveArrivals = Atomic<Bool>(true)
  /// The stamp of the page that has been idle longest, as the shrinker reads it without the lock.
  let oldestIdle = Atomic<UInt64>(.max)
}

/// Everything about a process that changes, at one stable address under its lock.
@safe struct ProcessState: ~Copyable {
  /// A process without a region can send oneway transactions but receive nothing.
  private(set) var region: UnsafeMutablePointer<RegionState>?
  /// Transactions for whoever receives next.
  var todo = BufferQueue()
  var nodes = NodeTable()
  var calls = CallTable()
  var debugIDs = DebugIDBlock()
  var ticks = Shrinker.Ticks()
  var counters = ProcessCounters()

  var regionPins = 0
  var callPins = 0
  var retainedByPins = false
  var arrivalWaiters = 0
  var replyWaiters = 0

  deinit {
    if let region = unsafe region {
      unsafe region.deinitialize(count: 1)
      unsafe region.deallocate()
    }
  }

  mutating func adopt(_ newRegion: consuming RegionState) {
    precondition(unsafe region == nil)
    let pointer = UnsafeMutablePointer<RegionState>.allocate(capacity: 1)
    unsafe pointer.initialize(to: newRegion)
    unsafe region = unsafe pointer
  }

  mutating func dropRegion() {
    guard let pointer = unsafe region else { return }
    unsafe region = nil
    // SAFETY: `adopt` initialised it; no pin is left, so nobody reads the memory it maps.
    unsafe pointer.deinitialize(count: 1)
    unsafe pointer.deallocate()
  }
}

/// A region: where buffers are placed, which pages are there, and both views of the memory.
@safe struct RegionState: ~Copyable {
  var ranges: RangeAllocator<BufferRecord>
  var pages: RegionPages
  let order: ReleaseOrder
  /// The driver's and the receiver's view of the memory.
  let driverView: UnsafeMutableRawPointer
  let receiverView: UnsafeRawPointer

  init(length: Int, policy: PlacementPolicy, pages: consuming RegionPages) throws(RangeError) {
    self.pages = pages
    ranges = try RangeAllocator(length: length, policy: policy, frames: self.pages.frameMap)
    order = ReleaseOrder(policy)
    // SAFETY: `pages` keeps the memory, and with it both views, for as long as this value lives.
    unsafe driverView = self.pages.memory.driverView
    unsafe receiverView = self.pages.memory.receiverView
  }
}

/// Oneway transactions to one node are delivered one at a time, in order.
struct NodeState: BitwiseCopyable {
  /// A oneway buffer of this node is queued or delivered and not yet freed.
  var isBusy = false
  var waiting = BufferQueue()
}

/// The nodes of a process by their numbers. Only grows.
@safe struct NodeTable: ~Copyable {
  // INVARIANT: the first `count` of `capacity` entries are initialised.
  private var entries = unsafe UnsafeMutableBufferPointer<NodeState>(start: nil, count: 0)
  private(set) var count = 0

  // SAFETY: allocated in `append`, or nil; the entries are trivial.
  deinit { unsafe entries.deallocate() }

  subscript(node: UInt32) -> NodeState {
    @inline(__always)
    unsafeAddress {
      precondition(Int(node) < count)
      // SAFETY: just checked to be one of the initialised entries.
      return unsafe UnsafePointer(entries.baseAddress.unsafelyUnwrapped + Int(node))
    }
    @inline(__always)
    unsafeMutableAddress {
      precondition(Int(node) < count)
      // SAFETY: as above.
      return unsafe entries.baseAddress.unsafelyUnwrapped + Int(node)
    }
  }

  mutating func append(_ node: NodeState) {
    if unsafe count == entries.count {
      // SAFETY: all entries are initialised and move; the old memory is empty then.
      let grown = UnsafeMutableBufferPointer<NodeState>.allocate(capacity: max(4, count * 2))
      _ = unsafe grown.moveInitialize(fromContentsOf: entries)
      unsafe entries.deallocate()
      unsafe entries = unsafe grown
    }
    // SAFETY: there is room for one more, just made if need be.
    unsafe entries.initializeElement(at: count, to: node)
    count += 1
  }
}

/// The numbers that one process has drawn from its context and not yet used.
struct DebugIDBlock: BitwiseCopyable {
  private var nextID: UInt32 = 0
  private var left = 0

  static var blockSize: Int { 256 }

  @inline(__always)
  mutating func next(from source: borrowing Atomic<UInt32>) -> UInt32 {
    if left == 0 {
      left = Self.blockSize
      nextID = source.wrappingAdd(UInt32(Self.blockSize), ordering: .relaxed).oldValue
    }
    left -= 1
    defer { nextID &+= 1 }
    return nextID
  }
}

struct ProcessCounters: BitwiseCopyable {
  var peakBuffers = 0
  var bytesInUse = 0
  var peakBytes = 0
  var lowestFreeOnewaySpace = Int.max
  var received = 0
  var bytesCopied = 0
  var spamReports = 0
  var failures = InlineArray<8, Int>(repeating: 0)

  mutating func count(_ error: BinderError) { failures[error.kind.rawValue] += 1 }
}
