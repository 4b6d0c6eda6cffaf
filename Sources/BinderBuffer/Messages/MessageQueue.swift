/// Buffers in delivery order: a queue through the records' own links, so that it allocates nothing.
struct MessageQueue: BitwiseCopyable {
  private(set) var head = MessageRecord.none
  private(set) var tail = MessageRecord.none

  var isEmpty: Bool { head == MessageRecord.none }

  /// Adds a committed buffer as the last, by its first unit.
  @inline(__always)
  mutating func append(_ unit: UInt32, in space: inout BufferSpace<MessageRecord>) {
    if isEmpty {
      head = unit
    } else {
      space.update(Int(tail) << 3) { $0.next = unit }
    }
    tail = unit
  }

  /// Takes the first buffer out and puts it into `state`.
  ///
  /// - Returns: its record as it was before.
  @inline(__always)
  mutating func removeFirst(
    entering state: MessageRecord.State, in space: inout BufferSpace<MessageRecord>
  ) -> MessageRecord? {
    guard !isEmpty else { return nil }
    // Read as a whole before a part is written: a wide load that follows narrow stores stalls.
    let first = space.update(Int(head) << 3) {
      let record = $0
      $0.next = MessageRecord.none
      $0.state = state
      return record
    }
    head = first.next
    if isEmpty { tail = MessageRecord.none }
    return first
  }
}

/// Oneway transactions to one node are delivered one at a time, in order.
struct NodeState {
  /// A oneway buffer of this node is queued or delivered and not yet freed.
  var isBusy = false
  /// The oneway buffers that come after it.
  private(set) var waiting = MessageQueue()

  /// A oneway buffer comes in.
  ///
  /// - Returns: whether it can be received now; else it waits.
  @inline(__always)
  mutating func enter(_ record: MessageRecord, in space: inout BufferSpace<MessageRecord>) -> Bool {
    guard isBusy else {
      isBusy = true
      return true
    }
    waiting.append(record.unit, in: &space)
    return false
  }

  /// The buffer that made it busy has been freed.
  ///
  /// - Returns: the one that can be received next.
  @inline(__always)
  mutating func leave(in space: inout BufferSpace<MessageRecord>) -> MessageRecord? {
    let next = waiting.removeFirst(entering: .queued, in: &space)
    isBusy = next != nil
    return next
  }
}
