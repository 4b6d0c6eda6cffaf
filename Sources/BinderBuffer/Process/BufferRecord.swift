/// What a process knows about one of its live buffers beyond its range: how it was sent, how far
/// its delivery is, and who waits for an answer.
///
/// Trivial on purpose: records move through queues and out to receivers without a retain.
@usableFromInline
struct BufferRecord: BitwiseCopyable {
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
  @usableFromInline let place: UInt32
  var state: State
  /// The call that awaits an answer; cleared when it has one.
  var caller: Caller?
}

/// A call that awaits an answer, as its receiver knows it.
///
/// INVARIANT: each stands for one pin of `process`, so that the core outlives it.
@safe struct Caller: BitwiseCopyable {
  let process: Unmanaged<ProcessCore>
  let call: CallID
}

/// Buffers in delivery order: a queue through the records' own links, so that it allocates nothing.
struct BufferQueue: BitwiseCopyable {
  private(set) var head = BufferRecord.none
  private(set) var tail = BufferRecord.none

  var isEmpty: Bool { head == BufferRecord.none }

  @inline(__always)
  mutating func append(_ unit: UInt32, in ranges: inout RangeAllocator<BufferRecord>) {
    if isEmpty {
      head = unit
    } else {
      ranges.updateMetadata(at: Int(tail) << 3) { $0.next = unit }
    }
    tail = unit
  }

  /// Takes the first buffer out and puts it into `state`.
  @inline(__always)
  mutating func removeFirst(
    entering state: BufferRecord.State, in ranges: inout RangeAllocator<BufferRecord>
  ) -> BufferRecord? {
    guard !isEmpty else { return nil }
    // Read as a whole before a part is written: a wide load that follows narrow stores stalls.
    let first = ranges.updateMetadata(at: Int(head) << 3) {
      let record = $0
      $0.next = BufferRecord.none
      $0.state = state
      return record
    }
    head = first.next
    if isEmpty { tail = BufferRecord.none }
    return first
  }
}
