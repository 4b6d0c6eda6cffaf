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
  /// Where it lies.
  let reservation: Reservation
  let debugID: UInt32

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
    self.reservation = reservation
  }

  deinit {
    // SAFETY: the held buffer keeps the core alive.
    unsafe core._withUnsafeGuaranteedRef { $0.abort(offset, clearing: clearsOnFree ? size : 0) }
  }

  /// Where the buffer begins in the receiver's region.
  var offset: Int { reservation.offset }
  /// The sender is suspected of oneway spam.
  var isSpam: Bool { reservation.isSpam }
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

  /// Copies what `ptr` objects point at.
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
      try storePlace(of: extra)
    }
  }

  /// Validates the objects of a buffer that was filled in steps. What its `ptr` objects point at,
  /// whoever filled it has put into the room for extra buffers.
  mutating func translateObjects() throws(BinderError) {
    var objects = ObjectTable(layout)
    while let extra = try objects.next(in: view) { try storePlace(of: extra) }
  }

  /// The address in a `ptr` object becomes the place of its bytes in the region.
  private func storePlace(of extra: ObjectTable.ExtraBuffer) throws(BinderError) {
    do throws(PageAllocError) {
      try view.store(UInt64(offset + extra.target), at: extra.addressField)
    } catch {
      throw .badSource(error)
    }
  }
}
