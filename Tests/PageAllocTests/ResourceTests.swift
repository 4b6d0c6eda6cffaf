import CTestPeer
import Glibc
import Testing

@testable import PageAlloc

/// Descriptors that this process holds of arenas.
private var openArenas: Int { Int(unsafe peer_descriptor_count("memfd:binderbuffer")) }

/// Views of arenas that are mapped in this process.
private var mappedViews: Int { Int(unsafe peer_mapping_count("memfd:binderbuffer")) }

/// Limits are a process's own, and counting what a process holds needs it to be alone: each test
/// runs in a process of its own.
@Suite("Running out of resources")
struct ResourceTests {
  @Test(
    .enabled(
      if: peer_has_thread_sanitizer() == 0,
      "the thread sanitizer maps memory of its own for each mapping, and they run out"))
  func tenThousandArenasNeedFewDescriptors() async {
    await #expect(processExitsWith: .success) {
      try #require(peer_limit_descriptors(64) == 0)
      var arenas: [PageArena] = []
      for _ in 0..<10_000 { arenas.append(try PageArena(pageCount: 254)) }
      // A quarter of the limit; others of this process have the first.
      try #require((1...16).contains(openArenas))
      try #require(mappedViews == 20_000)
      let page = try arenas[9_999].allocate(Page.self)
      try #require(page.index == 0)
    }
  }

  /// The first arena keeps its descriptor, the last one does not: nobody sees the difference.
  @Test func longRunsAreZeroAndGoBackWithAndWithoutADescriptor() async {
    await #expect(processExitsWith: .success) {
      try #require(peer_limit_descriptors(64) == 0)
      var arenas: [PageArena] = []
      for _ in 0..<20 { arenas.append(try PageArena(pageCount: 64)) }
      // Unless this process was born with more than a quarter of its limit.
      try #require(!arenas[0].file.isNone && arenas[19].file.isNone)
      let table = Frames(64)
      for arena in [arenas[0], arenas[19]] {
        for _ in 0..<2 {
          try arena.allocate(run: 3..<61, flags: .kernel) { table.frames + $0 }
          try #require(try arena.residentPageCount() == 58)
          for index in 3..<61 {
            try table.frames[index].withMutableBytes { bytes in
              for offset in stride(from: 0, to: Page.size, by: 8) {
                precondition(bytes.unsafeLoad(fromByteOffset: offset, as: UInt64.self) == 0)
              }
              bytes.storeBytes(of: .max, as: UInt64.self)
            }
          }
          arena.release(run: 3..<61) { table.frames + $0 }
          try #require(try arena.residentPageCount() == 0)
        }
      }
    }
  }

  @Test func withoutDescriptorsTheErrorSaysSoAndNothingLeaks() async {
    await #expect(processExitsWith: .success) {
      try #require(peer_limit_descriptors(64) == 0)
      do {
        var arenas: [PageArena] = []
        let error = failure {
          while arenas.count < 64 {
            arenas.append(try PageArena(pageCount: 4, sharing: .exportable))
          }
        }
        try #require(error == .system(.memoryFile, .tooManyOpenFiles))
        try #require(error?.errno == .tooManyOpenFiles)
        try #require(!arenas.isEmpty)
        try #require(
          failure { _ = try arenas[0].readOnlyDescriptor() }
            == .system(.open, .tooManyOpenFiles))
        // Those that exist still work.
        _ = try arenas[0].allocate(Page.self)
        try #require(mappedViews == 2 * arenas.count || mappedViews == -1)
      }
      try #require(openArenas == 0)
      try #require(mappedViews == 0)
    }
  }

  @Test(arguments: RegionSharing.allCases.indices)
  func withoutAddressSpaceTheErrorSaysSoAndNothingLeaks(index: Int) async {
    await #expect(processExitsWith: .success) { [index] in
      let sharing = RegionSharing.allCases[index]
      let mebibyte = 256
      try #require(peer_limit_address_space_growth(1024 << 20) == 0)
      // Room for neither view, then for one of the two.
      for pageCount in [2048 * mebibyte, 700 * mebibyte] {
        try #require(
          failure { _ = try PageArena(pageCount: pageCount, sharing: sharing) }
            == .system(.map, .noMemory))
        try #require(mappedViews == 0)
        try #require(openArenas == 0)
      }
      // There is room for both views of a smaller one.
      _ = try PageArena(pageCount: 100 * mebibyte, sharing: sharing)
      try #require(failure { _ = try LazyMemory(byteCount: 1 << 31) } == .system(.map, .noMemory))
    }
  }

  @Test(arguments: RegionSharing.allCases.indices)
  func everyStepOfCreationMayFail(index: Int) async {
    await #expect(processExitsWith: .success) { [index] in
      let sharing = RegionSharing.allCases[index]
      var errors: [PageAllocError] = []
      while true {
        let faults = FaultInjector.nth(errors.count + 1)
        let error = failure {
          _ = try PageArena(pageCount: 1 << 16, sharing: sharing, faults: faults)
        }
        try #require(openArenas == 0)
        try #require(mappedViews == 0)
        guard let error else { break }
        errors.append(error)
      }
      try #require(errors == [.injected(.memoryFile), .injected(.mapping), .injected(.mapping)])
    }
  }

  @Test func dropsGiveEverythingBack() async {
    await #expect(processExitsWith: .success) {
      for sharing in RegionSharing.allCases {
        do {
          let arena = try PageArena(pageCount: 64, sharing: sharing)
          let table = Frames(64)
          try unsafe arena.allocate(run: 8..<64, flags: .kernel, into: { table.frames + $0 })
          let block = try arena.allocate(Pages<3>.self)
          try #require(block.index == 0)
          try #require(openArenas == 1)
          try #require(mappedViews == 2)
          unsafe arena.release(run: 8..<64, from: { table.frames + $0 })
        }
        try #require(openArenas == 0)
        try #require(mappedViews == 0)
      }
    }
  }
}
