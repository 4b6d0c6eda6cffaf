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
      try #require(!arenas[0].memory.file.isNone && arenas[19].memory.file.isNone)
      for arena in [arenas[0], arenas[19]] {
        for _ in 0..<2 {
          var block = try arena.allocate(Pages<5>.self)
          try #require(try arena.residentPageCount() == 32)
          try block.withMutableBytes { bytes in
            for offset in stride(from: 0, to: 32 * Page.size, by: 8) {
              precondition(bytes.unsafeLoad(fromByteOffset: offset, as: UInt64.self) == 0)
              bytes.storeBytes(of: .max, toByteOffset: offset, as: UInt64.self)
            }
          }
          _ = consume block
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

  /// A run is not backed page by page to the last that there is: shrinkers come first, which need
  /// some memory to run.
  @Test(.timeLimit(.minutes(15))) func withoutMemoryALongRunTakesNone() async {
    await #expect(processExitsWith: .success) {
      let budget = PageBudget(pages: 1000)
      let arena = try PageArena(pageCount: 64, sharing: .exportable, budget: budget)
      let asked = Protected(0)
      _ = budget.register { missing in
        asked.withLock { $0 = missing }
        return 0
      }
      try #require(peer_refuse_allocating_file_memory() == 0)
      let error = failure { _ = try arena.allocate(Pages<4>.self) }
      try #require(error == .system(.populate, .noMemory))
      try #require(asked.withLock { $0 } == 16)
      try #require(try arena.residentPageCount() == 0 && budget.pagesInUse == 0)
      let page = try arena.allocate(Page.self)
      try #require(page.index == 0)
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
          let large = try arena.allocate(Pages<5>.self)
          let block = try arena.allocate(Pages<3>.self)
          try #require(large.index == 0 && block.index == 32)
          try #require(openArenas == 1)
          try #require(mappedViews == 2)
        }
        try #require(openArenas == 0)
        try #require(mappedViews == 0)
      }
    }
  }

  /// A file larger than allowed is an error, not a signal that ends the process.
  @Test func aLimitOfFileSizesIsAnError() async {
    await #expect(processExitsWith: .success) {
      var limit = rlimit(rlim_cur: 0, rlim_max: 0)
      try #require(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0)
      try #require(
        failure { _ = try PageArena(pageCount: 1) } == .system(.truncate, .fileTooLarge))
      try #require(openArenas == 0)
    }
  }

  /// Others write to the standard descriptors without asking.
  @Test func noArenaHasAStandardDescriptor() async {
    await #expect(processExitsWith: .success) {
      for standard in 0..<3 { close(CInt(standard)) }
      let arena = try PageArena(pageCount: 1, sharing: .exportable)
      try #require(arena.memory.file.raw > 2)
      let descriptor = try arena.readOnlyDescriptor()
      try #require(descriptor > 2)
      // The test library's threads may have opened something there meanwhile.
      for standard in 0..<3 {
        var name = [CChar](repeating: 0, count: 256)
        _ = unsafe readlink("/proc/self/fd/\(standard)", &name, name.count - 1)
        try #require(unsafe strstr(name, "binderbuffer") == nil)
      }
      try #require(fcntl(descriptor, F_GETFD) & FD_CLOEXEC != 0)
    }
  }

  /// Where not even the tables of an arena fit.
  @Test(
    .enabled(
      if: peer_has_address_sanitizer() == 0,
      "the address sanitizer's own memory is above any limit that matters here"))
  func withoutMemoryForTablesTheErrorSaysSo() async {
    await #expect(processExitsWith: .success) {
      var limit = rlimit(rlim_cur: 1 << 20, rlim_max: 1 << 20)
      try #require(setrlimit(__rlimit_resource_t(RLIMIT_DATA.rawValue), &limit) == 0)
      try #require(
        failure { _ = try PageArena(pageCount: 1 << 24) } == .system(.map, .noMemory))
    }
  }
}
