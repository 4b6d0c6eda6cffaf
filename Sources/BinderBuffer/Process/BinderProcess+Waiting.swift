internal import PageAlloc
internal import Synchronization

/// Waiting without a thread: in an event loop, or in a task.
extension BinderProcess {
  /// A descriptor that is readable while something can be received, for `poll` and `epoll`.
  ///
  /// Call `receive()` until it gives nil: that makes the descriptor unreadable. After `exit` it stays
  /// readable, and `receive()` throws. Nothing is to be read from it. The caller closes it; each call
  /// gives another one, all of which tell the same.
  ///
  ///     let arrivals = try server.arrivalDescriptor()
  ///     // … when the loop finds `arrivals` readable:
  ///     while let delivery = try server.receive() { handle(delivery) }
  ///
  /// Threads and tasks may wait for the same process; each arrival tells one of them, and the
  /// descriptor. From the first call on, an arrival that finds the descriptor unreadable costs a system
  /// call more.
  ///
  /// - Throws: `dead` after `exit` and without a region, `noMemory` when descriptors are used up.
  public func arrivalDescriptor() throws(BinderError) -> Int32 {
    try core.arrivalDescriptor()
  }

  /// Takes the next transaction; suspends the task until there is one. Nil when the process has
  /// exited, or when the task is cancelled.
  ///
  /// No thread waits: any number of tasks may wait for any number of processes.
  ///
  /// - Throws: `dead` without a region.
  public func nextDelivery() async throws(BinderError) -> Delivery? {
    try await core.nextDelivery()
  }

  /// What comes in, oldest first, until the process exits or the task is cancelled.
  ///
  ///     for try await received in server.deliveries {
  ///       if let delivery = received.take() { try delivery.reply(answer) }
  ///     }
  ///
  /// Several tasks may go through it at once: each transaction comes to one of them.
  public var deliveries: Deliveries { Deliveries(process: self) }
}

/// The transactions of a process as a sequence: see ``BinderProcess/deliveries``.
public struct Deliveries: AsyncSequence, Sendable {
  /// What a step may throw: `dead` without a region.
  public typealias Failure = BinderError

  let process: BinderProcess

  /// One pass over the sequence.
  public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(process: process) }

  /// Takes one transaction after the other.
  public struct AsyncIterator: AsyncIteratorProtocol {
    let process: BinderProcess

    /// The next transaction: see ``BinderProcess/nextDelivery()``.
    public mutating func next() async throws(BinderError) -> ReceivedDelivery? {
      try await Self.next(of: process)
    }

    /// The same, for a caller of any isolation.
    public mutating func next(
      isolation actor: isolated (any Actor)?
    ) async throws(BinderError) -> ReceivedDelivery? {
      try await Self.next(of: process)
    }

    private static func next(
      of process: BinderProcess
    ) async throws(BinderError) -> ReceivedDelivery? {
      guard let delivery = try await process.nextDelivery() else { return nil }
      return ReceivedDelivery(delivery)
    }
  }
}

/// A delivery as an element of a sequence, which must be copyable. Never taken, it is freed when the
/// last reference goes.
public final class ReceivedDelivery: Sendable {
  private let delivery: Mutex<Delivery?>

  init(_ delivery: consuming Delivery) {
    self.delivery = Mutex(delivery)
  }

  /// The delivery, to whoever asks first; nil to everybody else.
  public func take() -> Delivery? { delivery.withLock { $0.take() } }
}
