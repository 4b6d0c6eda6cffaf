import Glibc
import PageAlloc
import Testing

@testable import BinderBuffer

/// Every step of a call fails once, at every place where it can: the state is then what it was,
/// and the next attempt goes well.
@Suite struct CallFaultTests {
  @Test(arguments: PlacementPolicy.newest)
  func everyStep(policy: PlacementPolicy) throws {
    var points = Set<FaultKind>()
    var rounds = 0
    for n in 1... {
      let faults = FaultInjector.nth(n)
      let failed = try runCall(policy, faults)
      #expect(failed.count == faults.injected)
      points.formUnion(failed)
      guard faults.injected > 0 else { break }
      rounds += 1
    }
    // Two regions of three steps; request and reply, each with frames, backing and two copies;
    // one descriptor.
    #expect(rounds == 2 * 3 + 2 * (2 + 2) + 1)
    #expect(points == Set(FaultKind.allCases))
  }

  enum FaultKind: CaseIterable { case map, send, reply, descriptor }

  /// A call with offsets, each step tried again when it fails; which steps failed.
  private func runCall(_ policy: PlacementPolicy, _ faults: FaultInjector) throws -> [FaultKind] {
    var failed: [FaultKind] = []
    let budget = PageBudget(pages: 100)
    let context = Context(budget: budget, faults: faults)

    func makeProcess(_ pid: Int32) throws -> BinderProcess {
      for _ in 0..<2 {
        do throws(BinderError) {
          return try context.makeProcess(
            pid: pid, regionLength: 64 << 10, policy: policy, sharing: .exportable)
        } catch {
          #expect(error.kind == .noMemory)
          failed.append(.map)
        }
      }
      throw NothingReceived()
    }
    let server = try makeProcess(1)
    let client = try makeProcess(2)
    let node = server.makeNode()
    let message = ObjectTests.message(5000, [(16, ObjectTests.Kind.handle.rawValue)])
    let answer = ObjectTests.message(9000, [(64, ObjectTests.Kind.binder.rawValue)])

    func descriptor() throws -> Int32? {
      do throws(BinderError) {
        return try server.readOnlyDescriptor()
      } catch {
        #expect(error.kind == .noMemory)
        failed.append(.descriptor)
        return nil
      }
    }
    let opened = try descriptor() ?? descriptor()
    close(try #require(opened))

    // A call whose reply fails is over, and is made again.
    for _ in 0..<2 {
      var call: TestCall?
      while call == nil {
        let before = [server.countsWithoutFailures, client.countsWithoutFailures]
        do {
          call = try withTransaction(message, oneway: false, offsets: [16]) {
            try client.transmit($0, to: node)
          }.call
        } catch let error as BinderError {
          #expect(error.kind == .noMemory || error.kind == .badSource)
          failed.append(.send)
          let after = [server.countsWithoutFailures, client.countsWithoutFailures]
          expectSame(before, after)
          #expect(server.statistics.failures == FailureCounts([error.kind: 1]))
        }
      }
      let delivery = try server.take()
      #expect(delivery.data == message)
      #expect(delivery.offsets == [16])
      do {
        try withTransaction(answer, oneway: false, offsets: [64]) {
          _ = try server.reply(to: delivery, $0)
        }
        delivery.free()
        let reply = try client.takeArrivedReply(call!)
        #expect(reply.data == answer)
        #expect(reply.offsets == [64])
        break
      } catch let error as BinderError {
        #expect(error.kind == .noMemory || error.kind == .badSource)
        failed.append(.reply)
        #expect(failure { _ = try call!.take() } == .failedReply(pid: 1))
        #expect(client.statistics.bufferCount == 0 && client.statistics.pagesInUse == 0)
        #expect(client.statistics.failures == FailureCounts([error.kind: 1]))
      }
    }
    for process in [server, client] {
      let counts = process.statistics
      #expect(counts.bufferCount == 0 && counts.outstandingCalls == 0)
      #expect(counts.pagesInUse == 0 && counts.freeBytes == 64 << 10)
    }
    context.reclaim()
    #expect(budget.pagesInUse == 0)
    return failed
  }

  /// But for what the pages went through, which a failed copy leaves behind.
  private func expectSame(_ before: [ProcessStatistics], _ after: [ProcessStatistics]) {
    for (before, after) in zip(before, after) {
      var after = after
      #expect(after.pagesAvailable + after.pagesFree == before.pagesAvailable + before.pagesFree)
      after.pagesAvailable = before.pagesAvailable
      after.pagesFree = before.pagesFree
      after.peakPagesInUse = before.peakPagesInUse
      after.framesAllocated = before.framesAllocated
      after.pageHighWatermark = before.pageHighWatermark
      after.peakBuffers = before.peakBuffers
      after.peakBytes = before.peakBytes
      #expect(after == before)
    }
  }
}
