internal import BinderBuffer
internal import CLinuxShims
internal import Glibc
internal import PageAlloc

/// One thread, one size: the copy alone, the whole path over resident and over fresh pages, and
/// the bare population of the same pages.
struct PathBenchmark: ~Copyable {
  private let bytes: Int
  private let context: Context
  private let server: BinderProcess
  private let client: BinderProcess
  private let node: Node
  private let messages: MessagePool
  private let target: SharedMemory

  init(bytes: Int, pool: Int) throws(CommandError) {
    let context = Context()
    let server = try Self.makeProcess(1, in: context)
    let client = try Self.makeProcess(2, in: context)
    let target = try SharedMemory(byteCount: (bytes + 4095) & ~4095)
    self.bytes = bytes
    (self.context, self.server, self.client, node) = (context, server, client, server.makeNode())
    self.target = target
    messages = MessagePool(bytes: bytes, pool: pool)
  }

  private static func makeProcess(_ pid: Int32, in context: Context) throws(CommandError)
    -> BinderProcess
  {
    do throws(BinderError) {
      return try context.makeProcess(pid: pid, regionLength: 1_040_384)
    } catch {
      throw .failure("\(error)")
    }
  }

  func rows(rounds: Int, withFresh: Bool) throws(CommandError) -> [TransactionBenchmark.Row] {
    let many = max(200, 20_000_000 / (bytes + 100))
    let few = max(20, 4000 / (bytes / 4096 + 1))
    var memcpy: [Double] = []
    var resident: [Double] = []
    var fresh: [Double] = []
    var populate: [Double] = []
    var bare: [Double] = []
    target.populate()
    transact(many / 10)
    for round in 0..<rounds where round == 0 || !Interrupt.wasRequested {
      target.populate()
      // Take turns, so that both see the same load on the machine and the same caches.
      var copied = 0.0
      var transacted = 0.0
      let turns = 20
      for _ in 0..<turns {
        copied += CPUClock.measure { copy(many / turns) }
        transacted += CPUClock.measure { transact(many / turns) }
      }
      memcpy.append(copied / Double(many / turns * turns))
      resident.append(transacted / Double(many / turns * turns))
      guard withFresh, !Interrupt.wasRequested else { continue }
      fresh.append(timeFresh(few))
      populate.append(timePopulate(few))
      bare.append(timeBare(few))
    }
    func row(_ mode: String, _ times: [Double], populate: [Double]? = nil)
      -> TransactionBenchmark.Row
    {
      TransactionBenchmark.Row(
        bytes: bytes, mode: mode, nsMedian: times.median,
        ratioToMemcpy: zip(times, memcpy).map { $0 / $1 }.median,
        ratioToPopulate: populate.map { zip(times, $0).map { $0 / $1 }.median })
    }
    let rows = [row("memcpy", memcpy), row("resident", resident)]
    guard withFresh, !fresh.isEmpty else { return rows }
    return rows + [
      row("fresh", fresh, populate: populate), row("populate", populate),
      row("populate, copy, read", bare, populate: populate),
    ]
  }

  private func copy(_ count: Int) {
    for _ in 0..<count {
      let message = unsafe messages.next()
      // SAFETY: both are `bytes` long.
      unsafe target.base.copyMemory(from: message.baseAddress!, byteCount: bytes)
    }
  }

  private func transact(_ count: Int) {
    for _ in 0..<count { transact(isOneway: bytes <= 1_040_384 / 2) }
  }

  /// Sends, receives and frees one message. A message that does not fit the oneway half is sent as a
  /// call that the sender abandons.
  @inline(__always)
  private func transact(isOneway: Bool) {
    do throws(BinderError) {
      // SAFETY: the pool outlives the call, which reads the message before it returns.
      let data = unsafe UserSlice(unsafeTrusted: messages.next())
      if isOneway {
        try client.send(Transaction(data: data), to: node)
      } else {
        let call = try client.call(Transaction(data: data), to: node)
        call.abandon()
      }
      guard let delivery = try server.receive() else { fatalError("nothing was delivered") }
      precondition(delivery.withData { $0.count == bytes && $0[0] == 0x5A })
      delivery.free()
    } catch {
      fatalError("a transaction of \(bytes) bytes: \(error)")
    }
  }

  private func timeFresh(_ count: Int) -> Double {
    var total = 0.0
    for _ in 0..<count {
      context.reclaim()
      total += CPUClock.measure { transact(isOneway: bytes <= 1_040_384 / 2) }
    }
    return total / Double(count)
  }

  private func timePopulate(_ count: Int) -> Double {
    var total = 0.0
    for _ in 0..<count {
      target.release()
      total += CPUClock.measure { target.populate() }
    }
    return total / Double(count)
  }

  /// The least that a message in fresh pages costs: their frames, one copy, and reading it through
  /// another mapping.
  private func timeBare(_ count: Int) -> Double {
    var total = 0.0
    for _ in 0..<count {
      target.release()
      total += CPUClock.measure {
        target.populate()
        copy(1)
        precondition(unsafe target.secondView.load(as: UInt8.self) == 0x5A)
      }
    }
    return total / Double(count)
  }
}

/// Messages of one length, laid out one after the other to fill the pool and handed out in turn.
@safe
final class MessagePool {
  private let base: UnsafeMutableRawPointer
  private let bytes: Int
  private let stride: Int
  private let end: Int
  private var position = 0

  init(bytes: Int, pool: Int) {
    self.bytes = bytes
    stride = (bytes + 63) & ~63
    end = max(1, pool / stride) * stride
    unsafe base = .allocate(byteCount: end, alignment: 4096)
    unsafe base.initializeMemory(as: UInt8.self, repeating: 0x5A, count: end)
  }

  deinit { unsafe base.deallocate() }

  func next() -> UnsafeRawBufferPointer {
    // SAFETY: the position stays within the messages that were allocated.
    let message = unsafe UnsafeRawBufferPointer(start: base + position, count: bytes)
    position += stride
    if position == end { position = 0 }
    return unsafe message
  }
}

/// Plain shared memory like a region's, without the engine.
@safe
struct SharedMemory: ~Copyable {
  let base: UnsafeMutableRawPointer
  /// The same bytes, read-only.
  let secondView: UnsafeRawPointer
  private let byteCount: Int

  init(byteCount: Int) throws(CommandError) {
    let file = unsafe bb_memory_file("bench")
    guard file >= 0, ftruncate(file, byteCount) == 0 else {
      throw .failure("no memory file of \(byteCount) bytes: \(SystemError.message(errno))")
    }
    defer { close(file) }
    let first = unsafe try Self.map(file, byteCount, PROT_READ | PROT_WRITE)
    let second = unsafe try Self.map(file, byteCount, PROT_READ)
    unsafe base = unsafe first
    unsafe secondView = UnsafeRawPointer(second)
    self.byteCount = byteCount
  }

  private static func map(_ file: CInt, _ byteCount: Int, _ protection: CInt) throws(CommandError)
    -> UnsafeMutableRawPointer
  {
    guard
      let memory = unsafe mmap(nil, byteCount, protection, MAP_SHARED, file, 0),
      unsafe memory != MAP_FAILED
    else { throw .failure("no shared memory of \(byteCount) bytes: \(SystemError.message(errno))") }
    return unsafe memory
  }

  deinit {
    unsafe munmap(base, byteCount)
    unsafe munmap(UnsafeMutableRawPointer(mutating: secondView), byteCount)
  }

  /// MADV_POPULATE_WRITE.
  func populate() { precondition(unsafe madvise(base, byteCount, 23) == 0) }
  /// MADV_REMOVE.
  func release() { precondition(unsafe madvise(base, byteCount, 9) == 0) }
}
