internal import BinderBuffer
internal import Glibc
internal import PageAlloc

/// Two real processes: a payload one way and a byte back.
struct TransportBenchmark {
  let bytes: Int

  enum Transport: String, CaseIterable {
    case pipe
    case stream = "unix-stream"
    case seqpacket = "unix-seqpacket"
    case vmReadv = "process_vm_readv"
  }

  func rows(rounds: Int, memcpy: Double) throws(CommandError) -> [TransactionBenchmark.Row] {
    var rows: [TransactionBenchmark.Row] = []
    for isPinned in [true, false] {
      for transport in Transport.allCases where !Interrupt.wasRequested {
        var peer = try Peer(transport, bytes: bytes, isPinned: isPinned)
        let time = try measure(&peer, transport, rounds)
        rows.append(
          TransactionBenchmark.Row(
            bytes: bytes, mode: transport.rawValue + (isPinned ? ", one CPU" : ", any CPU"),
            nsMedian: time, ratioToMemcpy: time / memcpy))
      }
    }
    return rows
  }

  /// Nanoseconds of one exchange, the median of the rounds.
  private func measure(_ peer: inout Peer, _ transport: Transport, _ rounds: Int)
    throws(CommandError) -> Double
  {
    let count = max(50, 20_000_000 / (bytes + 20_000) / 4)
    if peer.isPinned { CPUAffinity.pin(to: 0) }
    defer { CPUAffinity.release() }
    var receiver = try Receiver(bytes: bytes, peer: peer.pid, isEngine: transport == .vmReadv)
    var times: [Double] = []
    for round in 0..<rounds where round == 0 || !Interrupt.wasRequested {
      let start = MonotonicClock.now()
      for _ in 0..<count {
        guard peer.ask(), receiver.receive(from: peer) else {
          throw .failure("the second process of '\(transport.rawValue)' did not answer")
        }
      }
      times.append(Double(MonotonicClock.now() - start) / Double(count))
    }
    return times.median
  }

  /// Receives payloads, either into a buffer or the way the engine does.
  private struct Receiver: ~Copyable {
    private var buffer: [UInt8]
    private let engine: Engine?

    private struct Engine {
      let context: Context
      let server: BinderProcess
      let client: BinderProcess
      let node: Node
      let transaction: Transaction
    }

    init(bytes: Int, peer: Int32, isEngine: Bool) throws(CommandError) {
      buffer = Array(repeating: 0, count: isEngine ? 1 : bytes)
      guard isEngine else {
        engine = nil
        return
      }
      let sender: UserProcess
      do throws(PageAllocError) {
        sender = try UserProcess(pid: peer)
      } catch {
        throw .failure("no handle of the second process: \(error)")
      }
      do throws(BinderError) {
        let context = Context()
        let server = try context.makeProcess(pid: 1, regionLength: 4 << 20)
        let client = try context.makeProcess(pid: 2)
        engine = Engine(
          context: context, server: server, client: client, node: server.makeNode(),
          transaction: Transaction(
            data: UserSlice(address: Peer.payload(bytes), length: bytes, in: sender)))
      } catch {
        throw .failure("\(error)")
      }
    }

    mutating func receive(from peer: borrowing Peer) -> Bool {
      guard unsafe buffer.withUnsafeMutableBytes({ unsafe peer.read($0) }) else { return false }
      guard let engine else { return true }
      do throws(BinderError) {
        try engine.client.send(engine.transaction, to: engine.node)
        guard let delivery = try engine.server.receive() else { return false }
        return delivery.withData { $0[0] == 0x5A }
      } catch {
        return false
      }
    }
  }
}
