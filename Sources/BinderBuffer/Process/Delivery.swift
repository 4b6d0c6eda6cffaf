/// A delivered transaction: the receiver's ownership of its buffer.
///
/// The bytes are read in place, through the receiver's read-only view; the buffer is freed when the
/// value goes. `keep()` turns it into a bare offset for those who free by `BinderProcess.free(at:)`.
///
/// One owner at a time; it may move between threads.
@safe public struct Delivery: ~Copyable, @unchecked Sendable {
  // INVARIANT: stands for one region pin of the core, and for one buffer in state `delivered`.
  let core: Unmanaged<ProcessCore>
  // The fields' order matters: moved in pieces other than those they were written in, they stall.
  @usableFromInline let record: BufferRecord
  @usableFromInline let view: UnsafeRawPointer

  init(core: Unmanaged<ProcessCore>, record: BufferRecord, view: UnsafeRawPointer) {
    unsafe self.core = unsafe core
    self.record = record
    unsafe self.view = unsafe view
  }

  deinit {
    // SAFETY: the pin keeps the core alive.
    unsafe core._withUnsafeGuaranteedRef { $0.free(deliveredAt: offset) }
  }

  /// Frees the buffer now.
  public consuming func free() {}

  /// Gives the buffer to the caller as a bare offset; `BinderProcess.free(at:)` frees it.
  public consuming func keep() -> Int {
    let (core, offset) = unsafe (core, offset)
    discard self
    // SAFETY: the pin keeps the core alive until `keep` gives it back.
    unsafe core._withUnsafeGuaranteedRef { $0.keep(deliveredAt: offset) }
    return offset
  }

  /// Where the buffer begins in the receiver's region, in bytes.
  @inlinable
  public var offset: Int { Int(record.place) << 3 }
  public var debugID: UInt32 { record.debugID }
  public var code: UInt32 { record.code }
  public var flags: TransactionFlags { record.flags }
  public var senderPID: Int32 { record.senderPID }
  @inlinable
  public var dataSize: Int { Int(record.dataSize) }
  public var offsetsSize: Int { Int(record.offsetsSize) }
  public var extraSize: Int { Int(record.extraSize) }
  public var securityContextSize: Int { Int(record.securityContextSize) }
  public var isOneway: Bool { record.flags.contains(.oneway) }
  public var isReply: Bool { record.node == BufferRecord.none }
  /// The sender awaits a reply. What `reply` did since is not seen here.
  public var needsReply: Bool { record.caller != nil }

  /// How the buffer was sent and what it holds, apart from its bytes.
  public var info: AllocationInfo {
    AllocationInfo(
      offsetsRange: offsetsStart..<offsetsStart + offsetsSize,
      targetNode: isReply ? nil : record.node, onewayNode: isOneway ? record.node : nil,
      clearsOnFree: record.flags.contains(.clearOnFree))
  }

  // MARK: reading in place

  /// The message, in place.
  @inlinable @inline(__always)
  public func withData<R, E>(_ body: (RawSpan) throws(E) -> R) throws(E) -> R {
    try withBytes(at: 0, dataSize, body)
  }

  /// The offsets array, in place: one `UInt64` for each object.
  public func withOffsets<R, E>(_ body: (RawSpan) throws(E) -> R) throws(E) -> R {
    try withBytes(at: offsetsStart, offsetsSize, body)
  }

  /// The extra buffers, in place. What no object's buffer covers holds what the receiver was sent
  /// before.
  public func withExtra<R, E>(_ body: (RawSpan) throws(E) -> R) throws(E) -> R {
    try withBytes(at: extraStart, extraSize, body)
  }

  /// The sender's security context, in place.
  public func withSecurityContext<R, E>(_ body: (RawSpan) throws(E) -> R) throws(E) -> R {
    try withBytes(at: extraStart + rounded(extraSize), securityContextSize, body)
  }

  private var offsetsStart: Int { rounded(dataSize) }
  private var extraStart: Int { offsetsStart + rounded(offsetsSize) }
  private func rounded(_ size: Int) -> Int { (size + 7) & ~7 }

  @inlinable @inline(__always)
  func withBytes<R, E>(at start: Int, _ count: Int, _ body: (RawSpan) throws(E) -> R)
    throws(E) -> R
  {
    // SAFETY: the part lies in the buffer, whose pages are in use while this value exists, and the
    // pin keeps the view mapped; the span does not leave the closure.
    try body(
      unsafe RawSpan(
        _unsafeBytes: UnsafeRawBufferPointer(start: view + offset + start, count: count)))
  }
}

/// What travels with a committed buffer beside its bytes.
public struct AllocationInfo: Hashable, Sendable {
  /// Where the offsets array lies, from the buffer's start, in bytes.
  public let offsetsRange: Range<Int>
  /// The receiver's node that it was sent to; nil for a reply.
  public let targetNode: UInt32?
  /// The node whose oneway order it takes part in.
  public let onewayNode: UInt32?
  /// Zeroed before its range can be reused.
  public let clearsOnFree: Bool
}
