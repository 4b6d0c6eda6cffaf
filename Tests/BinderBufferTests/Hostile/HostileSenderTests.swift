import CTestPeer
import Glibc
import PageAlloc
import Synchronization
import Testing

@testable import BinderBuffer

/// Senders in processes of their own that work against the copy. What is delivered was theirs and
/// is valid in the copy; what fails leaves nothing behind.
@Suite struct HostileSenderTests {
  /// A world whose client's bytes are another process's.
  private final class Sender {
    let world: World
    var process = peer()
    let bytes: [UInt8]
    private let handle: UserProcess

    init(_ bytes: [UInt8]) throws {
      world = try World(length: 4 << 20)
      self.bytes = bytes
      try #require(peer_start_holding(&process, bytes, bytes.count) == 0)
      handle = try UserProcess(pid: process.pid)
    }

    deinit { peer_end(&process) }

    func slice(_ range: Range<Int>) -> UserSlice {
      UserSlice(
        address: process.address + UInt(range.lowerBound), length: range.count,
        in: handle)
    }

    /// Nil when it went well.
    func send(_ transaction: Transaction) -> BinderError? {
      failure { _ = try world.client.send(transaction, to: world.node) }
    }
  }

  /// Every byte is one that was there at some moment, and each was fetched once.
  @Test func changesItsBytesDuringTheCopy() throws {
    let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 12) }
    let sender = try Sender(bytes)
    #expect(peer_begin(&sender.process, peer_scribbles, 0, bytes.count) == 0)
    for round in 1...30 {
      #expect(sender.send(Transaction(flags: .oneway, data: sender.slice(0..<bytes.count))) == nil)
      let delivery = try sender.world.server.take()
      let first = delivery.data
      #expect(zip(first, bytes).allSatisfy { $0 == $1 || $0 == ~$1 })
      // In place, and out of the sender's reach: it does not change any more.
      #expect(delivery.data == first)
      delivery.free()
      #expect(sender.world.server.statistics.bytesCopied == round * bytes.count)
      try sender.world.context.checkInvariants()
    }
    #expect(peer_rest(&sender.process) == 0)
    try sender.world.expectNothingHeld()
  }

  /// Objects that are valid at one moment and not at the next: they are judged in the copy. All of
  /// the data, a type, a length, and the offsets.
  @Test(.timeLimit(.minutes(15)), arguments: [0..<4096, 64..<68, 2016..<2024, 8256..<8272])
  func changesItsObjectsDuringTheCopy(changing: Range<Int>) throws {
    let (dataSize, extraStart) = (4096, 8192)
    var data = ObjectTests.message(
      dataSize,
      [(64, ObjectTests.Kind.handle.rawValue), (2000, ObjectTests.Kind.pointer.rawValue)],
      sources: [2000: (0, 16)])
    data += [UInt8](repeating: 0, count: extraStart - dataSize)
    data += [UInt8](repeating: 0x5A, count: 64)
    // 64 and 2000 as offsets, whose complements lie nowhere.
    data += [64, 0, 0, 0, 0, 0, 0, 0, 0xD0, 7, 0, 0, 0, 0, 0, 0]
    let sender = try Sender(data)
    let transaction = Transaction(
      flags: .oneway, data: sender.slice(0..<dataSize),
      offsets: sender.slice(8256..<8272), extraSize: 64)
    // The bytes that the `ptr` object names are not the sender's at all: address 0. That is the
    // answer while the objects are valid.
    var answers = FailureCounts()
    answers[.badSource] = 1
    #expect(sender.send(transaction)?.kind == .badSource)
    #expect(
      peer_begin(&sender.process, peer_scribbles, changing.lowerBound, changing.count) == 0)
    while answers[.badSource] < 50 || answers[.invalidArgument] < 50 {
      let error = try #require(sender.send(transaction))
      try #require(error.kind == .badSource || error.kind == .invalidArgument, "\(error)")
      answers[error.kind] += 1
      #expect(try sender.world.server.isDrained)
      try sender.world.context.checkInvariants()
    }
    #expect(peer_rest(&sender.process) == 0)
    #expect(sender.world.server.statistics.failures == answers)
    try sender.world.expectNothingHeld()
  }

  /// A page that comes and goes: either all was there, or the sender gets a bad address.
  @Test func unmapsItsBytesDuringTheCopy() throws {
    let bytes = [UInt8](repeating: 0x77, count: 64 * 4096)
    let sender = try Sender(bytes)
    #expect(peer_begin(&sender.process, peer_flickers, 40 * 4096, 4096) == 0)
    for _ in 0..<300 {
      let error = sender.send(Transaction(flags: .oneway, data: sender.slice(0..<bytes.count)))
      if let error {
        #expect(error.errno == .badAddress)
        #expect(sender.world.server.statistics.bufferCount == 0)
      } else {
        let delivery = try sender.world.server.take()
        let data = delivery.data
        #expect(data[..<(40 * 4096)] == bytes[..<(40 * 4096)])
        #expect(data[(41 * 4096)...] == bytes[(41 * 4096)...])
        // What came in its place is zero until somebody writes.
        #expect(data[40 * 4096..<41 * 4096].allSatisfy { $0 == 0x77 || $0 == 0 })
      }
      try sender.world.context.checkInvariants()
    }
    #expect(peer_rest(&sender.process) == 0)
    try sender.world.expectNothingHeld()
  }

  /// Its memory does not answer. The copy ends at its time limit, also when both sides have exited
  /// meanwhile, and holds nothing afterwards.
  @Test(.timeLimit(.minutes(15)), arguments: [false, true])
  func blocksTheCopy(bothExit: Bool) throws {
    let world = try World(length: 1 << 20)
    var blocking = peer()
    let status = peer_start_blocking(&blocking, 64 << 10)
    if status == EPERM || status == ENOSYS {
      print("skipped: this user has no userfaultfd")
      return
    }
    try #require(status == 0)
    defer { peer_end(&blocking) }
    let process = try UserProcess(pid: blocking.pid, copyTimeLimit: .milliseconds(100))
    let transaction = Transaction(
      flags: .oneway,
      data: UserSlice(address: blocking.address, length: 64 << 10, in: process))
    let (client, node) = (world.client, world.node)
    let result = ThreadResult<BinderError>()
    let sending = TestThread {
      result.value = failure { _ = try client.send(transaction, to: node) }
    }
    waitUntil { world.server.statistics.pagesInUse == 16 }
    // Others go on.
    try world.send([1], to: world.server.makeNode())
    #expect(try world.server.take().data == [1])
    if bothExit {
      client.exit()
      world.server.exit()
    }
    sending.join()
    #expect(result.value == .badSource(.processBlocked(pid: blocking.pid)))
    try world.context.checkInvariants()
    world.context.reclaim()
    #expect(world.budget.pagesInUse == 0)
    try world.expectNothingHeld()
  }

  /// It dies at some moment while copies are made of it: a copy is whole, or nothing comes of it.
  @Test(arguments: [true, false], 0..<8)
  func diesDuringTheCopy(isKilled: Bool, attempt: Int) throws {
    let bytes = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 13 &+ $0 >> 11) }
    let sender = try Sender(bytes)
    let world = sender.world
    let transaction = Transaction(flags: .oneway, data: sender.slice(0..<bytes.count))
    let sent = SharedCount(0)
    let process = Handoff(sender.process)
    let death = TestThread {
      var process = process.open()!
      // Between the copies and in the middle of one.
      waitUntil { sent.value.load(ordering: .relaxed) > attempt }
      usleep(UInt32(attempt * 37))
      _ = isKilled ? peer_kill(&process) : peer_exit(&process)
    }
    var error: BinderError?
    while error == nil {
      error = sender.send(transaction)
      sent.value.add(1, ordering: .relaxed)
      guard error == nil else { break }
      let delivery = try world.server.take()
      let data = delivery.data
      #expect(data == bytes)
    }
    sent.value.store(.max, ordering: .relaxed)
    death.join()
    #expect(error?.kind == .badSource)
    #expect(error?.errno == .noSuchProcess || error?.errno == .badAddress)
    #expect(sender.send(transaction)?.errno == .noSuchProcess)
    #expect(try world.server.isDrained)
    try world.context.checkInvariants()
    try world.expectNothingHeld()
  }
}
