import CTestPeer
import Glibc
import PageAlloc
import Synchronization
import Testing

@testable import BinderBuffer

/// Each payload byte is read once from its source and written once to its target, and is read
/// where it was written.
@Suite struct OneCopyTests {
  /// The counts: as many bytes leave the reader and enter the region as the message has.
  @Test(arguments: [1, 4096, 100_000, 1 << 20])
  func counts(size: Int) throws {
    let world = try World(length: 4 << 20)
    let payload = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    var allocation = try world.client.allocate(dataSize: size, oneway: true, for: world.node)
    let bytesRead = try payload.withUnsafeBytes { bytes in
      var reader = UserSlice(unsafeTrusted: bytes).reader()
      try allocation.copy(from: &reader, length: size)
      #expect(reader.isEmpty == true)
      return reader.bytesRead
    }
    _ = try world.client.send(allocation, to: world.node)
    #expect(bytesRead == size)
    #expect(world.server.statistics.bytesCopied == size)
    let delivery = try world.server.take()
    #expect(delivery.data == payload)
    delivery.free()
    try world.send(payload)
    #expect(world.server.statistics.bytesCopied == 2 * size)
    // Receiving and freeing copied nothing more.
    try world.server.take().free()
    #expect(world.server.statistics.bytesCopied == 2 * size)
  }

  /// The receiver reads the very memory that the copy went into, through a view of its own.
  @Test func readInPlace() throws {
    let world = try World()
    let offset = try world.keep(100)
    let receipt = try world.send([1, 2, 3])
    #expect(receipt.offset != offset)
    let (receiverView, window) = world.server.core.locked {
      ($0.inbox.view, $0.inbox.space.value.window(at: receipt.offset, size: 8))
    }
    let delivery = try world.server.take()
    let address = delivery.withData { span in span.withUnsafeBytes { $0.baseAddress! } }
    #expect(address == receiverView + receipt.offset)
    // A change in the driver's view shows in the delivery: there is no copy in between.
    try window.store(UInt8(77), at: 0)
    #expect(delivery.data == [77, 2, 3])
    delivery.free()
    try world.server.free(at: offset)
  }

  /// No staging: of a copy that fails halfway, the first half lies in the region already.
  @Test func theCopyGoesStraightIntoTheRegion() throws {
    let world = try World()
    let memory = TestMemory(pages: 4, fill: 0x42)
    memory.hide(page: 3)
    let error = failure {
      _ = try world.client.send(
        Transaction(flags: .oneway, data: memory.slice(0, 4 * 4096)), to: world.node)
    }
    #expect(error?.kind == .badSource)
    _ = try world.client.send(
      Transaction(flags: .oneway, extraSize: 4 * 4096), to: world.node)
    let found = try world.server.take().extra
    #expect(
      found == [UInt8](repeating: 0x42, count: 3 * 4096) + [UInt8](repeating: 0, count: 4096))
  }

  /// Nor does a large message take memory anywhere else: with region and source resident, sending
  /// 3 MiB faults in no fresh pages. A buffer of that size would be 768 of them, each time.
  @Test func noMemoryOfPayloadSize() throws {
    let world = try World(length: 4 << 20)
    let size = 3 << 20
    let memory = TestMemory(pages: size / 4096, fill: 1)
    let transaction = Transaction(data: memory.slice(0, size))
    func roundTrip() throws {
      let call = try world.client.transmit(transaction, to: world.node).call!
      try world.server.take().free()
      #expect(failure { _ = try call.take() } == .failedReply(pid: 1))
    }
    // Frames, and the driver view's page tables.
    try roundTrip()
    let before = minorFaults()
    for _ in 0..<4 { try roundTrip() }
    let faults = minorFaults() - before
    #expect(faults < 768, "\(faults) page faults")
    #expect(world.server.statistics.framesAllocated == 768)
  }

  private func minorFaults() -> Int {
    var usage = rusage()
    // RUSAGE_THREAD, which glibc shows to GNU sources only.
    getrusage(__rusage_who_t(1), &usage)
    return usage.ru_minflt
  }

  /// A source that changes between two steps: what was copied before is not read again, what is
  /// copied afterwards was not read before.
  @Test func eachStepReadsItsBytesWhenItRuns() throws {
    let world = try World()
    let memory = TestMemory(pages: 2, fill: 1)
    var allocation = try world.client.allocate(dataSize: 8192, oneway: true, for: world.node)
    var reader = memory.slice(0, 8192).reader()
    for step in 0..<4 {
      memset(memory.base, Int32(step + 10), 8192)
      try allocation.copy(from: &reader, at: step * 2048, length: 2048)
    }
    memset(memory.base, 99, 8192)
    _ = try world.client.send(allocation, to: world.node)
    memset(memory.base, 100, 8192)
    let delivery = try world.server.take()
    #expect(
      delivery.data == (0..<4).flatMap { [UInt8](repeating: UInt8($0 + 10), count: 2048) })
    #expect(reader.bytesRead == 8192)
  }

  /// The sender changes its object while it is sent. What is delivered is what was validated: were
  /// the source looked at a second time, invalid objects would come through within a few sends.
  @Test(arguments: [false, true])
  func whatIsValidatedIsTheCopy(changesOffset: Bool) throws {
    let world = try World()
    let memory = TestMemory(pages: 1)
    let good = ObjectTests.message(24, [(0, ObjectTests.Kind.handle.rawValue)])
    memory.base.copyMemory(from: good, byteCount: 24)
    let transaction = Transaction(
      flags: .oneway, data: memory.slice(0, 24), offsets: memory.slice(64, 8))
    // The offset, or the type.
    let place = memory.base + (changesOffset ? 64 : 0)
    let values: (UInt32, UInt32) =
      changesOffset ? (0, 1 << 20) : (ObjectTests.Kind.handle.rawValue, 0x6666_6666)
    try withFlippingWord(place, values) {
      for _ in 0..<3000 {
        do {
          _ = try world.client.send(transaction, to: world.node)
          let delivery = try world.server.take()
          let (data, offsets) = (delivery.data, delivery.offsets)
          #expect(offsets == [0] && data == good)
        } catch let error as BinderError {
          guard case .invalidArgument(.object) = error else { throw error }
        }
      }
    }
    try world.expectNothingHeld()
  }

  /// Runs `body` while another thread writes two values in turn.
  private func withFlippingWord(
    _ place: UnsafeMutableRawPointer, _ values: (UInt32, UInt32), _ body: () throws -> Void
  ) throws {
    final class Flag: Sendable { let isSet = Atomic<Bool>(false) }
    let flag = Flag()
    let address = UInt(bitPattern: place)
    let thread = TestThread {
      let word = UnsafeMutablePointer<UInt32>(bitPattern: address)!
      while !flag.isSet.load(ordering: .relaxed) {
        for _ in 0..<64 {
          word.pointee = values.1
          word.pointee = values.0
        }
        sched_yield()
      }
    }
    defer {
      flag.isSet.store(true, ordering: .relaxed)
      thread.join()
    }
    try body()
  }
}
