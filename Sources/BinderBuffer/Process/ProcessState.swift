@_spi(Engine) internal import PageAlloc
internal import Synchronization

/// What a process's lock guards.
struct ProcessState: ~Copyable {
  var inbox: Inbox
  var debugIDs = DebugIDBlock()
  /// Threads that sleep until an event.
  var waiters = EventCounts()
  /// `exit` has done all that it does.
  var hasEnded = false
  /// One retain of the core stands for all that is held of its inbox.
  var isRetained = false

  init(inbox: consuming Inbox) { self.inbox = inbox }
}

/// What threads sleep until.
enum ProcessEvent {
  /// A transaction arrived, or the process exited.
  case arrival
  /// A call ended, or the process exited.
  case reply
  /// The process has ended.
  case end
}

/// How many threads sleep until each event.
struct EventCounts: BitwiseCopyable {
  private var arrival = 0
  private var reply = 0
  private var end = 0

  subscript(event: ProcessEvent) -> Int {
    @inline(__always)
    get {
      switch event {
      case .arrival: arrival
      case .reply: reply
      case .end: end
      }
    }
    @inline(__always)
    set {
      switch event {
      case .arrival: arrival = newValue
      case .reply: reply = newValue
      case .end: end = newValue
      }
    }
  }
}

/// The lock of a process, and what threads use without it.
@safe struct ProcessSync: ~Copyable {
  let lock = Lock(rank: .process)
  private let arrivals = Condition()
  private let replies = Condition()
  private let ends = Condition()
  /// Written under the lock; read without it by those who only want to give up early.
  let exited = Atomic<Bool>(false)
  /// False only while nothing waits to be received: a receiver that polls needs no lock to know.
  // INVARIANT: written under the lock; true after `exit` and while there is no region.
  let mayHaveArrivals = Atomic<Bool>(true)
  /// The stamp of the page that has been idle longest, as the shrinker reads it without the lock.
  let oldestIdle = Atomic<UInt64>(.max)

  /// Gives the lock back until `event` or the deadline, and takes it again.
  ///
  /// - Returns: false when the deadline has passed.
  func sleep(until event: ProcessEvent, deadline: UInt64) -> Bool {
    switch event {
    case .arrival: arrivals.wait(lock, deadline: deadline)
    case .reply: replies.wait(lock, deadline: deadline)
    case .end: ends.wait(lock, deadline: deadline)
    }
  }

  @inline(never)
  func wake(_ event: ProcessEvent, all: Bool) {
    switch event {
    case .arrival: all ? arrivals.broadcast() : arrivals.signal()
    case .reply: all ? replies.broadcast() : replies.signal()
    case .end: ends.broadcast()
    }
  }
}

/// The numbers that one process has drawn from its context and not yet used: drawn in blocks, so that
/// senders to different processes do not meet at one counter.
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
