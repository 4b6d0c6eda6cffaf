public import PageAlloc

/// Reads the commands of one `BINDER_WRITE_READ` out of a program's memory, one at a time.
///
/// Used outside every lock. It fetches some commands ahead, each byte once.
///
///     var commands = CommandReader(address: w.write_buffer, size: w.write_size, consumed: 0)
///     while let command = try commands.next(from: &memory) {
///       … driver.perform(command, thread) …
///       commands.commit()
///     }
///
/// A command that starts inside the write is read whole, even past its end (recording
/// `write-malformed`).
public struct CommandReader: ~Copyable {
  private let address: UInt64
  private let size: UInt64
  /// The commands that are done, in bytes: `write_consumed`.
  public private(set) var consumed: UInt64
  private var pending: UInt64 = 0
  private let knowsFreezeNotices: Bool
  // INVARIANT: `fetched` holds the program's bytes from `consumed` on, `count` of them, from
  // `start` on.
  private var fetched = WireBytes()
  private var start = 0
  private var count = 0

  /// - Parameters:
  ///   - address: `write_buffer`
  ///   - size: `write_size`, in bytes
  ///   - consumed: `write_consumed`: where to go on
  ///   - kernel: whose commands are known
  public init(
    address: UInt64, size: UInt64, consumed: UInt64 = 0, kernel: DriverKernel = .linux612
  ) {
    self.address = address
    self.size = size
    self.consumed = consumed
    knowsFreezeNotices = kernel == .linux612
  }

  /// The next command, or nil at the end. The same again until `commit()`.
  ///
  /// - Throws: `EFAULT` when it cannot be read, `EINVAL` when there is no such command. Either
  ///   ends the ioctl, unless the thread stopped writing (`Driver.stopsWrites(_:)`).
  public mutating func next(from memory: inout some SenderMemory) throws(Errno) -> Command? {
    guard consumed < size else { return nil }
    try fetch(4, from: &memory)
    let code = fetched.word32(start)
    guard
      Command.isKnown(code),
      knowsFreezeNotices
        || (code != BC.requestFreeze && code != BC.clearFreeze && code != BC.freezeDone)
    else { throw .invalidArgument }
    let length = 4 + Command.payloadSize(code)
    try fetch(length, from: &memory)
    pending = UInt64(length)
    return try Command(code: code, payload: fetched, at: start + 4)
  }

  /// The command that `next` gave is done.
  public mutating func commit() {
    precondition(pending > 0, "no command was given out")
    consumed += pending
    start += Int(pending)
    count -= Int(pending)
    pending = 0
  }

  /// Sees to it that `needed` bytes are there.
  private mutating func fetch(_ needed: Int, from memory: inout some SenderMemory) throws(Errno) {
    guard count < needed else { return }
    fetched.moveToFront(start..<start + count)
    start = 0
    let left = size > consumed ? size - consumed : 0
    let wanted = max(needed, Int(min(left, UInt64(WireBytes.capacity))))
    let (from, overflow) = address.addingReportingOverflow(consumed + UInt64(count))
    guard !overflow else { throw .badAddress }
    let held = count
    let got = unsafe fetched.withBytes(held..<wanted) { target in
      let piece = unsafe CopyPiece(address: from, target: target)
      return unsafe withUnsafePointer(to: piece) {
        unsafe memory.copy(UnsafeBufferPointer(start: $0, count: 1))
      }
    }
    count += max(0, min(got, wanted - held))
    guard count >= needed else { throw .badAddress }
  }
}
