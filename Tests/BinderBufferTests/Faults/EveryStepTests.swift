import Glibc
import PageAlloc
import Testing

@testable import BinderBuffer

/// Every operation fails at each of its steps, and nothing has happened then.
@Suite struct EveryStepTests {
  @Test(arguments: FallibleOperation.all.indices)
  func failsCleanly(index: Int) async {
    // In a process of its own, where descriptors and mappings can be counted.
    await #expect(processExitsWith: .success) { [index] in
      for policy in PlacementPolicy.newest {
        for ending in FallibleOperation.Ending.allCases {
          try FallibleOperation.all[index].failEveryStep(policy, ending)
        }
      }
    }
  }
}

extension FallibleOperation {
  /// Frames, backing, and one step for each part that is copied.
  static let all: [FallibleOperation] =
    RegionSharing.allCases.map { sharing in
      FallibleOperation(name: "process, \(sharing)", steps: 3) {
        _ = try $0.world.context.makeProcess(pid: 3, regionLength: 1 << 20, sharing: sharing)
      }
    } + [
      FallibleOperation(name: "descriptor", steps: 1, sharing: .exportable) {
        close(try $0.world.server.readOnlyDescriptor())
      },
      FallibleOperation(name: "oneway", steps: 3) { try $0.world.send(pattern) },
      FallibleOperation(name: "oneway, sealed region", steps: 3, sharing: .exportableSealed) {
        try $0.world.send(pattern)
      },
      FallibleOperation(name: "call", steps: 3) { try $0.call() },
      FallibleOperation(name: "objects, extra buffers and security context", steps: 7) {
        try $0.sendObjects()
      },
      FallibleOperation(
        name: "clear on free", steps: 1, prepare: { try $0.leavePagesIdle() },
        run: { try $0.world.send([UInt8](repeating: 0xBB, count: 9000), flags: .clearOnFree) },
        afterFailure: { try $0.expectNothingSeenOf(0xBB) }),
      FallibleOperation(
        name: "two runs of pages", steps: 5,
        prepare: {
          // Five idle pages, of which the second and the fourth, idle longest, are taken back.
          try $0.keepBuffers([4096, 4096, 4096, 4096, 4096])
          for index in [1, 2, 0, 0, 0] { try $0.world.server.free(at: $0.kept.remove(at: index)) }
          $0.world.context.reclaim(2)
        },
        run: { try $0.world.send([UInt8](repeating: 1, count: 20_000)) }),
      FallibleOperation(
        name: "budget shortage", steps: 3, budgetPages: 3, reclaims: true,
        prepare: {
          // The client's idle pages are all that is left.
          try $0.world.server.send(pattern, to: $0.world.client.makeNode())
          try $0.world.client.take().free()
        },
        run: { try $0.world.send(pattern) }),
      FallibleOperation(
        name: "much outstanding", steps: 3,
        prepare: {
          try $0.keepBuffers([100, 5000])
          try $0.call()
          for _ in 0..<3 { try $0.world.send(pattern) }
        },
        run: { try $0.call(pattern) }),
      FallibleOperation(name: "buffer filled in steps", steps: 4) { stage in
        var buffer = try stage.world.client.allocate(
          dataSize: 9000, oneway: true, for: stage.world.node)
        try pattern.withUnsafeBytes {
          var reader = UserSlice(unsafeTrusted: $0).reader()
          try buffer.copy(from: &reader, length: 4500)
          try buffer.copy(from: &reader, at: 4500, length: 4500)
        }
        _ = try stage.world.client.send(buffer, to: stage.world.node)
      },
    ]

  /// Three pages of it.
  private static let pattern = (0..<9000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ 3) }
}

extension FallibleOperation.Stage {
  /// Kept buffers of these sizes.
  func keepBuffers(_ sizes: [Int]) throws {
    for size in sizes { kept.append(try world.keep(size)) }
  }

  /// Pages with frames whose buffer is gone.
  func leavePagesIdle() throws { try world.server.free(at: world.keep(9000)) }

  func call(_ data: [UInt8] = [1, 2, 3, 4]) throws {
    calls.append(try world.send(data, oneway: false).call!)
  }

  /// Two `ptr` objects and a handle.
  func sendObjects() throws {
    let sources = [[UInt8](repeating: 0x11, count: 100), [UInt8](repeating: 0x22, count: 5000)]
    try sources[0].withUnsafeBytes { first in
      try sources[1].withUnsafeBytes { second in
        let pointers = [first, second].map {
          (address: UInt64(UInt(bitPattern: $0.baseAddress)), length: UInt64($0.count))
        }
        let data = ObjectTests.message(
          200,
          [
            (0, ObjectTests.Kind.pointer.rawValue), (40, ObjectTests.Kind.handle.rawValue),
            (64, ObjectTests.Kind.pointer.rawValue),
          ], sources: [0: pointers[0], 64: pointers[1]])
        try world.send(
          data, offsets: [0, 40, 64], extraSize: 5104, securityContext: Array("u:r:app".utf8))
      }
    }
  }

  /// What the next buffer shows of one that failed.
  func expectNothingSeenOf(_ byte: UInt8) throws {
    let allocation = try world.client.allocate(dataSize: 9000, oneway: true, for: world.node)
    _ = try world.client.send(allocation, to: world.server.makeNode())
    let delivery = try world.server.take()
    try #require(!delivery.data.contains(byte))
  }
}
