internal import PageAlloc

/// One context of Binder: what stands behind one device, as a state machine.
///
/// Commands and ioctls go in as calls; returns come out as bytes, together with whom to wake. It
/// neither waits nor makes system calls nor locks: whoever holds it serialises the calls and does
/// the waiting. The same calls give the same answers, on one thread or on many.
///
/// What needs a stranger's memory or descriptors happens between two calls, outside the holder's
/// lock: see ``PendingTransaction`` and ``ReadResult``.
///
/// Every rule is one that a real driver showed; Docs/Fidelity.md names the recording of each.
public struct Driver: ~Copyable, @unchecked Sendable {
  typealias ProcessIndex = SlabIndex<Process>
  typealias ThreadIndex = SlabIndex<Thread>
  typealias NodeIndex = SlabIndex<Node>
  typealias ReferenceIndex = SlabIndex<Reference>
  typealias TransactionIndex = SlabIndex<Transaction>
  typealias WorkIndex = SlabIndex<Work>
  typealias DeathIndex = SlabIndex<Death>
  typealias FreezeIndex = SlabIndex<FreezeNotice>

  /// How it was set up.
  public let options: DriverOptions

  var processes = Slab<Process>()
  var threads = Slab<Thread>()
  var nodes = Slab<Node>()
  var references = Slab<Reference>()
  var transactions = Slab<Transaction>()
  var works = Slab<Work>()
  var deaths = Slab<Death>()
  var freezes = Slab<FreezeNotice>()
  /// Files of transactions that are on their way. Apart, since few carry any.
  var files: [TransactionIndex: [FileFixup]] = [:]

  /// The context manager's node.
  var manager = NodeIndex.none
  /// Whoever became context manager first; others with another user may not.
  var managerUser: UInt32?

  /// Numbers of transactions and buffers.
  var lastID: UInt32 = 0
  /// What the last calls caused outside. Drain it after each.
  public var effects = Effects()

  /// A context without a process.
  public init(options: DriverOptions = DriverOptions()) {
    self.options = options
  }

  /// A number for a transaction, never 0.
  mutating func nextID() -> UInt32 {
    lastID &+= 1
    if lastID == 0 { lastID = 1 }
    return lastID
  }
}

/// One open of the device: what Binder calls a process.
///
/// Goes stale when the open ends; calls with a stale one throw `EBADF`.
public struct DriverProcessID: Hashable, Sendable, BitwiseCopyable {
  let raw: UInt32
  let generation: UInt32
}

/// One thread of an open.
public struct DriverThreadID: Hashable, Sendable, BitwiseCopyable {
  let raw: UInt32
  let generation: UInt32
}

extension Driver {
  func id(_ process: ProcessIndex) -> DriverProcessID {
    DriverProcessID(raw: process.raw, generation: processes.generation(process))
  }

  func id(_ thread: ThreadIndex) -> DriverThreadID {
    DriverThreadID(raw: thread.raw, generation: threads.generation(thread))
  }

  /// - Throws: `EBADF` when the open has ended.
  func find(_ id: DriverProcessID) throws(Errno) -> ProcessIndex {
    guard let index = processes.index(id.raw, generation: id.generation), !processes[index].isDead
    else { throw .badFileDescriptor }
    return index
  }

  func find(_ id: DriverThreadID) -> ThreadIndex? {
    threads.index(id.raw, generation: id.generation)
  }
}
