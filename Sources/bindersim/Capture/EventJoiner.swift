/// Puts the events of a transaction in the order of the C driver: the transaction, then its sizes.
///
/// The Rust driver allocates first: its `alloc_buf` is held until the same thread's transaction
/// follows. One spelling of its transaction lacks the thread, which another event tells: that
/// transaction is held until then. What is held and turns out not to belong together comes out as
/// it was. At most one event is held for each thread.
struct EventJoiner {
  private static let mostThreads = 1 << 14

  private struct Thread {
    var id: Int32
    /// The transaction whose sizes may follow.
    var open: UInt32?
    var held: CaptureRecord?
  }

  private var threads: [Thread] = []
  private var indexOf = NumberTable()
  /// Which thread holds something of a transaction.
  private var holderOf = NumberTable()
  /// Ready to be handed out, oldest first.
  private var ready: [CaptureRecord] = []
  private var nextReady = 0

  private(set) var allocatesFirst = false
  private(set) var transactsFirst = false

  var hasReady: Bool { nextReady < ready.count }

  mutating func takeReady() -> CaptureRecord? {
    guard hasReady else { return nil }
    defer {
      nextReady += 1
      if nextReady == ready.count {
        ready.removeAll(keepingCapacity: true)
        nextReady = 0
      }
    }
    return ready[nextReady]
  }

  /// Takes one event in; returns it if it is its turn. Others may then be ready.
  mutating func join(_ record: CaptureRecord) -> CaptureRecord? {
    switch record.event {
    case .transaction(let event): begin(event, record)
    case .allocBuf(let event): allocate(event, record)
    case .threadSelected(let id, let thread): select(thread, for: id, record)
    case .other, .console, .page, .updatePageRange, .translated: record
    case .received(let id): pass(record, about: id)
    case .bufferRelease(let event), .failedBufferRelease(let event),
      .updateBufferRelease(let event):
      pass(record, about: event.transaction)
    default: pass(record, about: nil)
    }
  }

  /// The capture has ended: what is held is ready.
  mutating func finish() {
    for index in threads.indices { release(index) }
  }

  private mutating func begin(_ event: TransactionEvent, _ record: CaptureRecord) -> CaptureRecord?
  {
    let index = self.index(of: record.thread)
    if let held = threads[index].held, case .allocBuf(let buffer) = held.event,
      buffer.transaction == event.id
    {
      threads[index].held = nil
      holderOf[event.id] = nil
      threads[index].open = nil
      allocatesFirst = true
      ready.append(held)
      return record
    }
    release(index)
    threads[index].open = event.id
    if !event.hasThread, event.isReply {
      hold(record, of: event.id, index)
      return takeReady()
    }
    return inTurn(record)
  }

  private mutating func hold(_ record: CaptureRecord, of id: UInt32, _ index: Int) {
    threads[index].held = record
    holderOf[id] = index
  }

  private mutating func allocate(_ event: BufferEvent, _ record: CaptureRecord) -> CaptureRecord? {
    let index = self.index(of: record.thread)
    let open = threads[index].open
    release(index)
    threads[index].open = nil
    guard open != event.transaction else {
      transactsFirst = true
      return inTurn(record)
    }
    hold(record, of: event.transaction, index)
    return takeReady()
  }

  private mutating func select(
    _ thread: Int32, for id: UInt32, _ record: CaptureRecord
  ) -> CaptureRecord? {
    let index = self.index(of: record.thread)
    if case .transaction(var event)? = threads[index].held?.event, event.id == id {
      event.thread = thread
      event.hasThread = true
      threads[index].held?.event = .transaction(event)
      release(index)
    }
    return inTurn(record)
  }

  /// The thread goes on with something else, or another with the same transaction: what is held
  /// does not belong to anything.
  private mutating func pass(_ record: CaptureRecord, about id: UInt32?) -> CaptureRecord? {
    guard holderOf.count > 0 else { return record }
    if let id, let holder = holderOf[id] { release(holder) }
    if let index = indexOf[record.thread] { release(index) }
    return inTurn(record)
  }

  /// The record, behind what is ready already.
  private mutating func inTurn(_ record: CaptureRecord) -> CaptureRecord? {
    guard hasReady else { return record }
    ready.append(record)
    return takeReady()
  }

  private mutating func release(_ index: Int) {
    guard let held = threads[index].held else { return }
    threads[index].held = nil
    switch held.event {
    case .transaction(let event): forget(event.id, index)
    case .allocBuf(let event): forget(event.transaction, index)
    default: break
    }
    ready.append(held)
  }

  private mutating func forget(_ id: UInt32, _ index: Int) {
    if holderOf[id] == index { holderOf[id] = nil }
  }

  private mutating func index(of thread: Int32) -> Int {
    if let index = indexOf[thread] { return index }
    if threads.count == Self.mostThreads {
      finish()
      threads.removeAll(keepingCapacity: true)
      indexOf = NumberTable()
    }
    indexOf[thread] = threads.count
    threads.append(Thread(id: thread))
    return threads.count - 1
  }
}
