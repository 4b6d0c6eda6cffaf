import PageAlloc
import Testing

@testable import BinderBuffer

/// A process as text, in the layouts of the drivers' debug files and log.
@Suite(.timeLimit(.minutes(5))) struct DumpTests {
  /// Three buffers: delivered, queued, being filled; one page idle.
  private func fill(_ world: World) throws -> ReservedBuffer {
    let idle = try world.keep(5000)
    _ = try world.keep(40)
    try world.server.free(at: idle)
    let handle = ObjectTests.message(104, [(0, ObjectTests.Kind.handle.rawValue)])
    let queued = try world.send(handle, oneway: false, offsets: [0], extraSize: 16)
    let filling = try world.client.allocate(dataSize: 100, oneway: true, for: world.node)
    #expect(world.server.buffers().map(\.debugID).contains(queued.debugID))
    return filling
  }

  @Test func cDriver() throws {
    let world = try World(.c)
    let filling = try fill(world)
    let ids = world.server.buffers().map(\.debugID)
    #expect(Set(ids).count == 3)
    #expect(
      world.server.debugDump() == """
        proc 1
        context binder
          free async space 32624
          nodes: 3
          buffers: 3
          pages: 2:0:14
          pages high watermark: 2
          pending transactions: 1
          buffer \(ids[0]): 0 size 104:8:16 active
          buffer \(ids[1]): 80 size 0:0:0 active
          buffer \(ids[2]): 1388 size 40:0:0 delivered

        """)
    drop(filling)
  }

  @Test func rustDriver() throws {
    let world = try World(.rust)
    let filling = try fill(world)
    #expect(
      world.server.debugDump() == """
        proc 1
        context binder
          free oneway space: 32624
          nodes: 3
          buffers: 3
          pages: 1:1:14
          outstanding transactions: 1
          buffer: 5000 size 40 pid 2 oneway allocated
          buffer: 5040 size 128 pid 2 allocated
          buffer: 5168 size 104 pid 2 oneway reserved

        """)
    drop(filling)
  }

  @Test func withoutARegion() throws {
    let process = try Context().makeProcess(pid: 7)
    #expect(process.debugDump().hasPrefix("proc 7\n"))
    #expect(
      process.exhaustionLog(requested: 8) == """
        7: binder_alloc_buf size 8 failed, no address space
        allocated: 0 (num: 0 largest: 0), free: 0 (num: 0 largest: 0)
        """)
  }

  @Test(arguments: PlacementPolicy.allCases)
  func exhaustion(policy: PlacementPolicy) throws {
    let world = try World(policy)
    let offsets = try [1000, 64, 3000].map { try world.keep($0) }
    try world.server.free(at: offsets[1])
    let error = failure {
      _ = try world.client.allocate(dataSize: 62_000, oneway: false, for: world.node)
    }
    #expect(error == .noSpace(pid: 1, requested: 62_000, free: 61_536, largestFree: 61_472))
    #expect(
      world.server.exhaustionLog(requested: 62_000) == """
        1: binder_alloc_buf size 62000 failed, no address space
        allocated: 4000 (num: 2 largest: 3000), free: 61536 (num: 2 largest: 61472)
        """)
    try world.server.free(at: offsets[0])
    try world.server.free(at: offsets[2])
    #expect(
      world.server.exhaustionLog(requested: 1 << 20).hasSuffix(
        "allocated: 0 (num: 0 largest: 0), free: 65536 (num: 1 largest: 65536)"))
  }

  /// Every error says who, what and how much.
  @Test func errorsInWords() throws {
    let world = try World()
    let texts = [
      failure { try world.send([UInt8](repeating: 0, count: 40_000)) },
      failure { try world.server.free(at: 24) },
      failure { try world.server.mapRegion(length: 100) },
    ].map { String(describing: $0!) }
    #expect(texts[0].hasPrefix("ENOSPC: process 1: no 40000 bytes of oneway space: 32768 of"))
    #expect(texts[1] == "EINVAL: process 1: cannot free offset 24: no buffer begins there")
    #expect(texts[2] == "EINVAL: a region of 100 bytes: must be a positive multiple of 4096")
  }
}
