/// What a process knows about one of its committed buffers beyond its range: how it was sent, how
/// far its delivery is, and who waits for an answer.
///
/// Trivial on purpose: records move through queues and out to receivers without a retain.
@usableFromInline
struct MessageRecord: BufferSpaceRecord {
  enum State: UInt8 {
    /// In the todo queue.
    case queued
    /// Behind another oneway buffer of its node.
    case waiting
    /// A reply that its call has not been asked for.
    case replied
    /// Owned by a `Delivery`.
    case delivered
    /// The receiver holds the bare offset.
    case kept
  }

  /// No buffer, no node.
  static var none: UInt32 { .max }

  let debugID: UInt32
  let senderPID: Int32
  let code: UInt32
  let flags: TransactionFlags
  @usableFromInline let dataSize: UInt32
  let offsetsSize: UInt32
  let extraSize: UInt32
  let securityContextSize: UInt32
  /// The node of the receiver, `none` for a reply.
  let node: UInt32
  /// The next buffer of the queue that this one is in, in units of 8 bytes.
  var next = Self.none
  /// Where the buffer begins, in units of 8 bytes.
  @usableFromInline let unit: UInt32
  var state = State.queued
  /// The call that awaits an answer; cleared when it has one.
  var caller: Caller?

  /// The record of a buffer at `offset` that was filled after `layout`.
  @inline(__always)
  init(
    at offset: Int, _ layout: TransactionLayout, debugID: UInt32, senderPID: Int32, code: UInt32,
    flags: TransactionFlags, node: UInt32, caller: Caller?
  ) {
    self.debugID = debugID
    self.senderPID = senderPID
    self.code = code
    self.flags = flags
    // The buffer lies in a region, so none of its parts is longer than one.
    dataSize = UInt32(truncatingIfNeeded: layout.dataSize)
    offsetsSize = UInt32(truncatingIfNeeded: layout.offsetsSize)
    extraSize = UInt32(truncatingIfNeeded: layout.extraSize)
    securityContextSize = UInt32(truncatingIfNeeded: layout.securityContextSize)
    self.node = node
    unit = UInt32(truncatingIfNeeded: offset >> 3)
    self.caller = caller
  }

  @usableFromInline var offset: Int { Int(unit) << 3 }
  var clearsOnFree: Bool { flags.contains(.clearOnFree) }
  var isOneway: Bool { flags.contains(.oneway) }
}

/// A call that awaits an answer, as its receiver knows it: one of the two ends of an entry in the
/// `CallTable` of the process that made it.
@safe struct Caller: BitwiseCopyable {
  /// The process, by an address that means something to whoever made the record.
  let process: OpaquePointer
  let call: UInt32
}
