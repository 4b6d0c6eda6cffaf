internal import CLinuxShims

/// Writes returns (`BR_…`) into memory of the driver's caller.
@safe struct ReturnWriter: ~Copyable {
  // INVARIANT: `position` <= `target.count`.
  private let target: UnsafeMutableRawBufferPointer
  /// What the program has room for, from the buffer's start.
  private let size: UInt64
  /// What earlier reads have filled of that.
  private let consumed: UInt64
  private(set) var position = 0

  /// The longest return with its number and one number more: with less room left none is added.
  static var margin: Int { 4 + bb_td_secctx_size }

  init(_ target: UnsafeMutableRawBufferPointer, size: UInt64, consumed: UInt64) {
    precondition(target.count >= 256, "a read needs a buffer of at least 256 bytes")
    unsafe self.target = unsafe target
    self.size = size
    self.consumed = consumed
  }

  /// Whether another return may be added. A program's room of less than the leading no-op counts
  /// as endless (recording `read-below-four`).
  var hasRoom: Bool {
    guard unsafe target.count - position >= Self.margin else { return false }
    return size &- end >= UInt64(Self.margin)
  }

  /// Where the program's buffer is filled up to.
  var end: UInt64 { consumed &+ UInt64(position) }
  var startsBuffer: Bool { consumed == 0 }

  mutating func put(_ value: UInt32) {
    // SAFETY: `storeBytes` checks the bounds of the buffer in debug builds; `hasRoom` left room
    // for the longest return.
    unsafe target.storeBytes(of: value, toByteOffset: position, as: UInt32.self)
    position += 4
  }

  mutating func put(_ value: UInt64) {
    // SAFETY: as above.
    unsafe target.storeBytes(of: value, toByteOffset: position, as: UInt64.self)
    position += 8
  }

  /// Writes a transaction's return.
  mutating func put(_ code: UInt32, _ transaction: WireTransaction) {
    put(code)
    let start = position
    let length = transaction.context == nil ? bb_td_size : bb_td_secctx_size
    for _ in 0..<length / 8 { put(UInt64(0)) }
    set(transaction.target, at: start + bb_td_target)
    set(transaction.cookie, at: start + bb_td_cookie)
    set(transaction.code, at: start + bb_td_code)
    set(transaction.flags, at: start + bb_td_flags)
    set(transaction.senderPID, at: start + bb_td_sender_pid)
    set(transaction.user, at: start + bb_td_sender_euid)
    set(transaction.dataSize, at: start + bb_td_data_size)
    set(transaction.offsetsSize, at: start + bb_td_offsets_size)
    set(transaction.buffer, at: start + bb_td_buffer)
    set(transaction.offsets, at: start + bb_td_offsets)
    if let context = transaction.context { set(context, at: start + bb_td_secctx) }
  }

  private func set<T: FixedWidthInteger & BitwiseCopyable>(_ value: T, at offset: Int) {
    // SAFETY: inside what `put` has just zeroed.
    unsafe target.storeBytes(of: value, toByteOffset: offset, as: T.self)
  }

  /// Replaces what stands at the start.
  func setFirst(_ code: UInt32) { set(code, at: 0) }
}

/// What a receiver is told of a transaction.
struct WireTransaction {
  var target: UInt64 = 0
  var cookie: UInt64 = 0
  let code: UInt32
  let flags: UInt32
  var senderPID: Int32 = 0
  let user: UInt32
  let dataSize: UInt64
  let offsetsSize: UInt64
  let buffer: UInt64
  let offsets: UInt64
  /// Where the sender's label lies.
  var context: UInt64?
}

extension WireTransaction {
  /// Where the sender's pid stands behind the number of the return, in bytes.
  static var senderPIDOffset: Int { bb_td_sender_pid }
}
