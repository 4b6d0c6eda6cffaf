internal import PageAlloc

/// A delivered transaction: the receiver's ownership of its buffer.
///
/// The bytes are read in place, through the receiver's read-only view; the buffer is freed when the
/// value goes, which is also what its reply does. `keep()` turns it into a bare offset, as the driver
/// hands them out, and `BinderProcess.take(at:)` that into a delivery again.
///
/// One owner at a time; it may move between threads.
@safe public struct Delivery: ~Copyable, @unchecked Sendable {
  // INVARIANT: stands for one held buffer of the core's inbox, in state `delivered`.
  let core: Unmanaged<ProcessCore>
  // The fields' order matters: moved in pieces other than those they were written in, they stall.
  @usableFromInline let record: MessageRecord
  @usableFromInline let view: UnsafeRawPointer

  @inline(__always)
  init(core: Unmanaged<ProcessCore>, record: MessageRecord, view: UnsafeRawPointer) {
    unsafe self.core = unsafe core
    self.record = record
    unsafe self.view = unsafe view
  }

  deinit {
    // SAFETY: the held buffer keeps the core alive.
    unsafe core._withUnsafeGuaranteedRef { $0.free(deliveredAt: offset) }
  }

  /// Frees the buffer now. A call that it was ends without a reply.
  public consuming func free() {}

  /// Gives the buffer to the caller as a bare offset; `BinderProcess.free(at:)` frees it, and
  /// `BinderProcess.take(at:)` makes it a delivery again.
  public consuming func keep() -> Int {
    let (core, offset) = unsafe (core, offset)
    discard self
    // SAFETY: the held buffer keeps the core alive until `keep` gives it back.
    unsafe core._withUnsafeGuaranteedRef { $0.keep(deliveredAt: offset) }
    return offset
  }

  // MARK: answering

  /// Answers the call and frees the buffer.
  ///
  /// - Throws: as `BinderProcess.call`, and `invalidArgument` when nobody awaits a reply; whatever the
  ///   reason, the call has then failed for the caller too, and the buffer is freed.
  @discardableResult
  public consuming func reply(_ transaction: Transaction) throws(BinderError) -> Receipt {
    let (core, offset) = unsafe (core, offset)
    // SAFETY: the held buffer keeps the core alive until this returns and frees it.
    return try unsafe core._withUnsafeGuaranteedRef { core in
      Result { () throws(BinderError) in
        try Transmission.reply(transaction, from: core, toBufferAt: offset, isKept: false)
      }
    }.get()
  }

  /// Answers the call with bytes of this process and frees the buffer. Throws as `reply(_:)`.
  @discardableResult
  public consuming func reply(_ bytes: RawSpan) throws(BinderError) -> Receipt {
    // SAFETY: the slice is read before `reply` returns, and `bytes` outlives the call.
    let slice = unsafe bytes.withUnsafeBytes { unsafe UserSlice(unsafeTrusted: $0) }
    return try reply(Transaction(data: slice))
  }

  /// Answers the call with bytes of this process and frees the buffer. Throws as `reply(_:)`.
  @discardableResult
  public consuming func reply(_ bytes: [UInt8]) throws(BinderError) -> Receipt {
    try unsafe reply(bytes.span.bytes)
  }

  // MARK: what it is

  /// Where the buffer begins in the receiver's region, in bytes.
  @inlinable
  public var offset: Int { record.offset }
  /// The buffer's number: see `Receipt.debugID`.
  public var debugID: UInt32 { record.debugID }
  /// The method, as sender and receiver understand it.
  public var code: UInt32 { record.code }
  /// How it was sent.
  public var flags: TransactionFlags { record.flags }
  /// Who sent it.
  public var senderPID: Int32 { record.senderPID }
  /// The receiver's node that it was sent to; nil for a reply.
  public var node: UInt32? { isReply ? nil : record.node }
  /// Bytes of the message.
  @inlinable
  public var dataSize: Int { Int(record.dataSize) }
  /// Bytes of the offsets array, 8 for each object.
  public var offsetsSize: Int { Int(record.offsetsSize) }
  /// Bytes of the room for extra buffers.
  public var extraSize: Int { Int(record.extraSize) }
  /// Bytes of the sender's security context.
  public var securityContextSize: Int { Int(record.securityContextSize) }
  /// Nobody awaits a reply, and the next oneway transaction of its node comes when it is freed.
  public var isOneway: Bool { record.isOneway }
  /// It is the reply of a call.
  public var isReply: Bool { record.node == MessageRecord.none }
  /// The sender awaits a reply.
  public var needsReply: Bool { record.caller != nil }

  // MARK: reading in place

  /// The message, in place.
  @inlinable @inline(__always)
  public func withData<R, E>(_ body: (Span<UInt8>) throws(E) -> R) throws(E) -> R {
    try withBytes(at: 0, dataSize, body)
  }

  /// The message, copied.
  public var data: [UInt8] {
    withData { bytes in unsafe bytes.withUnsafeBufferPointer { unsafe Array($0) } }
  }

  /// An integer in the message, in the byte order of this machine, at any alignment; nil unless all
  /// of it lies in the message.
  @inlinable
  public func integer<T: FixedWidthInteger & BitwiseCopyable>(
    at offset: Int, as type: T.Type = T.self
  ) -> T? {
    guard offset >= 0, offset <= dataSize, MemoryLayout<T>.size <= dataSize - offset else {
      return nil
    }
    // SAFETY: just checked to lie in the message, whose pages are in use; any bits are an integer.
    return unsafe view.loadUnaligned(fromByteOffset: self.offset + offset, as: T.self)
  }

  /// The offsets array, in place: one `UInt64` for each object.
  public func withOffsets<R, E>(_ body: (Span<UInt8>) throws(E) -> R) throws(E) -> R {
    try withBytes(at: offsetsStart, offsetsSize, body)
  }

  /// The extra buffers, in place. What no object's buffer covers holds what the receiver was sent
  /// before.
  public func withExtra<R, E>(_ body: (Span<UInt8>) throws(E) -> R) throws(E) -> R {
    try withBytes(at: extraStart, extraSize, body)
  }

  /// The sender's security context, in place.
  public func withSecurityContext<R, E>(_ body: (Span<UInt8>) throws(E) -> R) throws(E) -> R {
    try withBytes(at: extraStart + rounded(extraSize), securityContextSize, body)
  }

  private var offsetsStart: Int { rounded(dataSize) }
  private var extraStart: Int { offsetsStart + rounded(offsetsSize) }
  private func rounded(_ size: Int) -> Int { (size + 7) & ~7 }

  @inlinable @inline(__always)
  func withBytes<R, E>(at start: Int, _ count: Int, _ body: (Span<UInt8>) throws(E) -> R)
    throws(E) -> R
  {
    // SAFETY: the part lies in the buffer, whose pages are in use while this value exists, and the
    // held buffer keeps the view mapped; the span does not leave the closure.
    let bytes = unsafe UnsafeRawBufferPointer(start: view + offset + start, count: count)
    return try body(unsafe Span(_unsafeBytes: bytes))
  }
}
