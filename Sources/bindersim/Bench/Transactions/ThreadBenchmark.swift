internal import BinderBuffer
internal import PageAlloc

/// One thread compared with two: two that send to different processes, which share no lock, and
/// two that send to the same process and so contend for its lock.
struct ThreadBenchmark {
  let bytes: Int
  /// For longer messages the copy dominates.
  static let longest = 4096
  private static let count = 400_000

  func rows(rounds: Int, memcpy: Double) throws(CommandError) -> [TransactionBenchmark.Row] {
    let context = Context()
    let lanes = [try Lane(1, context), try Lane(2, context)]
    let apart = [lanes[0], try Lane(1, Context())]
    let shared = [lanes[0], Lane(server: lanes[0].server, client: lanes[1].client)]
    let work = { @Sendable (lane: Lane) in Self.work(lane, bytes) }
    let copy = { @Sendable (_: Lane) in Self.copy(bytes) }
    let settings: [(name: String, lanes: [Lane], body: @Sendable (Lane) -> Int, alone: Int)] = [
      ("one thread", [lanes[0]], work, 0), ("two threads, two processes", lanes, work, 0),
      ("two threads, one process", shared, work, 0), ("two threads, two contexts", apart, work, 0),
      (
        "one thread, one message behind", [lanes[0]],
        { @Sendable in Self.work($0, bytes, behind: 1) }, 0
      ),
      ("one thread, memcpy", [lanes[0]], copy, 5), ("two threads, memcpy", lanes, copy, 5),
    ]
    var times = settings.map { _ in [Double]() }
    for round in 0..<rounds where round == 0 || !Interrupt.wasRequested {
      for (index, setting) in settings.enumerated() {
        times[index].append(try time(setting.lanes, setting.body))
      }
    }
    return settings.indices.map { index in
      TransactionBenchmark.Row(
        bytes: bytes, mode: settings[index].name, nsMedian: times[index].median,
        ratioToMemcpy: times[index].median / memcpy,
        speedup: zip(times[settings[index].alone], times[index]).map { $0 / $1 }.median)
    }
  }

  private struct Lane: Sendable {
    let server: BinderProcess
    let client: BinderProcess

    init(server: BinderProcess, client: BinderProcess) {
      (self.server, self.client) = (server, client)
    }

    init(_ number: Int32, _ context: Context) throws(CommandError) {
      do throws(BinderError) {
        server = try context.makeProcess(pid: 2 * number - 1, regionLength: 1_040_384)
        client = try context.makeProcess(pid: 2 * number)
      } catch {
        throw .failure("\(error)")
      }
    }
  }

  /// Wall-clock nanoseconds for one transaction, averaged over all threads.
  private func time(_ lanes: [Lane], _ body: @escaping @Sendable (Lane) -> Int)
    throws(CommandError) -> Double
  {
    let start = MonotonicClock.now()
    let threads = lanes.map { lane in WorkerThread { body(lane) } }
    let done = threads.reduce(0) { $0 + ($1?.join() ?? 0) }
    let elapsed = Double(MonotonicClock.now() - start)
    guard done == lanes.count * Self.count else {
      throw .failure("\(done) of \(lanes.count * Self.count) transactions were received")
    }
    return elapsed / Double(done)
  }

  /// Sends messages, and receives, checks and frees what has arrived.
  ///
  /// - Parameter behind: Number of messages that stay queued all the time, as they would behind a
  ///   slower receiver.
  private static func work(_ lane: Lane, _ bytes: Int, behind: Int = 0) -> Int {
    let node = lane.server.makeNode()
    let message = [UInt8](repeating: 0x5A, count: bytes)
    var received = 0
    do throws(BinderError) {
      for _ in 0..<behind {
        try lane.client.send(message, to: lane.server.makeNode())
      }
      for _ in 0..<count {
        try lane.client.send(message, to: node)
        // With two threads in one process, this may be the other thread's message.
        while true {
          guard let delivery = try lane.server.receive() else { continue }
          let isIntact = delivery.withData { $0.count == bytes && $0[0] == 0x5A }
          if isIntact { received += 1 }
          break
        }
      }
      for _ in 0..<behind { _ = try lane.server.receive() }
    } catch {
      return received
    }
    return received
  }

  /// Copies the same number of messages, each thread within its own memory.
  private static func copy(_ bytes: Int) -> Int {
    let messages = MessagePool(bytes: bytes, pool: 1 << 20)
    let target = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 4096)
    defer { unsafe target.deallocate() }
    for _ in 0..<count {
      // SAFETY: both are `bytes` long.
      unsafe target.copyMemory(from: messages.next().baseAddress!, byteCount: bytes)
    }
    return unsafe target.load(as: UInt8.self) == 0x5A ? count : 0
  }
}
