internal import BinderBuffer
internal import PageAlloc

/// Memory of a sending thread in which it puts its messages together.
@safe
struct Outbox: ~Copyable {
  private let data: UnsafeMutableRawBufferPointer
  private let offsets: UnsafeMutableRawBufferPointer

  /// Has room for every message of the workload.
  init(for workload: Workload) {
    unsafe data = .allocate(byteCount: max(8, workload.largestData), alignment: 16)
    unsafe offsets = .allocate(byteCount: max(8, workload.largestOffsets), alignment: 16)
  }

  deinit {
    unsafe data.deallocate()
    unsafe offsets.deallocate()
  }

  /// The request or the reply as a transaction; valid until the next call.
  mutating func transaction(for message: Message, isReply: Bool) -> Transaction {
    let shape = message.shape(isReply: isReply)
    // SAFETY: both buffers are as long as the largest message, and live as long as the outbox.
    let data = unsafe UnsafeMutableRawBufferPointer(rebasing: self.data[..<shape.data])
    let offsets = unsafe UnsafeMutableRawBufferPointer(rebasing: self.offsets[..<shape.offsets])
    unsafe Payload.fill(data, offsets: offsets, key: message.key(isReply: isReply))
    return unsafe Transaction(
      code: message.id, flags: message.isOneway ? .oneway : [],
      data: UserSlice(unsafeTrusted: UnsafeRawBufferPointer(data)),
      offsets: UserSlice(unsafeTrusted: UnsafeRawBufferPointer(offsets)), extraSize: shape.extra)
  }
}
