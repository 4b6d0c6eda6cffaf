internal import CLinuxShims
internal import PageAlloc

/// One command that a program wrote (`BC_…`), decoded.
///
/// Decoding needs no state of the driver; what the numbers mean is the driver's to say.
public enum Command: Sendable, BitwiseCopyable {
  /// `BC_TRANSACTION`, `BC_REPLY` and their scatter-gather forms.
  case transaction(TransactionCommand)
  /// `BC_FREE_BUFFER`: the buffer's address in the program.
  case freeBuffer(UInt64)
  /// `BC_INCREFS`, `BC_ACQUIRE`, `BC_RELEASE`, `BC_DECREFS`.
  case reference(handle: UInt32, strong: Bool, increment: Bool)
  /// `BC_INCREFS_DONE`, `BC_ACQUIRE_DONE`.
  case done(pointer: UInt64, cookie: UInt64, strong: Bool)
  /// `BC_REGISTER_LOOPER`
  case registerLooper
  /// `BC_ENTER_LOOPER`
  case enterLooper
  /// `BC_EXIT_LOOPER`
  case exitLooper
  /// `BC_REQUEST_DEATH_NOTIFICATION`, `BC_CLEAR_DEATH_NOTIFICATION`.
  case death(handle: UInt32, cookie: UInt64, clear: Bool)
  /// `BC_DEAD_BINDER_DONE`
  case deathDone(cookie: UInt64)
  /// `BC_REQUEST_FREEZE_NOTIFICATION`, `BC_CLEAR_FREEZE_NOTIFICATION` (Linux 6.12).
  case freeze(handle: UInt32, cookie: UInt64, clear: Bool)
  /// `BC_FREEZE_NOTIFICATION_DONE` (Linux 6.12)
  case freezeDone(cookie: UInt64)
}

/// What `BC_TRANSACTION` and `BC_REPLY` carry (`struct binder_transaction_data` and `_sg`).
public struct TransactionCommand: Sendable, BitwiseCopyable {
  /// The target; of no meaning in a reply.
  public var handle: UInt32
  /// `BC_REPLY` rather than `BC_TRANSACTION`.
  public var isReply: Bool
  /// What the receiver is to do, as it understands it.
  public var code: UInt32
  /// `TF_…`, unknown bits too.
  public var flags: UInt32
  /// Where the message lies in the sender.
  public var data: UInt64
  /// Its bytes.
  public var dataSize: UInt64
  /// Where the offsets of its objects lie.
  public var offsets: UInt64
  /// Their bytes.
  public var offsetsSize: UInt64
  /// Room for scatter-gather buffers, in bytes.
  public var extraSize: UInt64

  /// A message; without arguments an empty call of handle 0.
  public init(
    handle: UInt32 = 0, isReply: Bool = false, code: UInt32 = 0, flags: UInt32 = 0,
    data: UInt64 = 0, dataSize: UInt64 = 0, offsets: UInt64 = 0, offsetsSize: UInt64 = 0,
    extraSize: UInt64 = 0
  ) {
    self.handle = handle
    self.isReply = isReply
    self.code = code
    self.flags = flags
    self.data = data
    self.dataSize = dataSize
    self.offsets = offsets
    self.offsetsSize = offsetsSize
    self.extraSize = extraSize
  }

  var isOneway: Bool { !isReply && flags & WireFlag.oneway != 0 }
}

extension Command {
  /// The bytes that follow the command's number: it says so itself (`_IOC_SIZE`).
  static func payloadSize(_ code: UInt32) -> Int { Int(code >> 16 & 0x3fff) }

  /// The longest payload of a command that is known.
  static var longestPayload: Int { bb_td_sg_size }

  static func isKnown(_ code: UInt32) -> Bool {
    switch code {
    case BC.transaction, BC.reply, BC.transactionSG, BC.replySG, BC.freeBuffer, BC.increfs,
      BC.acquire, BC.release, BC.decrefs, BC.increfsDone, BC.acquireDone, BC.registerLooper,
      BC.enterLooper, BC.exitLooper, BC.requestDeath, BC.clearDeath, BC.deadBinderDone,
      BC.requestFreeze, BC.clearFreeze, BC.freezeDone:
      true
    default: false
    }
  }

  /// Decodes a command whose number and payload have been read.
  ///
  /// - Throws: `EINVAL` for a number that is no command's.
  init(code: UInt32, payload: borrowing WireBytes, at base: Int) throws(Errno) {
    switch code {
    case BC.transaction, BC.transactionSG:
      self = .transaction(TransactionCommand(payload, at: base, code: code, isReply: false))
    case BC.reply, BC.replySG:
      self = .transaction(TransactionCommand(payload, at: base, code: code, isReply: true))
    case BC.freeBuffer: self = .freeBuffer(payload.word64(base))
    case BC.increfs:
      self = .reference(handle: payload.word32(base), strong: false, increment: true)
    case BC.acquire:
      self = .reference(handle: payload.word32(base), strong: true, increment: true)
    case BC.release:
      self = .reference(handle: payload.word32(base), strong: true, increment: false)
    case BC.decrefs:
      self = .reference(handle: payload.word32(base), strong: false, increment: false)
    case BC.increfsDone:
      self = .done(pointer: payload.word64(base), cookie: payload.word64(base + 8), strong: false)
    case BC.acquireDone:
      self = .done(pointer: payload.word64(base), cookie: payload.word64(base + 8), strong: true)
    case BC.registerLooper: self = .registerLooper
    case BC.enterLooper: self = .enterLooper
    case BC.exitLooper: self = .exitLooper
    case BC.requestDeath, BC.clearDeath:
      self = .death(
        handle: payload.word32(base), cookie: payload.word64(base + 4), clear: code == BC.clearDeath
      )
    case BC.deadBinderDone: self = .deathDone(cookie: payload.word64(base))
    case BC.requestFreeze, BC.clearFreeze:
      self = .freeze(
        handle: payload.word32(base), cookie: payload.word64(base + 4),
        clear: code == BC.clearFreeze)
    case BC.freezeDone: self = .freezeDone(cookie: payload.word64(base))
    default: throw .invalidArgument
    }
  }
}

extension TransactionCommand {
  init(_ payload: borrowing WireBytes, at base: Int, code: UInt32, isReply: Bool) {
    self.init(
      handle: payload.word32(base + bb_td_target), isReply: isReply,
      code: payload.word32(base + bb_td_code),
      flags: payload.word32(base + bb_td_flags), data: payload.word64(base + bb_td_buffer),
      dataSize: payload.word64(base + bb_td_data_size),
      offsets: payload.word64(base + bb_td_offsets),
      offsetsSize: payload.word64(base + bb_td_offsets_size))
    if code == BC.transactionSG || code == BC.replySG {
      extraSize = payload.word64(base + bb_td_sg_buffers_size)
    }
  }
}

/// A few bytes of the protocol in memory of our own, read as integers at any alignment.
@safe struct WireBytes: ~Copyable {
  private var words = InlineArray<32, UInt64>(repeating: 0)

  static var capacity: Int { 256 }

  func word32(_ offset: Int) -> UInt32 {
    precondition(offset >= 0 && offset <= Self.capacity - 4)
    // SAFETY: just checked to lie inside the array; loadUnaligned needs no alignment.
    return unsafe words.span.bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self)
  }

  func word64(_ offset: Int) -> UInt64 {
    precondition(offset >= 0 && offset <= Self.capacity - 8)
    // SAFETY: as above.
    return unsafe words.span.bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
  }

  /// Lends `range` of the bytes for writing.
  mutating func withBytes<R>(_ range: Range<Int>, _ body: (UnsafeMutableRawBufferPointer) -> R) -> R
  {
    precondition(range.lowerBound >= 0 && range.upperBound <= Self.capacity)
    var span = words.mutableSpan
    // SAFETY: the range was just checked to lie inside the array.
    return unsafe span.withUnsafeMutableBytes { bytes in
      unsafe body(UnsafeMutableRawBufferPointer(rebasing: bytes[range]))
    }
  }

  /// Moves the bytes of `range` to the front.
  mutating func moveToFront(_ range: Range<Int>) {
    unsafe withBytes(0..<Self.capacity) { bytes in
      // SAFETY: `range` lies inside; memmove semantics allow the overlap.
      unsafe bytes.baseAddress!.copyMemory(
        from: bytes.baseAddress! + range.lowerBound, byteCount: range.count)
    }
  }
}
