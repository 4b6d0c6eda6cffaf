/// The calls that a process has made and not yet seen the end of.
///
/// Entries are reused; a generation tells a call from those before it. Making, answering and ending
/// a call are O(1) and allocate nothing once the table has grown to the calls outstanding at once.
struct CallTable: ~Copyable {
  enum State: BitwiseCopyable {
    case unused(next: UInt32)
    case pending(callee: Int32)
    /// The reply's buffer lies at this offset of the caller's region.
    case replied(offset: Int)
    case failed(Failure)
    /// Nobody waits any more; the reply is freed as it comes.
    case abandoned
  }

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
    var generation: UInt32
    var state: State
  }

  private var entries: [Entry] = []
  private var firstUnused = UInt32.max
  private(set) var count = 0

  mutating func open(callee: Int32) -> CallID {
    count += 1
    guard firstUnused != .max else {
      entries.append(Entry(generation: 0, state: .pending(callee: callee)))
      return CallID(index: UInt32(entries.count - 1), generation: 0)
    }
    let index = firstUnused
    guard case .unused(let next) = entries[Int(index)].state else { fatalError("call table") }
    firstUnused = next
    entries[Int(index)].state = .pending(callee: callee)
    return CallID(index: index, generation: entries[Int(index)].generation)
  }

  subscript(call: CallID) -> State? {
    guard
      entries.indices.contains(Int(call.index)),
      entries[Int(call.index)].generation == call.generation
    else { return nil }
    return entries[Int(call.index)].state
  }

  /// Moves a live call to another state.
  mutating func update(_ call: CallID, to state: State) {
    precondition(self[call] != nil)
    entries[Int(call.index)].state = state
  }

  mutating func close(_ call: CallID) {
    precondition(self[call] != nil)
    entries[Int(call.index)].generation &+= 1
    entries[Int(call.index)].state = .unused(next: firstUnused)
    firstUnused = call.index
    count -= 1
  }

  /// The states of all live calls, in no order that means anything.
  func visit(_ body: (State) -> Void) {
    for entry in entries {
      if case .unused = entry.state { continue }
      body(entry.state)
    }
  }
}
