internal import BinderBuffer
internal import CLinuxShims
internal import PageAlloc

/// What a driver must hold and answer, in arrays and dictionaries.
///
/// Naive on purpose: holders are found by looking through everything, lists are arrays, and nothing
/// is remembered that can be counted. It knows of the driver what a program can know, and the rules
/// that the recordings show.
final class DriverModel {
  /// Living ones, and dead ones in whose regions a message is still being filled.
  var processes: [Process] = []
  /// Keeps what others name.
  var everyone: [Process] = []
  var nodes: [Node] = []
  var transactions: [Transaction] = []
  var deaths: [Death] = []
  var freezes: [Freeze] = []
  var manager: Node?
  let kernel: DriverKernel

  /// What the last call must have caused outside.
  var effects = Effects()

  init(kernel: DriverKernel) { self.kernel = kernel }

  struct Effects {
    var woken: [Thread] = []
    var died: [Process] = []
    var closedFiles: [Int32] = []
    var closedDescriptors: [Int32] = []
  }

  /// One open of the device.
  final class Process {
    let pid: Int32
    let id: DriverProcessID
    /// Where its region lies.
    let base: UInt64
    /// With the terminating zero; nil: it has none.
    let label: [UInt8]?
    var regionLength = 0
    var isMapped = false
    var descriptors = 1
    var isAlive = true

    var threads: [Int32: Thread] = [:]
    var nodes: [UInt64: Node] = [:]
    var references: [UInt32: Reference] = [:]
    /// All in its region, those too that are being filled.
    var buffers: [Buffer] = []
    var todo: [Work] = []
    /// Threads that wait for work of the process; the last came last.
    var waiting: [Thread] = []
    var readDeaths: [Death] = []
    var readFreezes: [Freeze] = []
    var maxThreads: UInt32 = 0
    var requested: UInt32 = 0
    var started: UInt32 = 0
    var isFrozen = false
    var gotCall = false
    var gotOneway = false

    init(pid: Int32, id: DriverProcessID, base: UInt64, label: [UInt8]?) {
      self.pid = pid
      self.id = id
      self.base = base
      self.label = label
    }
  }

  final class Thread {
    let tid: Int32
    let id: DriverThreadID
    unowned let process: Process
    var todo: [Work] = []
    /// Something in `todo` is not deferred.
    var isReady = false
    var returnsAtOnce = true
    var isRegistered = false
    var isEntered = false
    /// It was told that its read may go on.
    var isWoken = false
    var waits = Waits.nothing
    /// Calls that it works on or waits for, the innermost last.
    var stack: [Transaction] = []
    var returnError = bb_br_ok.rawValue
    var replyError = bb_br_ok.rawValue
    var error = ExtendedError()
    /// The call whose answer is being filled.
    var replying: Transaction?

    enum Waits { case nothing, ownWork, processWork }

    init(tid: Int32, id: DriverThreadID, process: Process) {
      self.tid = tid
      self.id = id
      self.process = process
    }

    var isLooper: Bool { isRegistered || isEntered }
    var takesProcessWork: Bool { stack.isEmpty && todo.isEmpty }
  }

  struct ExtendedError: Equatable {
    var hasID = false
    var command = bb_br_ok.rawValue
    var param: Int32 = 0
  }

  final class Node {
    let pointer: UInt64
    let cookie: UInt64
    let acceptsFiles: Bool
    let wantsLabel: Bool
    /// Nil once it is dead.
    var owner: Process?
    /// The latest first.
    var references: [Reference] = []
    /// Messages to it that are being made, and moments in which it must not end.
    var pins = 0
    var isManagers = false
    var toldStrong = false
    var toldWeak = false
    var awaitsStrong = false
    var awaitsWeak = false
    /// Its owner has a oneway buffer in hand; `waiting` come after it.
    var isBusy = false
    var waiting: [Transaction] = []

    init(pointer: UInt64, cookie: UInt64, flags: UInt32, owner: Process) {
      self.pointer = pointer
      self.cookie = cookie
      self.owner = owner
      acceptsFiles = flags & bb_flag_accepts_fds.rawValue != 0
      wantsLabel = flags & bb_flag_security_context.rawValue != 0
    }
  }

  final class Reference {
    let handle: UInt32
    let node: Node
    unowned let process: Process
    var strong = 0
    var weak = 0
    var death: Death?
    var freeze: Freeze?

    init(handle: UInt32, node: Node, process: Process) {
      self.handle = handle
      self.node = node
      self.process = process
    }
  }

  final class Death {
    let cookie: UInt64
    unowned let process: Process
    var stage = Stage.requested

    enum Stage { case requested, dead, deadAndCleared, cleared }

    init(cookie: UInt64, process: Process) {
      self.cookie = cookie
      self.process = process
    }
  }

  final class Freeze {
    let cookie: UInt64
    unowned let process: Process
    var isFrozen: Bool
    var isRead = false
    var hasMore = false
    var isCleared = false

    init(cookie: UInt64, process: Process, isFrozen: Bool) {
      self.cookie = cookie
      self.process = process
      self.isFrozen = isFrozen
    }
  }

  final class Transaction {
    let message: DriverMessage
    let isReply: Bool
    let receiver: Process
    let senderPID: Int32
    let buffer: Buffer
    var from: Thread?
    /// What `from` worked on when it called.
    var outer: Transaction?
    var to: Thread?
    var isOutstanding = true
    /// Files that nobody has got yet.
    var tokens: [Int32] = []

    init(
      _ message: DriverMessage, isReply: Bool, receiver: Process, senderPID: Int32, buffer: Buffer
    ) {
      self.message = message
      self.isReply = isReply
      self.receiver = receiver
      self.senderPID = senderPID
      self.buffer = buffer
    }

    var isOneway: Bool { !isReply && message.isOneway }
  }

  /// A buffer in a receiver's region, from reservation to free.
  final class Buffer {
    let target: Node?
    var holdsTarget = true
    let isOneway: Bool
    /// Objects of the message as the receiver gets them.
    var objects: [Held] = []
    var size = 0
    /// Known once it was delivered, and only then may it be freed.
    var address: UInt64?
    /// Descriptors that go with it.
    var arrayDescriptors: [Int32] = []

    init(target: Node?, isOneway: Bool) {
      self.target = target
      self.isOneway = isOneway
    }
  }

  /// What an object in a buffer holds.
  enum Held {
    case nothing
    case own(Node, strong: Bool)
    case handle(UInt32, strong: Bool)
  }

  /// A message between its two steps.
  final class Pending {
    let thread: Thread
    let receiver: Process
    let target: Node?
    let inReplyTo: Transaction?
    var message: DriverMessage
    let isReply: Bool
    let acceptsFiles: Bool
    let buffer: Buffer

    init(
      _ message: DriverMessage, isReply: Bool, by thread: Thread, to receiver: Process,
      target: Node?, inReplyTo: Transaction?, acceptsFiles: Bool
    ) {
      self.message = message
      self.isReply = isReply
      self.thread = thread
      self.receiver = receiver
      self.target = target
      self.inReplyTo = inReplyTo
      self.acceptsFiles = acceptsFiles
      buffer = Buffer(target: target, isOneway: !isReply && message.isOneway)
    }
  }
  var pending: [Pending] = []

  enum Work {
    case transaction(Transaction)
    case completion(UInt32)
    case node(Node)
    case death(Death)
    case freeze(Freeze)
    case returnError
    case replyError

    func isNode(_ other: Node) -> Bool {
      if case .node(let node) = self { node === other } else { false }
    }
    func isDeath(_ other: Death) -> Bool {
      if case .death(let death) = self { death === other } else { false }
    }
    func isFreeze(_ other: Freeze) -> Bool {
      if case .freeze(let freeze) = self { freeze === other } else { false }
    }
  }
}
