internal import PageAlloc

/// A reserved buffer in a receiver's region, owned by whoever fills it.
///
/// While it exists its range is taken and its pages have frames; nobody else may touch them.
/// Dropped, it is freed, and the receiver never sees it; so every failure leaves nothing behind.
@safe struct ReservedBuffer: ~Copyable, @unchecked Sendable {
  // INVARIANT: stands for one held buffer of the core's inbox, reserved at `offset`.
  let core: Unmanaged<ProcessCore>
  let layout: TransactionLayout
  let view: RegionView
  let senderPID: Int32
  let isOneway: Bool
  /// Zeroed before its range can be reused, even when the receiver never sees it.
  var clearsOnFree = false
  /// Bytes copied in so far.
  private(set) var bytesCopied = 0
  /// Where the buffer begins in the receiver's region.
  let offset: Int
  let debugID: UInt32
  /// The sender is suspected of oneway spam.
  let isSpam: Bool

  @inline(__always)
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
    // SAFETY: the held buffer keeps the core alive.
    unsafe core._withUnsafeGuaranteedRef { $0.abort(offset, clearing: clearsOnFree ? size : 0) }
  }

  /// The bytes that the buffer takes.
  var size: Int { layout.size }

  /// Gives the buffer to the receiver, which has committed it.
  @inline(__always)
  consuming func handOver() { discard self }

  // MARK: filling

  /// Copies from a reader into the buffer, once.
  @inline(__always)
  mutating func copy(from reader: inout UserSliceReader, at offset: Int, length: Int)
    throws(BinderError)
  {
    do throws(PageAllocError) {
      // SAFETY: the held buffer keeps the core alive.
      if unsafe core._withUnsafeGuaranteedRef({ $0.context.injectsCopyFault }) {
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

  mutating func write(_ bytes: RawSpan, at offset: Int) throws(BinderError) {
    do throws(PageAllocError) {
      try view.write(bytes, at: offset)
      bytesCopied += bytes.byteCount
    } catch {
      throw .badSource(error)
    }
  }

  mutating func fillZero(at offset: Int, length: Int) throws(BinderError) {
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
      // The addresses came with the message: even one's own memory is checked while it is read.
      let source = transaction.data.memory
      try translateObjects(from: source == .trusted ? .untrusted : source)
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

  /// Validates the objects in the copy. The addresses in `ptr` objects become offsets in the region.
  ///
  /// - Parameter source: the memory in which they name bytes, to be copied into the room for extra
  ///   buffers; nil when whoever filled the buffer has put them there.
  mutating func translateObjects(from source: UserMemory?) throws(BinderError) {
    var objects = ObjectTable(layout)
    while let extra = try objects.next(in: view) {
      if let source {
        try copyPart(
          UserSlice(address: extra.source, length: extra.length, in: source), at: extra.target)
      }
      do throws(PageAllocError) {
        try view.store(UInt64(offset + extra.target), at: extra.addressField)
      } catch {
        throw .badSource(error)
      }
    }
  }
}
