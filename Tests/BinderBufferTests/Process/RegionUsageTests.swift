import BinderBuffer
import PageAlloc
import Testing

/// The figures and the page states of a moment agree with the full statistics.
@Suite struct RegionUsageTests {
  @Test(arguments: PlacementPolicy.allCases)
  func pagesAreFreeAvailableInUseOrShared(_ policy: PlacementPolicy) throws {
    let context = Context()
    let receiver = try context.makeProcess(
      pid: 1, regionLength: 8 * Page.size, policy: policy)
    let sender = try context.makeProcess(pid: 2, regionLength: Page.size)
    #expect(receiver.pageStates() == [PageState](repeating: .free, count: 8))

    let node = receiver.makeNode()
    func send(_ size: Int) throws -> Int {
      let data = [UInt8](repeating: 1, count: size)
      _ = try sender.call(data, to: node)
      guard let delivery = try receiver.receive() else { return -1 }
      return delivery.keep()
    }
    // One behind the other, not at page borders: they meet in pages 1 and 2.
    let first = try send(6144)
    let second = try send(2048 + 8)
    let third = try send(Page.size)
    #expect((first, second, third) == (0, 6144, 8200))
    #expect(
      receiver.pageStates() == [
        .inUse, .shared, .shared, .inUse, .free, .free, .free, .free,
      ])
    try expectAgreement(receiver)

    try receiver.free(at: first)
    #expect(
      receiver.pageStates() == [
        .available, .inUse, .shared, .inUse, .free, .free, .free, .free,
      ])
    try expectAgreement(receiver)
    context.reclaim()
    #expect(receiver.pageStates()[0] == .free)
    try expectAgreement(receiver)
    try receiver.free(at: second)
    try receiver.free(at: third)
    try expectAgreement(receiver)
  }

  private func expectAgreement(_ process: BinderProcess) throws {
    let inspection = process.inspect()
    let full = inspection.statistics
    #expect(full == process.statistics)
    #expect(full.bufferCount == inspection.buffers.count)
    #expect(full.bytesInUse == inspection.buffers.reduce(0) { $0 + $1.size })
    #expect(full.bytesInUse + full.freeBytes == full.regionLength)
    let states = inspection.pages
    #expect(states.count { $0 == .inUse || $0 == .shared } == full.pagesInUse)
    #expect(states.count { $0 == .available } == full.pagesAvailable)
    #expect(states.count { $0 == .free } == full.pagesFree)
    #expect(
      inspection.framedPages.reduce(0) { $0 + $1.count } == full.pagesInUse + full.pagesAvailable)
  }

  @Test func withoutARegionThereIsNothing() throws {
    let process = try Context().makeProcess(pid: 1)
    #expect(process.statistics.policy == nil)
    #expect(process.pageStates().isEmpty)
  }
}
