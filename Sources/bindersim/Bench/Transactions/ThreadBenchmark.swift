internal import BinderBuffer
internal import PageAlloc

/// One thread beside two: into two processes, which share no lock, and into one, which has one.
struct ThreadBenchmark {
  let bytes: Int
  private static let count = 400_000

  func rows(rounds: Int, memcpy: Double) throws(CommandError) -> [TransactionBenchmark.Row] {
    let lanes = try makeLanes()
    let shared = [lanes[0], Lane(server: lanes[0].server, client: lanes[1].client)]
    let settings = [
      ("one thread", [lanes[0]]), ("two threads, two processes", lanes),
      ("two threads, one process", shared),
    ]
    var times = settings.map { _ in [Double]() }
    for _ in 0..<rounds {
      for (index, setting) in settings.enumerated() {
        times[index].append(try time(setting.1))
      }
    }
    return settings.indices.map { index in
      TransactionBenchmark.Row(
        bytes: bytes, mode: settings[index].0, nsMedian: times[index].median,
        ratioToMemcpy: times[index].median / memcpy,
        speedup: zip(times[0], times[index]).map { $0 / $1 }.median)
    }
  }

  private struct Lane: Sendable {
    let server: BinderBuffer.Process
    let client: BinderBuffer.Process
  }

  private func makeLanes() throws(CommandError) -> [Lane] {
    let context = Context()
    do throws(BinderError) {
      return [
        Lane(
          server: try context.makeProcess(pid: 1, regionLength: 1_040_384),
          client: try context.makeProcess(pid: 2)),
        Lane(
          server: try context.makeProcess(pid: 3, regionLength: 1_040_384),
          client: try context.makeProcess(pid: 4)),
      ]
    } catch {
      throw .failure("\(error)")
    }
  }

  /// Wall nanoseconds of one transaction, all threads' work taken together.
  private func time(_ lanes: [Lane]) throws(CommandError) -> Double {
    let bytes = bytes
    let start = MonotonicClock.now()
    let threads = lanes.map { lane in WorkerThread { Self.work(lane, bytes) } }
    let done = threads.reduce(0) { $0 + ($1?.join() ?? 0) }
    let elapsed = Double(MonotonicClock.now() - start)
    guard done == lanes.count * Self.count else {
      throw .failure("\(done) of \(lanes.count * Self.count) transactions were received")
    }
    return elapsed / Double(done)
  }

  /// Sends, and receives and frees what is there, each message whole and intact.
  private static func work(_ lane: Lane, _ bytes: Int) -> Int {
    let node = lane.server.makeNode()
    let message = [UInt8](repeating: 0x5A, count: bytes)
    var received = 0
    do throws(BinderError) {
      for _ in 0..<count {
        unsafe try lane.client.send(oneway: true, data: message.span.bytes, to: node)
        // With two threads in one process it may be the other's.
        while true {
          guard let delivery = try lane.server.receive() else { continue }
          let isIntact = delivery.withData {
            unsafe $0.byteCount == bytes && $0.unsafeLoad(as: UInt8.self) == 0x5A
          }
          if isIntact { received += 1 }
          break
        }
      }
    } catch {
      return received
    }
    return received
  }
}
