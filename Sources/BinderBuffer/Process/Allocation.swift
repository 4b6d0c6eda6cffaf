public import PageAlloc

/// A reserved buffer in a receiver's region, owned by whoever fills it.
///
/// While it exists its range is taken and its pages have frames; nobody else may touch them. Hand
/// it over with `BinderProcess.send(_:to:code:flags:)`, or drop it: then the buffer is freed, and the
/// receiver never sees it.
///
///     var buffer = try client.allocate(dataSize: 64, for: node)
///     try buffer.copy(from: &reader, length: 64)
///     let receipt = try client.send(buffer, to: node)
///
/// Choose it to fill a buffer in steps; `BinderProcess.send(_:to:)` does the usual steps in one.
/// One owner at a time; it may move between threads.
@safe public struct Allocation: ~Copyable, @unchecked Sendable {
  // INVARIANT: stands for one region pin of the core, and for one reserved range at `offset`.
  let core: Unmanaged<ProcessCore>
  let layout: TransactionLayout
  let view: RegionView
  let senderPID: Int32
  let isOneway: Bool
  /// Zeroed before its range can be reused, even when the receiver never sees it.
  var clearsOnFree = false
  /// Bytes copied in so far.
  public private(set) var bytesCopied = 0
  /// Where the buffer begins in the receiver's region.
  public let offset: Int
  public let debugID: UInt32
  /// The sender is suspected of oneway spam.
  public let isSpam: Bool

  init(
    core: Unmanaged<ProcessCore>, layout: TransactionLayout, view: RegionView,
    reservation: Reservation, debugID: UInt32, senderPID: Int32, isOneway: Bool
  ) {
    unsafe self.core = unsafe core
    self.layout = layout
    self.view = view
    self.senderPID = senderPID
    self.isOneway = isOneway
    self.debugID = debugID
    offset = reservation.offset
    isSpam = reservation.isSpam
  }

  deinit {
    // SAFETY: the pin keeps the core alive.
    unsafe core._withUnsafeGuaranteedRef { $0.abort(offset, clearing: clearsOnFree ? size : 0) }
  }

  /// The bytes that the buffer takes.
  public var size: Int { layout.size }

  /// Copies from a reader into the buffer, once.
  ///
  /// - Parameters:
  ///   - offset: from the buffer's start, in bytes.
  ///   - length: bytes to copy; the reader moves on by as many.
  /// - Throws: `badSource` when the reader cannot deliver them or they do not fit the buffer.
  @inline(__always)
  public mutating func copy(from reader: inout UserSliceReader, at offset: Int = 0, length: Int)
    throws(BinderError)
  {
    do throws(PageAllocError) {
      // SAFETY: the pin keeps the core alive.
      if unsafe core._withUnsafeGuaranteedRef({ $0.injectsCopyFault }) {
        // As if the source's second half were gone: the reader stays where it was.
        var failing = reader.clone()
        try view.copy(from: &failing, at: offset, length: length / 2)
        throw .injected(.userCopy)
      }
      try view.copy(from: &reader, at: offset, length: length)
      bytesCopied += length
    } catch {
      throw .badSource(error)
    }
  }

  /// Writes bytes of this process into the buffer.
  ///
  /// - Throws: `badSource` when they do not fit.
  public mutating func write(_ bytes: RawSpan, at offset: Int = 0) throws(BinderError) {
    do throws(PageAllocError) {
      try view.write(bytes, at: offset)
      bytesCopied += bytes.byteCount
    } catch {
      throw .badSource(error)
    }
  }

  /// Zeroes bytes of the buffer.
  ///
  /// - Throws: `badSource` when they lie outside it.
  public mutating func fillZero(at offset: Int, length: Int) throws(BinderError) {
    do throws(PageAllocError) {
      try view.fillZero(at: offset, length: length)
    } catch {
      throw .badSource(error)
    }
  }

  /// Copies all parts of a transaction to their places and validates its objects in the copy.
  @inline(__always)
  mutating func fill(_ transaction: borrowing Transaction) throws(BinderError) {
    clearsOnFree = transaction.flags.contains(.clearOnFree)
    if layout.dataSize > 0 { try copyPart(transaction.data, at: 0) }
    if layout.offsetsSize > 0 {
      try copyPart(transaction.offsets, at: layout.offsetsStart)
      try gatherExtraBuffers(of: transaction)
    }
    if layout.securityContextSize > 0 {
      try copyPart(transaction.securityContext, at: layout.securityContextStart)
    }
  }

  @inline(__always)
  private mutating func copyPart(_ slice: UserSlice, at offset: Int) throws(BinderError) {
    var reader = slice.reader()
    try copy(from: &reader, at: offset, length: slice.length)
  }

  /// Copies what `ptr` objects point at; their addresses become offsets in the region.
  ///
  /// They are addresses in memory that the sender owns: that of its process. Which memory of this
  /// process it owns nobody knows, so that the sender must have said that it is to be read.
  private mutating func gatherExtraBuffers(of transaction: borrowing Transaction)
    throws(BinderError)
  {
    var objects = ObjectTable(layout)
    while let extra = try objects.next(in: view) {
      if case .process(let sender) = transaction.data.memory {
        try copyPart(
          UserSlice(address: extra.source, length: extra.length, in: sender), at: extra.target)
      } else {
        guard unsafe transaction.readsOwnMemory || extra.length == 0 else {
          throw .invalidArgument(.pointerIntoOwnMemory(index: extra.index))
        }
        // SAFETY: the sender allows it. The kernel checks the address while it copies.
        try copyPart(
          unsafe UserSlice(address: extra.source, length: extra.length, in: .untrusted),
          at: extra.target)
      }
      do throws(PageAllocError) {
        try view.store(UInt64(offset + extra.target), at: extra.addressField)
      } catch {
        throw .badSource(error)
      }
    }
  }

  /// Validates the objects of a buffer that was filled in steps. What its `ptr` objects point at,
  /// whoever filled it has put into the room for extra buffers.
  borrowing func checkObjects() throws(BinderError) {
    var objects = ObjectTable(layout)
    while try objects.next(in: view) != nil {}
  }

  /// Gives the buffer to the receiver, under its lock: the last step of a transaction.
  consuming func handOver() {
    discard self
  }
}
