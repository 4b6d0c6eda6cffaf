public import PageAlloc

/// How a transaction is to be delivered.
@frozen
public struct TransactionFlags: OptionSet, Sendable, BitwiseCopyable {
  public let rawValue: UInt32

  @inlinable
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// No reply; delivered to one node one at a time, in order (`TF_ONE_WAY`). Set in what `send` has
  /// sent, cleared in what `call` has.
  @inlinable public static var oneway: Self { Self(rawValue: 0x01) }
  /// The buffer is zeroed when the receiver frees it (`TF_CLEAR_BUF`).
  @inlinable public static var clearOnFree: Self { Self(rawValue: 0x20) }
}

/// What a sender hands in: where its bytes lie, and how they are to be delivered.
///
/// The slices are read once, while the transaction is sent; they must stay readable until `send`
/// returns. What they hold is validated in the copy, never in the sender's memory.
@frozen
public struct Transaction: Sendable {
  /// The method, as the receiver understands it.
  public var code: UInt32
  /// How it is to be delivered.
  public var flags: TransactionFlags
  /// The message.
  public var data: UserSlice
  /// Offsets of the objects in `data`, one `UInt64` each, ascending. Length a multiple of 8.
  public var offsets: UserSlice
  /// Room for scatter-gather buffers in bytes, a multiple of 8: `ptr` objects name their sources.
  public var extraSize: Int
  /// The sender's security context, for receivers that asked for it.
  public var securityContext: UserSlice
  /// Whether addresses that the message's `ptr` objects name may lie in this process.
  ///
  /// What another process sends is read in its memory alone. For data of this process they are
  /// refused, unless this is set. That is unsafe: an object may name any memory of this process, and
  /// a message that is passed on may hold objects that somebody else wrote.
  @unsafe public var readsOwnMemory = false

  /// Slices that are left out are empty.
  @inlinable
  public init(
    code: UInt32 = 0, flags: TransactionFlags = [], data: UserSlice = .empty,
    offsets: UserSlice = .empty, extraSize: Int = 0, securityContext: UserSlice = .empty
  ) {
    self.code = code
    self.flags = flags
    self.data = data
    self.offsets = offsets
    self.extraSize = extraSize
    self.securityContext = securityContext
  }
}
