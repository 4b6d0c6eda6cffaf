import Glibc
import PageAlloc
import Synchronization
import Testing

@testable import BinderBuffer

/// A server with a region, a client that sends to its node, and a budget that shows what is held.
struct World {
  let budget: PageBudget
  let context: Context
  let server: BinderProcess
  let client: BinderProcess
  let node: Node

  init(
    _ policy: PlacementPolicy = .rust, length: Int = 64 << 10, budgetPages: Int = 10_000,
    sharing: RegionSharing = .inProcess, faults: FaultInjector? = nil
  ) throws {
    budget = PageBudget(pages: budgetPages)
    context = Context(budget: budget, faults: faults)
    server = try context.makeProcess(
      pid: 1, regionLength: length, policy: policy, sharing: sharing)
    client = try context.makeProcess(pid: 2, regionLength: length, policy: policy)
    node = server.makeNode()
  }

  @discardableResult
  func send(
    _ data: [UInt8], oneway: Bool = true, code: UInt32 = 0, flags: TransactionFlags = [],
    offsets: [UInt64] = [], extraSize: Int = 0, securityContext: [UInt8] = [],
    readsOwnMemory: Bool = true, to other: Node? = nil
  ) throws -> TestReceipt {
    try withTransaction(
      data, oneway: oneway, code: code, flags: flags, offsets: offsets, extraSize: extraSize,
      securityContext: securityContext, readsOwnMemory: readsOwnMemory
    ) { try client.transmit($0, to: other ?? node) }
  }

  /// A kept buffer of `size` bytes in the server.
  func keep(_ size: Int, flags: TransactionFlags = []) throws -> Int {
    let buffer = try client.allocate(dataSize: size, oneway: true, flags: flags, for: node)
    try client.send(buffer, to: server.makeNode())
    return try server.take().keep()
  }

  /// Nothing is held by transactions, and all pages go back when asked for.
  func expectNothingHeld(_ location: SourceLocation = #_sourceLocation) throws {
    for process in [server, client] where !process.hasExited {
      let counts = process.statistics
      #expect(counts.bufferCount == 0, sourceLocation: location)
      #expect(counts.bytesInUse == 0, sourceLocation: location)
      #expect(counts.freeBytes == counts.regionLength, sourceLocation: location)
      #expect(counts.largestFreeRange == counts.regionLength, sourceLocation: location)
      #expect(counts.freeOnewaySpace == counts.regionLength / 2, sourceLocation: location)
      #expect(counts.pagesInUse == 0, sourceLocation: location)
      #expect(counts.pendingTransactions == 0, sourceLocation: location)
      #expect(counts.outstandingCalls == 0, sourceLocation: location)
    }
    context.reclaim()
    #expect(budget.pagesInUse == 0, sourceLocation: location)
  }
}

func withTransaction<R>(
  _ data: [UInt8], oneway: Bool, code: UInt32 = 0, flags: TransactionFlags = [],
  offsets: [UInt64] = [], extraSize: Int = 0, securityContext: [UInt8] = [],
  readsOwnMemory: Bool = true, _ body: (Transaction) throws -> R
) throws -> R {
  try data.withUnsafeBytes { data in
    try offsets.withUnsafeBytes { offsets in
      try securityContext.withUnsafeBytes { securityContext in
        var transaction = Transaction(
          code: code, flags: oneway ? flags.union(.oneway) : flags,
          data: UserSlice(unsafeTrusted: data), offsets: UserSlice(unsafeTrusted: offsets),
          extraSize: extraSize, securityContext: UserSlice(unsafeTrusted: securityContext))
        transaction.readsOwnMemory = readsOwnMemory
        return try body(transaction)
      }
    }
  }
}

struct NothingReceived: Error {}

extension BinderProcess {
  /// The next transaction, which must be there.
  func take() throws -> Delivery {
    guard let delivery = try receive() else { throw NothingReceived() }
    return delivery
  }

  var isDrained: Bool {
    get throws {
      if try receive() != nil { return false }
      return true
    }
  }

  /// What failures must not change: the counts without those of the failures themselves.
  var countsWithoutFailures: ProcessStatistics {
    var counts = statistics
    counts.failures = FailureCounts()
    return counts
  }
}

extension Delivery {
  var offsets: [UInt64] {
    withOffsets { span in
      (0..<span.count / 8).map {
        span.bytes.unsafeLoad(fromByteOffset: $0 * 8, as: UInt64.self)
      }
    }
  }
  var extra: [UInt8] { withExtra { $0.array } }
  var securityContext: [UInt8] { withSecurityContext { $0.array } }
}

extension Span<UInt8> {
  var array: [UInt8] { withUnsafeBufferPointer { Array($0) } }
}

/// The BinderError that `body` throws, nil when it throws none.
func failure(_ body: () throws -> Void) -> BinderError? {
  do {
    try body()
    return nil
  } catch let error as BinderError {
    return error
  } catch {
    Issue.record("another error: \(error)")
    return nil
  }
}

/// Why a buffer that was filled in steps could not be sent, nil when it was.
func sendFailure(
  _ sender: BinderProcess, _ allocation: consuming ReservedBuffer, to node: Node
) -> BinderError? {
  do throws(BinderError) {
    try sender.send(allocation, to: node)
    return nil
  } catch {
    return error
  }
}

/// A generator of the same numbers in every run.
struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

/// Several pages of this process, of which some can be made inaccessible.
final class TestMemory: @unchecked Sendable {
  let base: UnsafeMutableRawPointer
  let pageCount: Int

  init(pages: Int, fill: UInt8 = 0) {
    pageCount = pages
    base = mmap(nil, pages * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)!
    memset(base, Int32(fill), pages * 4096)
  }

  deinit { munmap(base, pageCount * 4096) }

  var address: UInt { UInt(bitPattern: base) }

  /// Unreadable from now on; nothing else is mapped there meanwhile.
  func hide(page: Int) { mprotect(base + page * 4096, 4096, PROT_NONE) }

  func slice(_ offset: Int, _ length: Int) -> UserSlice {
    UserSlice(address: address + UInt(offset), length: length, in: .untrusted)
  }
}

/// A noncopyable value on its way to another thread.
final class Handoff<Value: ~Copyable>: @unchecked Sendable {
  private var value: Value?

  init(_ value: consuming Value) { self.value = consume value }

  func open() -> Value? { value.take() }
}

/// Runs `body` on `count` threads that start together, and waits for all.
func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
  let missing = SharedCount(count)
  let threads = (0..<count).map { index in
    TestThread {
      missing.value.subtract(1, ordering: .relaxed)
      while missing.value.load(ordering: .relaxed) > 0 { sched_yield() }
      body(index)
    }
  }
  for thread in threads { thread.join() }
}

/// A count that threads share.
final class SharedCount: Sendable {
  let value: Atomic<Int>
  init(_ value: Int) { self.value = Atomic(value) }
}

final class TestThread: @unchecked Sendable {
  private var handle = pthread_t()

  init(_ body: @escaping @Sendable () -> Void) {
    let box = Unmanaged.passRetained(Body(body))
    pthread_create(
      &handle, nil,
      { argument in
        Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue().run()
        return nil
      }, box.toOpaque())
  }

  func join() { pthread_join(handle, nil) }

  private final class Body {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }
}

/// Waits until something on another thread has come true; false, and an issue, if it does not within
/// ten seconds.
@discardableResult
func waitUntil(
  _ condition: () -> Bool, _ location: SourceLocation = #_sourceLocation
) -> Bool {
  for _ in 0..<100_000 {
    if condition() { return true }
    usleep(100)
  }
  Issue.record("another thread did not do its part", sourceLocation: location)
  return false
}

func waitABit() { usleep(200) }
