import BinderBuffer
import PageAlloc
import Testing

@testable import bindersim

/// What a receiver finds when the message is not what its number says.
@Suite(.timeLimit(.minutes(15))) struct InspectionTests {
  private let simulation: Simulation
  private let sender: BinderProcess
  private let receiver: Simulation.SimulatedProcess

  init() throws {
    var options = RunOptions()
    options.processes = 2
    simulation = try Simulation(options)
    sender = simulation.members[0].process
    receiver = simulation.members[1]
  }

  /// The first message of the workload that has objects and data behind them.
  private func message() throws -> Message {
    let found = (UInt32(0)..<1000).lazy.map { simulation.options.workload.message($0, seed: 1) }
      .first { $0.request.offsets > 0 && $0.request.data > 100 && $0.request.extra == 0 }
    return try #require(found)
  }

  private func fault(
    _ change: (inout [UInt8], inout [UInt8]) -> Void = { _, _ in }
  ) throws -> Corruption? {
    let message = try message()
    var data = [UInt8](repeating: 0, count: message.request.data)
    var offsets = [UInt8](repeating: 0, count: message.request.offsets)
    data.withUnsafeMutableBytes { data in
      offsets.withUnsafeMutableBytes {
        unsafe Payload.fill(data, offsets: $0, key: message.key(isReply: false))
      }
    }
    change(&data, &offsets)
    let flags: TransactionFlags = message.isOneway ? .oneway : []
    var sent = try unsafe UserSlice.withTrusted(data.span.bytes) { (data) throws(BinderError) in
      try unsafe UserSlice.withTrusted(offsets.span.bytes) { (offsets) throws(BinderError) in
        try sender.transmit(
          Transaction(code: message.id, flags: flags, data: data, offsets: offsets),
          to: receiver.nodes[0])
      }
    }
    // Held until the delivery has been looked at.
    let call = sent.call.take()
    defer { _ = call == nil }
    guard let delivery = try receiver.process.receive() else {
      Issue.record("nothing was delivered")
      return nil
    }
    let expected = Inspection.message(of: delivery, in: simulation.options)
    return Inspection.firstFault(in: delivery, of: expected, pid: receiver.process.pid)
  }

  @Test func nothingIsWrongWithWhatWasSent() throws {
    #expect(try fault() == nil)
  }

  @Test func aChangedByteIsNamed() throws {
    let found = try #require(try fault { data, _ in data[77] ^= 0xff })
    #expect(found.pid == receiver.process.pid)
    #expect(found.place == .data)
    #expect(found.position == 77)
    #expect(found.got == found.expected ^ 0xff)
  }

  @Test func aMissingObjectIsNamed() throws {
    let size = try message().request.offsets
    let found = try #require(try fault { _, offsets in offsets.removeLast(8) })
    #expect(found.place == .offsetsSize)
    #expect(found.expected == size)
    #expect(found.got == size - 8)
  }

  @Test func aShorterMessageIsNamed() throws {
    let size = try message().request.data
    let found = try #require(try fault { data, _ in data.removeLast(4) })
    #expect(found.place == .dataSize)
    #expect(found.expected == size)
    #expect(found.got == size - 4)
  }
}
