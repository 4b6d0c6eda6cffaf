import BinderBuffer
import CLinuxShims
import PageAlloc
import Testing

/// Commands that no sane program writes get the driver's answer, and nobody else notices.
@Suite struct BadCommandTests {
  /// A driver with a context manager (first) and one client, each with one thread.
  final class Bench {
    var driver: Driver
    let processes: [DriverProcessID]
    let threads: [DriverThreadID]
    let memory: SceneMemory
    let data: UInt64
    let offsets: UInt64

    init(limits: DriverLimits = DriverLimits(), binders: Int = 0) throws {
      var options = DriverOptions()
      options.limits = limits
      driver = Driver(options: options)
      processes = [driver.open(pid: 1), driver.open(pid: 2)]
      for (i, id) in processes.enumerated() {
        _ = try driver.map(id, length: 65536, caller: Int32(i + 1))
        try driver.setRegionAddress(id, UInt64(i + 1) << 32)
      }
      var objects = WireText()
      var places = WireText()
      for i in 0..<binders {
        places.put(UInt64(objects.bytes.count))
        objects.put(bb_type_binder.rawValue)
        objects.put(UInt32(0))
        objects.put(UInt64(16 * (i + 1)))
        objects.put(UInt64(7))
      }
      var memory = SceneMemory()
      data = memory.keep(objects.bytes)
      offsets = memory.keep(places.bytes)
      self.memory = memory
      threads = [
        try driver.beginCall(processes[0], tid: 1), try driver.beginCall(processes[1], tid: 1),
      ]
      for thread in threads { driver.endCall(thread) }
      _ = try control(bb_ioctl_set_context_mgr, 0)
    }

    func control(_ request: bb_ioctl, _ who: Int) throws -> WireText {
      let argument = UnsafeMutableRawBufferPointer.allocate(byteCount: 64, alignment: 8)
      defer { argument.deallocate() }
      argument.initializeMemory(as: UInt8.self, repeating: 0)
      try driver.control(request.rawValue, argument, process: processes[who], tid: 1, user: 0)
      return WireText(bytes: Array(argument))
    }

    /// Does a command and a transaction that it begins; the errno of a refused one.
    @discardableResult
    func perform(_ command: Command, _ who: Int) -> Errno? {
      switch driver.perform(command, by: threads[who]) {
      case .done: return nil
      case .stop: return nil
      case .failed(let error): return error
      case .transaction(var pending):
        var sender = SceneSender(memory: memory, descriptors: [:], files: SceneFiles(), user: 0)
        pending.fill(from: &sender)
        driver.finish(pending)
        return nil
      }
    }

    /// The numbers of the returns that a read brings; empty when it would wait.
    func read(_ who: Int) -> [UInt32] {
      let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 8)
      defer { buffer.deallocate() }
      guard
        case .ready(let result) = driver.read(
          threads[who], into: buffer, size: 4096, nonblocking: true)
      else { return [] }
      let bytes = WireText(bytes: Array(buffer[..<result.byteCount]))
      var codes: [UInt32] = []
      var i = 0
      while i < bytes.bytes.count {
        codes.append(bytes.get(at: i))
        i += 4 + Int(codes.last! >> 16 & 0x3fff)
      }
      return codes
    }

    /// What the last transaction failed with: the return and the errno.
    func error(_ who: Int) throws -> (UInt32, Int32) {
      let bytes = try control(bb_ioctl_get_extended_error, who)
      return (bytes.get(at: bb_error_command), -bytes.get(at: bb_error_param, as: Int32.self))
    }
  }

  static let failed = bb_br_failed_reply.rawValue
  static let dead = bb_br_dead_reply.rawValue
  static let noop = bb_br_noop.rawValue

  @Test(.timeLimit(.minutes(1)))
  func bytesThatAreNoCommand() throws {
    var memory = SceneMemory()
    var sender = SceneSender(memory: memory, descriptors: [:], files: SceneFiles(), user: 0)
    for code in [0, 0xffff_ffff, 0x4004_6300, 0x4040_6320, 0x6363] as [UInt32] {
      var bytes = WireText()
      bytes.put(code)
      let address = memory.keep(bytes.bytes)
      sender = SceneSender(memory: memory, descriptors: [:], files: SceneFiles(), user: 0)
      var reader = CommandReader(address: address, size: 4)
      #expect(throws: Errno.invalidArgument) { _ = try reader.next(from: &sender) }
      #expect(reader.consumed == 0)
    }
    var nowhere = CommandReader(address: 8, size: 4)
    #expect(throws: Errno.badAddress) { _ = try nowhere.next(from: &sender) }
    var wrapping = CommandReader(address: .max - 1, size: .max, consumed: 100)
    #expect(throws: Errno.badAddress) { _ = try wrapping.next(from: &sender) }
    var past = CommandReader(address: 8, size: 4, consumed: .max)
    #expect(try past.next(from: &sender) == nil)
  }

  @Test(
    .timeLimit(.minutes(1)),
    arguments: [
      // data size, offsets size, extra size, errno
      (UInt64.max, 0, 0, Errno.invalidArgument), (.max - 7, 16, 0, .invalidArgument),
      (.max - 7, 0, 0, .noSpace), (0, 1 << 63, 0, .noSpace), (65537, 0, 0, .noSpace),
      (0, 0, 65544, .noSpace), (0, 4, 0, .invalidArgument), (0, 0, 4, .invalidArgument),
      (8, 8, 0, .badAddress),
    ] as [(UInt64, UInt64, UInt64, Errno)])
  func sizesOutOfBounds(_ data: UInt64, _ offsets: UInt64, _ extra: UInt64, _ errno: Errno) throws {
    let bench = try Bench()
    bench.perform(
      .transaction(
        TransactionCommand(
          data: bench.data, dataSize: data, offsets: data == 8 ? 8 : bench.offsets,
          offsetsSize: offsets, extraSize: extra)), 1)
    #expect(bench.read(1) == [Self.noop, Self.failed])
    #expect(try bench.error(1) == (Self.failed, errno.rawValue))
    try bench.driver.checkInvariants()
    #expect(bench.read(0).isEmpty)
  }

  @Test(.timeLimit(.minutes(1)))
  func staleAndForeignThings() throws {
    let bench = try Bench()
    for address in [0, 8, 1 << 32, 2 << 32, .max] as [UInt64] {
      #expect(bench.perform(.freeBuffer(address), 1) == nil)
    }
    for strong in [true, false] {
      #expect(bench.perform(.reference(handle: 9, strong: strong, increment: true), 1) == nil)
      #expect(bench.perform(.reference(handle: .max, strong: strong, increment: false), 1) == nil)
      #expect(bench.perform(.done(pointer: 1, cookie: 2, strong: strong), 1) == nil)
    }
    #expect(bench.perform(.death(handle: 3, cookie: 1, clear: true), 1) == nil)
    #expect(bench.perform(.deathDone(cookie: 1), 1) == nil)
    #expect(bench.perform(.freeze(handle: 3, cookie: 1, clear: false), 1) == .invalidArgument)
    #expect(bench.perform(.freezeDone(cookie: 1), 1) == .invalidArgument)
    bench.perform(.transaction(TransactionCommand(isReply: true)), 1)
    #expect(try bench.error(1) == (Self.failed, Errno.protocolError.rawValue))
    // While the error waits, nothing more is written.
    guard case .stop = bench.driver.perform(.enterLooper, by: bench.threads[1]) else {
      Issue.record("a write goes on behind an unread error")
      return
    }
    try bench.driver.checkInvariants()
  }

  @Test(.timeLimit(.minutes(1)))
  func limitsAreTheSendersOwn() throws {
    var limits = DriverLimits()
    limits.handles = 2
    limits.nodes = 100
    let bench = try Bench(limits: limits, binders: 3)
    let message = TransactionCommand(
      data: bench.data, dataSize: 72, offsets: bench.offsets, offsetsSize: 24)
    bench.perform(.transaction(message), 1)
    #expect(try bench.error(1) == (Self.failed, Errno.noMemory.rawValue))
    #expect(bench.driver.census.nodes == 1)
    #expect(bench.driver.census.references == 0)

    limits.handles = 100
    limits.nodes = 2
    let second = try Bench(limits: limits, binders: 3)
    second.perform(.transaction(message), 1)
    #expect(try second.error(1) == (Self.failed, Errno.noMemory.rawValue))
    #expect(second.driver.census.nodes == 1)
    try second.driver.checkInvariants()

    limits = DriverLimits()
    limits.threads = 2
    limits.unreadCompletions = 3
    let third = try Bench(limits: limits)
    _ = try third.driver.beginCall(third.processes[1], tid: 2)
    #expect(throws: Errno.noMemory) {
      _ = try third.driver.beginCall(third.processes[1], tid: 3)
    }
    for _ in 0..<4 { third.perform(.transaction(TransactionCommand(flags: 1)), 1) }
    #expect(try third.error(1) == (Self.failed, Errno.noMemory.rawValue))
    // The other process goes on.
    #expect(third.read(0) == [Self.noop, bb_br_transaction.rawValue])
  }

  @Test(.timeLimit(.minutes(1)))
  func recursionEndsWithTheRegion() throws {
    let bench = try Bench(binders: 1)
    let first = TransactionCommand(
      data: bench.data, dataSize: 24, offsets: bench.offsets, offsetsSize: 8)
    bench.perform(.transaction(first), 1)
    var depth = 1
    while depth < 100_000 {
      let who = depth & 1 == 1 ? 0 : 1
      guard bench.read(who).last == bb_br_transaction.rawValue else { break }
      // The manager calls back by its handle 1, the client calls handle 0.
      bench.perform(
        .transaction(TransactionCommand(handle: who == 0 ? 1 : 0, dataSize: 0)), who)
      depth += 1
      if try bench.error(who).0 == Self.failed { break }
    }
    #expect(depth > 8000 && depth < 20000)
    try bench.driver.checkInvariants()
    for process in bench.processes { bench.driver.kill(process) }
    #expect(bench.driver.census == DriverCensus())
  }

  @Test(.timeLimit(.minutes(1)))
  func deathBetweenTheTwoSteps() throws {
    for victim in 0..<2 {
      let bench = try Bench(binders: 1)
      let message = TransactionCommand(
        data: bench.data, dataSize: 24, offsets: bench.offsets, offsetsSize: 8)
      guard
        case .transaction(var pending) = bench.driver.perform(
          .transaction(message), by: bench.threads[1])
      else {
        Issue.record("no pending transaction")
        return
      }
      bench.driver.kill(bench.processes[victim])
      var sender = SceneSender(
        memory: bench.memory, descriptors: [:], files: SceneFiles(), user: 0)
      pending.fill(from: &sender)
      bench.driver.finish(pending)
      try bench.driver.checkInvariants()
      if victim == 0 {
        #expect(bench.read(1) == [Self.noop, Self.dead])
      } else {
        #expect(bench.read(0).isEmpty)
      }
      bench.driver.kill(bench.processes[1 - victim])
      #expect(bench.driver.census == DriverCensus())
    }
  }

  @Test(.timeLimit(.minutes(1)))
  func theDeadAnswerNothing() throws {
    let bench = try Bench()
    bench.driver.kill(bench.processes[1])
    #expect(bench.perform(.enterLooper, 1) == .badFileDescriptor)
    #expect(throws: Errno.badFileDescriptor) {
      _ = try bench.driver.beginCall(bench.processes[1], tid: 1)
    }
    #expect(throws: Errno.badFileDescriptor) { try bench.driver.close(bench.processes[1]) }
    #expect(throws: Errno.badFileDescriptor) { try bench.driver.unmap(bench.processes[1]) }
    bench.driver.kill(bench.processes[1])
  }
}
