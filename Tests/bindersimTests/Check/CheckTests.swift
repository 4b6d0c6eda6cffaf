import BinderBuffer
import PageAlloc
import Testing

@testable import bindersim

/// The simulation as such: it passes, it is deterministic, and it can fail.
@Suite struct CheckTests {
  @Test(arguments: [nil] + PlacementPolicy.newest.map { Optional($0) })
  func seedsPass(_ policy: PlacementPolicy?) {
    let memory = SenderMemory(pages: 1025)
    var tally = CheckTally()
    for seed in UInt64(1)...12 {
      var options = CheckOptions()
      options.policy = policy
      options.steps = 400
      var run = CheckRun(seed: seed, options: options, memory: memory)
      let failure = run.run()
      #expect(
        failure == nil,
        "\(options.command(seed: seed)): \(failure.map { "\($0)" } ?? "")")
      tally.add(run.tally)
    }
    // What is not played is not tested.
    #expect(tally.sent > 500 && tally.delivered > 500 && tally.refused > 50)
    #expect(tally.faults > 3 && tally.deaths > 20 && tally.reclaimed > 50)
  }

  @Test func theSameSeedDoesTheSame() {
    let memory = SenderMemory(pages: 1025)
    func checksum(_ seed: UInt64, _ only: StepSet? = nil) -> UInt64 {
      var options = CheckOptions()
      options.steps = 400
      options.only = only
      var run = CheckRun(seed: seed, options: options, memory: memory)
      #expect(run.run() == nil)
      return run.checksum.value
    }
    #expect(checksum(5) == checksum(5))
    #expect(checksum(5) != checksum(6))
    #expect(checksum(5, StepSet([0...99, 200...399])) != checksum(5))
  }

  /// What happens behind the model's back is noticed at the next look.
  @Test func aBufferThatTheModelDoesNotKnowIsFound() throws {
    let world = CheckWorld(seed: 3, policy: .rust, memory: SenderMemory(pages: 1025))
    defer { world.dismantle() }
    try world.begin()
    let member = try #require(world.members.first { $0.region != nil && !$0.nodes.isEmpty })
    let process = try #require(member.process)
    try world.checkCounts()
    let receipt = try process.send([], to: member.nodes[0])
    #expect(throws: InvariantViolation.self) { try world.checkCounts() }
    let delivery = try arrived(process.receive())
    #expect(delivery.debugID == receipt.debugID)
    delivery.free()
    // The frame stays behind, and the model knows of none.
    #expect(throws: InvariantViolation.self) { try world.checkCounts() }
    process.context.reclaim()
    #expect(throws: InvariantViolation.self) { try world.followReclaims() }
  }

  @Test func aChangedByteIsFound() throws {
    let bytes = ModelBytes(count: 64)
    let text = Array("a message".utf8)
    unsafe text.withUnsafeBytes { unsafe bytes.write($0, at: 8) }
    unsafe text.withUnsafeBytes { #expect(unsafe bytes.difference(from: $0, at: 8) == nil) }
    var other = text
    other[3] ^= 1
    let found = unsafe other.withUnsafeBytes { unsafe bytes.difference(from: $0, at: 8) }
    #expect(found?.offset == 11 && found?.found == other[3] && found?.expected == text[3])
    bytes.zero(8, 9)
    unsafe other.withUnsafeBytes { #expect(unsafe bytes.difference(from: $0, at: 8) != nil) }
  }
}

extension CheckRun.Failure: CustomStringConvertible {
  public var description: String {
    "step \(step.map { "\($0)" } ?? "at the end"): \(violation)"
  }
}

private struct NothingArrived: Error {}

private func arrived(_ delivery: consuming Delivery?) throws -> Delivery {
  guard let delivery = consume delivery else { throw NothingArrived() }
  return delivery
}
