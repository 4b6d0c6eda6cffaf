public import PageAlloc

/// The kind of an ``Allocation`` that is sent without a reply.
public enum Oneway {}
/// The kind of an ``Allocation`` that is sent as a call.
public enum TwoWay {}

/// A reserved buffer in a receiver's region, owned by whoever fills it, that sends itself.
///
/// While it exists its range is taken and its pages have frames; nobody else may touch them.
/// Dropped, it is freed, and the receiver never sees it.
///
///     var buffer = try client.allocateCall(dataSize: 64, for: node)
///     try buffer.copy(from: &reader, length: 64)
///     let call = try buffer.call()
///
/// Choose it to fill a buffer in steps; `BinderProcess.send` and `call` do the usual steps in one.
/// What its `ptr` objects point at, whoever fills it puts into the room for extra buffers, one behind
/// the other and each rounded up to 8 bytes; their addresses become offsets in the region as it is
/// sent.
///
/// One owner at a time; it may move between threads.
public struct Allocation<Kind>: ~Copyable, Sendable {
  private var buffer: ReservedBuffer
  private let sender: ProcessCore
  private let node: Node
  private let flags: TransactionFlags

  fileprivate init(
    _ layout: TransactionLayout, oneway: Bool, _ flags: TransactionFlags, from sender: ProcessCore,
    to node: Node
  ) throws(BinderError) {
    do throws(BinderError) {
      buffer = try Transmission.reserve(layout, oneway: oneway, from: sender, to: node.core)
    } catch {
      node.core.countFailure(error)
      throw error
    }
    buffer.clearsOnFree = flags.contains(.clearOnFree)
    self.sender = sender
    self.node = node
    self.flags = flags
  }

  /// Where the buffer begins in the receiver's region, in bytes.
  public var offset: Int { buffer.offset }
  /// The bytes that the buffer takes: all parts, each rounded up to 8, at least 8.
  public var size: Int { buffer.size }
  /// The buffer's number: see `Receipt.debugID`.
  public var debugID: UInt32 { buffer.debugID }
  /// The sender is suspected of oneway spam.
  public var isSpam: Bool { buffer.isSpam }
  /// Bytes copied in so far.
  public var bytesCopied: Int { buffer.bytesCopied }

  /// Copies from a reader into the buffer, once.
  ///
  /// - Parameters:
  ///   - offset: from the buffer's start, in bytes.
  ///   - length: bytes to copy; the reader moves on by as many.
  /// - Throws: `badSource` when the reader cannot deliver them or they do not fit the buffer.
  public mutating func copy(from reader: inout UserSliceReader, at offset: Int = 0, length: Int)
    throws(BinderError)
  {
    try checkWritable()
    try buffer.copy(from: &reader, at: offset, length: length)
  }

  /// Writes bytes of this process into the buffer, `offset` bytes from its start.
  ///
  /// - Throws: `badSource` when they do not fit.
  public mutating func write(_ bytes: RawSpan, at offset: Int = 0) throws(BinderError) {
    try checkWritable()
    try buffer.write(bytes, at: offset)
  }

  /// Writes bytes of this process: see `write(_:at:)` for spans.
  public mutating func write(_ bytes: [UInt8], at offset: Int = 0) throws(BinderError) {
    try checkWritable()
    try unsafe buffer.write(bytes.span.bytes, at: offset)
  }

  /// Zeroes bytes of the buffer.
  ///
  /// - Throws: `badSource` when they lie outside it.
  public mutating func fillZero(at offset: Int, length: Int) throws(BinderError) {
    try checkWritable()
    try buffer.fillZero(at: offset, length: length)
  }

  /// - Throws: `badSource` in a forked child, whose copy must not change the parent's region.
  private func checkWritable() throws(BinderError) {
    if node.core.isInherited { throw .badSource(.inherited) }
  }

  /// Checks the objects and hands the buffer over by `commit`.
  private consuming func handOver<R: ~Copyable>(
    _ commit: (consuming ReservedBuffer, TransactionFlags, ProcessCore, Node) throws(BinderError) ->
      R
  ) throws(BinderError) -> R {
    let (sender, node, flags) = (sender, node, flags)
    do throws(BinderError) {
      if node.core.isInherited { throw .badSource(.inherited) }
      if buffer.layout.offsetsSize > 0 { try buffer.translateObjects() }
      return try commit(buffer, flags, sender, node)
    } catch {
      node.core.countFailure(error)
      throw error
    }
  }
}

extension Allocation where Kind == Oneway {
  /// Hands the buffer to the process that it lies in.
  ///
  /// - Parameter code: the method, as the receiver understands it.
  /// - Throws: `invalidArgument` for a bad object, `dead`; the buffer is then freed, and the receiver
  ///   sees nothing.
  public consuming func send(code: UInt32 = 0) throws(BinderError) -> Receipt {
    try handOver { (buffer, flags, sender, node) throws(BinderError) in
      try Transmission.commit(buffer, code: code, flags: flags, from: sender, to: node)
    }
  }
}

extension Allocation where Kind == TwoWay {
  /// Hands the buffer to the process that it lies in, as a call.
  ///
  /// - Parameter code: the method, as the receiver understands it.
  /// - Throws: `invalidArgument` for a bad object, `dead`; the buffer is then freed, and the receiver
  ///   sees nothing.
  public consuming func call(code: UInt32 = 0) throws(BinderError) -> Call {
    try handOver { (buffer, flags, sender, node) throws(BinderError) in
      try Transmission.commitCall(buffer, code: code, flags: flags, from: sender, to: node)
    }
  }
}

extension BinderProcess {
  /// Reserves a buffer to fill in steps, and to send without a reply.
  ///
  /// - Parameters: sizes in bytes; `offsetsSize` and `extraSize` are multiples of 8.
  /// - Throws: `noSpace`, `noOnewaySpace`, `noMemory`, `invalidArgument`, `dead`; nothing is held then.
  public func allocateOneway(
    dataSize: Int, offsetsSize: Int = 0, extraSize: Int = 0, securityContextSize: Int = 0,
    flags: TransactionFlags = [], for node: Node
  ) throws(BinderError) -> Allocation<Oneway> {
    try Allocation(
      TransactionLayout(
        data: dataSize, offsets: offsetsSize, extra: extraSize,
        securityContext: securityContextSize), oneway: true, flags, from: core, to: node)
  }

  /// Reserves a buffer to fill in steps, and to send as a call: see `allocateOneway`.
  public func allocateCall(
    dataSize: Int, offsetsSize: Int = 0, extraSize: Int = 0, securityContextSize: Int = 0,
    flags: TransactionFlags = [], for node: Node
  ) throws(BinderError) -> Allocation<TwoWay> {
    try Allocation(
      TransactionLayout(
        data: dataSize, offsets: offsetsSize, extra: extraSize,
        securityContext: securityContextSize), oneway: false, flags, from: core, to: node)
  }
}
