import Testing

@testable import bindersim

@Suite(.timeLimit(.minutes(5))) struct WorkloadTests {
  @Test(arguments: Workload.all.map(\.name))
  func everyMessageCanBeSent(_ name: String) throws {
    let workload = try #require(Workload.all.first { $0.name == name })
    for id in UInt32(0)..<20_000 {
      let message = workload.message(id, seed: 9)
      for shape in [message.request, message.reply] {
        #expect(shape.data <= workload.largestData)
        #expect(shape.offsets <= workload.largestOffsets)
        #expect(shape.data.isMultiple(of: 4))
        #expect(shape.offsets.isMultiple(of: 8) && shape.extra.isMultiple(of: 8))
        #expect(shape.offsets / 8 * Payload.objectSize <= shape.data)
      }
    }
  }

  @Test func messagesFollowFromSeedAndNumber() {
    let workload = Workload.android
    for id in UInt32(0)..<100 {
      let message = workload.message(id, seed: 1)
      let again = workload.message(id, seed: 1)
      #expect(message.request == again.request && message.reply == again.reply)
      #expect(message.isOneway == again.isOneway && message.hold == again.hold)
      #expect(message.key(isReply: false) == again.key(isReply: false))
      #expect(message.key(isReply: false) != message.key(isReply: true))
    }
    let one = (0..<100).map { workload.message($0, seed: 1).request }
    let two = (0..<100).map { workload.message($0, seed: 2).request }
    #expect(one != two)
  }

  @Test func namesAreUnique() {
    #expect(Set(Workload.all.map(\.name)).count == Workload.all.count)
    #expect(RunOptions().workload.name == "android")
  }

  /// The first numbers of SplitMix64 from seed 0, as published with it.
  @Test func generatorIsTheKnownOne() {
    var random = SplitMix64(seed: 0)
    #expect(random.next() == 0xe220_a839_7b1d_cdaf)
    #expect(random.next() == 0x6e78_9e6a_a1b9_65f4)
    #expect(random.next() == 0x06c4_5d18_8009_454f)
  }

  @Test func numbersStayInTheirRange() {
    var random = SplitMix64(seed: 3)
    var seen = Set<Int>()
    for _ in 0..<1000 { seen.insert(random.next(in: 5...9)) }
    #expect(seen == [5, 6, 7, 8, 9])
  }
}
