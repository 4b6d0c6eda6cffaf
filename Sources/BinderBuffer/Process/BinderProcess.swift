public import PageAlloc

/// A process that sends transactions and receives them in a region of its own.
///
/// The region is one lazily backed memory file of up to 4 MiB. Senders' bytes are copied straight
/// into it; the process reads them in place, through a read-only view, and frees them.
///
///     let context = Context()
///     let server = try context.makeProcess(pid: 1, regionLength: 1 << 20)
///     let client = try context.makeProcess(pid: 2, regionLength: 1 << 20)
///     let node = server.makeNode()
///     try client.send(message, to: node)              // [UInt8], or any bytes as a RawSpan
///     if let delivery = try server.receive() {
///       delivery.withData { print($0.count) }         // freed when `delivery` goes
///     }
///
/// Thread-safe: any thread may use any process. Sending and receiving take the lock of one process
/// at a time, and copies run outside all locks. When the last reference to a `BinderProcess` goes,
/// it exits.
public final class BinderProcess: Sendable {
  let core: ProcessCore

  init(core: ProcessCore) { self.core = core }

  deinit { core.exit() }

  /// Its number, unique among the living processes of the context.
  public var pid: Int32 { core.pid }
  /// Where it lives; it sends to processes of the same context only.
  public var context: Context { core.context }
  /// Whether `exit` has begun. Takes no lock.
  public var hasExited: Bool { core.hasExited }

  /// Gives the process its region, as `mmap` on the driver's file does.
  ///
  /// - Parameters:
  ///   - length: in bytes, a positive multiple of the page size; of more than 4 MiB the first 4 MiB
  ///     are used.
  ///   - policy: where buffers are placed.
  ///   - sharing: whether other real processes can map the region.
  /// - Throws: `invalidArgument` for such a length, `busy` when there is a region, `noMemory` when
  ///   the system gives no memory file or mapping, `dead` after `exit`.
  public func mapRegion(
    length: Int, policy: PlacementPolicy = .rust, sharing: RegionSharing = .inProcess
  ) throws(BinderError) {
    try core.mapRegion(length: length, policy: policy, sharing: sharing)
  }

  /// A descriptor through which another real process can map the region, read-only for good.
  ///
  /// The caller closes it. Needs a region mapped with `exportable` or `exportableSealed`.
  ///
  /// - Throws: `invalidArgument` for an `inProcess` region, `noMemory` when descriptors are used up,
  ///   `dead` without a region.
  public func readOnlyDescriptor() throws(BinderError) -> Int32 {
    try core.readOnlyDescriptor()
  }

  /// Makes an object that others can send to.
  public func makeNode() -> Node {
    Node(core: core, id: core.makeNode())
  }

  /// Ends the process.
  ///
  /// Senders get `dead` from now on, as do those who await a reply of it. Buffers that it has sent
  /// live on; a `Delivery` that is still held stays readable, and the region goes with the last.
  /// When this returns all of that is done, even if another thread has begun it. Idempotent.
  ///
  /// - Complexity: O(live buffers).
  public func exit() { core.exit() }
}

/// An object of a process: what transactions are sent to, and what orders oneway ones.
///
/// It outlives its process; sending to it then throws `dead`.
public struct Node: Sendable {
  let core: ProcessCore
  /// Counts from 0 within the process.
  public let id: UInt32

  /// The process that it belongs to.
  public var pid: Int32 { core.pid }
}
