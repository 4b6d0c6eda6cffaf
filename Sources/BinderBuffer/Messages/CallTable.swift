/// The calls of one process, from the moment they are made until both sides have let go.
///
/// An entry has two ends: the `Call` of whoever waits, and the `Caller` in the record of the buffer
/// that is to be answered. It goes with the later of them, and its number is used again; so neither
/// end can meet an entry that is another call's. Making, answering and ending a call are O(1) and
/// allocate nothing once the table has grown to the calls outstanding at once.
struct CallTable: ~Copyable {
  /// How a call stands, as its maker is told.
  enum State: BitwiseCopyable {
    case pending
    /// The reply's buffer lies at this offset of the caller's region.
    case replied(offset: Int)
    case failed(Failure)
  }

  /// Why no reply comes.
  enum Failure: BitwiseCopyable {
    case calleeExited(Int32)
    case noReply(Int32)

    var error: BinderError {
      switch self {
      case .calleeExited(let pid): .dead(pid: pid, .receiverExited)
      case .noReply(let pid): .failedReply(pid: pid)
      }
    }
  }

  private struct Entry: BitwiseCopyable {
    var state = State.pending
    var isAwaited = true
    var isOwed = true
    /// The next unused entry, while nobody holds this one.
    var next = UInt32.max
  }

  private var entries: [Entry] = []
  private var firstUnused = UInt32.max
  /// Calls of which one end is still held.
  private(set) var count = 0
  /// Calls of which the maker has not seen the end.
  private(set) var awaitedCount = 0

  /// Makes a call: both ends are held.
  mutating func open() -> UInt32 {
    count += 1
    awaitedCount += 1
    guard firstUnused != .max else {
      entries.append(Entry())
      return UInt32(entries.count - 1)
    }
    let call = firstUnused
    firstUnused = entries[Int(call)].next
    entries[Int(call)] = Entry()
    return call
  }

  /// How a call stands that its maker holds.
  func state(_ call: UInt32) -> State { entries[Int(call)].state }

  /// Whether anybody will ask for the reply.
  func isAwaited(_ call: UInt32) -> Bool { entries[Int(call)].isAwaited }

  /// The receiver's end goes: the call has a reply, or will never have one.
  mutating func settle(_ call: UInt32, _ state: State) {
    precondition(entries[Int(call)].isOwed, "a call that is answered twice")
    entries[Int(call)].isOwed = false
    entries[Int(call)].state = state
    close(call)
  }

  /// The maker's end goes: the call's reply was taken, or nobody will ask for it.
  ///
  /// - Returns: how it stood.
  mutating func letGo(_ call: UInt32) -> State {
    precondition(entries[Int(call)].isAwaited, "a call that ends twice")
    let state = entries[Int(call)].state
    entries[Int(call)].isAwaited = false
    awaitedCount -= 1
    close(call)
    return state
  }

  private mutating func close(_ call: UInt32) {
    guard !entries[Int(call)].isAwaited, !entries[Int(call)].isOwed else { return }
    entries[Int(call)].next = firstUnused
    firstUnused = call
    count -= 1
  }

  /// The offsets of all replies that wait to be asked for.
  var replies: [Int] {
    entries.compactMap { entry in
      guard entry.isAwaited, case .replied(let offset) = entry.state else { return nil }
      return offset
    }
  }

  /// How many calls each end is held of, counted one by one.
  var heldEnds: (awaited: Int, any: Int) {
    (entries.count { $0.isAwaited }, entries.count { $0.isAwaited || $0.isOwed })
  }
}
