internal import Synchronization

/// What the rest of a run can see of one sending thread.
final class SenderState: Sendable {
  /// The lower bits of a message's number count the sender's messages, the upper ones name it.
  static let sequenceBits = 20
  private static let slots = 4096
  private static let timeBits: UInt64 = 44

  let index: Int
  /// The process that it belongs to, and its number among all threads.
  let member: Int
  let thread: Int32
  /// Requests sent so far, for the progress line.
  let sent = Atomic<Int>(0)
  /// Oneway messages that nobody has received yet.
  let waiting = Atomic<Int>(0)
  /// When the newest messages were sent: sequence number and time in one word, so that a slot that
  /// was reused meanwhile is noticed.
  private let times = InlineArray<4096, Atomic<UInt64>> { _ in Atomic(.max) }

  init(index: Int, member: Int, thread: Int32) {
    self.index = index
    self.member = member
    self.thread = thread
  }

  static func index(ofSenderOf id: UInt32) -> Int { Int(id >> UInt32(sequenceBits)) }

  func id(_ sequence: Int) -> UInt32 {
    UInt32(index) << UInt32(Self.sequenceBits)
      | UInt32(sequence & (1 << Self.sequenceBits - 1))
  }

  func note(_ id: UInt32, sentAt time: UInt64) {
    times[Int(id) % Self.slots].store(Self.pack(id, time), ordering: .relaxed)
  }

  /// When the message was sent; nil when too many were sent since.
  func sendTime(of id: UInt32, now: UInt64) -> UInt64? {
    let word = times[Int(id) % Self.slots].load(ordering: .relaxed)
    guard word >> Self.timeBits == Self.pack(id, 0) >> Self.timeBits else { return nil }
    // Only the lower bits of the time are kept; the difference to now has all that matter.
    let mask: UInt64 = 1 << Self.timeBits - 1
    return now &- (now &- word) & mask
  }

  private static func pack(_ id: UInt32, _ time: UInt64) -> UInt64 {
    UInt64(id) << timeBits | time & (1 << timeBits - 1)
  }
}
