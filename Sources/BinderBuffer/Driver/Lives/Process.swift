internal import PageAlloc

extension Driver {
  /// One open of the device.
  struct Process: ~Copyable {
    let pid: Int32
    /// The label of the process, for nodes that ask for it; nil when it has none.
    var securityContext: [UInt8]?

    var threads: [Int32: ThreadIndex] = [:]
    /// Its own objects, by pointer.
    var nodes: [UInt64: NodeIndex] = [:]
    /// Death and freeze notices that it asked for and that have not ended.
    var notices = 0
    /// What it can call.
    var handles = HandleTable()
    /// Its reference to a node; at most one.
    var referenceTo: [NodeIndex: ReferenceIndex] = [:]

    var todo = WorkList()
    var readDeaths = WorkList()
    var readFreezes = WorkList()
    var firstWaiting = ThreadIndex.none
    /// Threads with work of their own that is not deferred.
    var readyThreads = 0

    var maxThreads: UInt32 = 0
    /// Threads asked for by `BR_SPAWN_LOOPER` that have not registered.
    var requestedThreads: UInt32 = 0
    /// Threads that registered when asked for.
    var startedThreads: UInt32 = 0

    var detectsSpam = false
    var isFrozen = false
    /// While frozen: a call came.
    var gotCall = false
    /// While frozen: a oneway call came.
    var gotOneway = false
    /// Transactions that came and have not ended.
    var outstanding = 0

    var space = OptionalBox<BufferSpace<TransactionBuffer>>()
    /// Bytes of the region, 0 without one.
    var regionLength = 0
    /// The region's place in the program.
    var regionAddress: UInt64 = 0
    var isMapped = false
    /// Descriptors of this open, over all processes that share it.
    var descriptors = 1

    var isDead = false
    /// Transactions that are being filled in its region by their senders.
    var fills = 0

    init(pid: Int32, securityContext: [UInt8]?) {
      self.pid = pid
      self.securityContext = securityContext
    }
  }

  /// What is kept with each buffer in a receiver's region.
  struct TransactionBuffer: BufferSpaceRecord {
    /// The number of its transaction.
    let id: UInt32
    let layout: MessageLayout
    /// Its address in the receiver, as the pointers in it have it.
    let address: UInt64
    /// The node that it was sent to; none in a reply.
    let target: NodeIndex
    let isOneway: Bool
    let clearsOnFree: Bool
    /// The receiver has read it, and may free it.
    var isDelivered = false
    /// Its files are descriptors of the receiver.
    var hasDescriptors = false
  }
}

extension Driver.Process {
  /// When the page that has been idle longest became idle; `.max` when none is.
  var oldestIdle: UInt64 { space.isEmpty ? .max : space.value.oldestIdle }

  /// The region as the receiver sees it, valid for as long as the space lives.
  var receiverView: UnsafeRawPointer? { unsafe space.isEmpty ? nil : space.value.view }

  /// A descriptor through which another process can map the region, read-only; without a region
  /// there is none.
  mutating func readOnlyDescriptor() throws(PageAllocError) -> Int32 {
    guard regionLength > 0 else { throw .invalidArgument(.notExportable, value: 0) }
    return try space.value.readOnlyDescriptor()
  }
}
